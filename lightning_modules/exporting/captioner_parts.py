"""The parts of a `networks.Captioner`.

Shape legend: B images, N captions or samples, L tokens, C channels, H rows, W columns, P positions of the encoder's
grid, D features of a position, S style, Z content, V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from itertools import count

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lightning_modules.exporting.parts import ExportedModel, NoiseInput, NoiseKind, Part
from lightning_modules.networks import Captioner
from lightning_modules.networks.decoders import PackedState
from lightning_modules.networks.latents import (
    MEAN,
    CategoricalCode,
    ConditionalLatents,
    DiagonalGaussian,
    Distribution,
    LatentCode,
    Latents,
    Noise,
    latents_of_means,
)

BATCH, READ = 3, 4  # sizes of the examples


class EncoderPart(nn.Module):
    """Images to features."""

    def __init__(self, network: Captioner) -> None:
        super().__init__()
        self.encoder = network.encoder

    def forward(self, images_BCHW: Tensor) -> Tensor:
        features_BPD: Tensor = self.encoder(images_BCHW)
        return features_BPD.contiguous()


class CodesPart(nn.Module):
    """Features and random numbers to codes and memory.

    Args:
        network: The network.
        noise: The random numbers that it takes, in the order of its last arguments.
    """

    def __init__(self, network: Captioner, noise: Sequence[NoiseInput]) -> None:
        super().__init__()
        self.latents = network.latents
        self.names = tuple(part.name for part in noise)

    def forward(
        self, features_NPD: Tensor, style_scale: Tensor, content_scale: Tensor, *noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        given = dict(zip(self.names, noise, strict=True))
        style_from, content_from = (
            _source(scale, [number for name, number in given.items() if name.startswith(code)])
            for code, scale in (("style", style_scale), ("content", content_scale))
        )
        rows_N = torch.arange(features_NPD.shape[0], device=features_NPD.device)
        latents = self.latents(features_NPD, rows_N, style_from, content_from)
        return latents.style.sample, latents.content.sample, latents.memory_MPD.contiguous()


def _source(scale: Tensor, numbers: Sequence[Tensor]) -> Callable[[Distribution, Distribution], Tensor]:
    """Return what makes a code of given random numbers, or its mean where the scale is 0."""

    def sample(posterior: Distribution, prior: Distribution) -> Tensor:
        left = iter(numbers)
        noise = Noise(normal=lambda *_, **__: next(left), uniform=lambda *_, **__: next(left))
        return torch.where(scale == 0, posterior.mean, posterior.sample(1.0, None, noise))

    return sample


class ComponentsPart(nn.Module):
    """Features to the weights of a mixture's Gaussians, and the codes and memory of each of their means."""

    def __init__(self, network: Captioner) -> None:
        super().__init__()
        self.latents = network.latents

    def forward(self, features_BPD: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows_B = torch.arange(features_BPD.shape[0], device=features_BPD.device)
        mixture = self.latents(features_BPD, rows_B, MEAN, MEAN).style.prior
        latents = latents_of_means(self.latents, features_BPD, mixture)
        memory_XPD = latents.memory_MPD.contiguous()
        return mixture.log_weight_NK, latents.style.sample, latents.content.sample, memory_XPD


class StartPart(nn.Module):
    """Codes and memory to the decoder's state before the last token of the prefix."""

    def __init__(self, network: Captioner) -> None:
        super().__init__()
        self.network = _with_only(network, "combiner", "embedding", "decoder_text")

    def forward(self, style_NS: Tensor, content_NZ: Tensor, memory_NPD: Tensor) -> tuple[Tensor, ...]:
        latents = Latents(_code(style_NS), _code(content_NZ), memory_NPD)
        packed = self.network.decoder_text.pack_state(self.network.start(latents))
        return *packed.fixed.values(), *(part.contiguous() for part in packed.carried.values())


class StepPart(nn.Module):
    """A word and the decoder's state to the logits of the next word, and what the word changes of the state.

    Args:
        network: The network.
        state: A state, for its names.
    """

    def __init__(self, network: Captioner, state: PackedState) -> None:
        super().__init__()
        self.network = _with_only(network, "embedding", "decoder_text", "middle")
        self.names = (tuple(state.fixed), tuple(state.carried))

    def forward(self, tokens_N: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        fixed, carried = self.names
        packed = PackedState(
            dict(zip(fixed, state[: len(fixed)], strict=True)), dict(zip(carried, state[len(fixed) :], strict=True))
        )
        decoder = self.network.decoder_text
        logits_NV, after = self.network.step(tokens_N, decoder.unpack_state(packed))
        return logits_NV, *(part.contiguous() for part in decoder.pack_state(after).carried.values())


class ImageDecoderPart(nn.Module):
    """Captions, tokens after the prefix, padded, to images in [0, 1].

    Args:
        network: The network.
        longest: Most tokens of a caption. All are padded to that many: PyTorch exports a GRU for one length alone.
    """

    def __init__(self, network: Captioner, longest: int) -> None:
        super().__init__()
        self.network = _with_only(network, "embedding", "decoder_image")
        self.longest = longest

    def forward(self, tokens_NL: Tensor) -> Tensor:
        padded_NL = pad(tokens_NL, (0, self.longest - tokens_NL.shape[1]), value=self.network.pad_id)
        return self.network.reconstruct(padded_NL).contiguous()


@torch.no_grad()
def captioner_parts(network: Captioner, *, image_size: int, max_length: int) -> ExportedModel:
    """Return the parts of a network in evaluation mode, with examples of their inputs.

    Args:
        network: The network.
        image_size: Height and width of its images in pixels.
        max_length: Most tokens of a caption that images are reconstructed from, `<eos>` included; 2 or more.

    Raises:
        ValueError: A part of it cannot be exported.
    """
    images_BCHW = torch.zeros(BATCH, 3, image_size, image_size, dtype=torch.uint8)
    features_NPD = EncoderPart(network)(images_BCHW)
    noise = noise_of(network, features_NPD)
    codes_inputs = {
        "features": features_NPD,
        "style_scale": torch.tensor(1.0),
        "content_scale": torch.tensor(1.0),
        **{part.name: torch.full((BATCH, *part.shape), 0.5) for part in noise},
    }
    codes_part = CodesPart(network, noise)
    codes = dict(zip(("style", "content", "memory"), codes_part(*codes_inputs.values()), strict=True))
    state = _example_state(network, codes)
    tokens_N = torch.full((BATCH,), network.prefix[-1])
    fixed, carried = ({f"state_{name}": part for name, part in parts.items()} for parts in (state.fixed, state.carried))
    tokens = {"tokens": tokens_N, **fixed, **carried}
    growing = {} if state.growing_axis is None else {state.growing_axis: "read"}
    most = network.decoder_text.most_tokens
    parts = {
        "encoder": _part(EncoderPart(network), {"images": images_BCHW}, ("features",)),
        "codes": _part(codes_part, codes_inputs, tuple(codes)),
        "start": _part(StartPart(network), codes, (*fixed, *carried)),
        "step": _part(
            StepPart(network, state),
            tokens,
            ("logits", *(f"next_{name}" for name in carried)),
            dynamic=dict.fromkeys(carried, growing),
            longest={} if most is None else {"read": most - 1},
        ),
    }
    if isinstance(network.latents, ConditionalLatents) and network.latents.num_components > 1:
        outputs = ("log_weight", "style", "content", "memory")
        parts["components"] = _part(ComponentsPart(network), {"features": features_NPD}, outputs)
    if network.decoder_image is not None:
        tokens_NL = torch.full((BATCH, max_length - 1), network.prefix[-1])
        parts["image_decoder"] = _part(
            ImageDecoderPart(network, max_length),
            {"tokens": tokens_NL},
            ("images",),
            dynamic={"tokens": {1: "length"}},
            longest={"length": max_length},
        )
    return ExportedModel(parts, noise, tuple(fixed), tuple(carried), first_id=network.prefix[-1])


def noise_of(network: Captioner, features_NPD: Tensor) -> tuple[NoiseInput, ...]:
    """Return the random numbers that the latents of a network are sampled with, in the order in which they ask."""
    asked: list[NoiseInput] = []

    def recorded(code: str) -> Callable[[Distribution, Distribution], Tensor]:
        def sample(posterior: Distribution, prior: Distribution) -> Tensor:
            number = count()

            def draw(kind: NoiseKind) -> Callable[..., Tensor]:
                def numbers(shape: Sequence[int], **_: object) -> Tensor:
                    asked.append(NoiseInput(f"{code}_noise_{next(number)}", kind, tuple(shape[1:])))
                    return torch.full(tuple(shape), 0.5)

                return numbers

            discrete = isinstance(posterior, CategoricalCode)
            return posterior.sample(1.0, None, Noise(draw("normal"), draw("gumbel" if discrete else "uniform")))

        return sample

    rows_N = torch.arange(len(features_NPD))
    network.latents(features_NPD, rows_N, recorded("style"), recorded("content"))
    return tuple(asked)


def _with_only(network: Captioner, *parts: str) -> Captioner:
    """Return a network that shares these parts of another and has no more: a program would hold the weights of all."""
    smaller = copy(network)
    smaller.__dict__["_modules"] = {name: part for name, part in network.named_children() if name in parts}
    return smaller


def _code(code: Tensor) -> LatentCode:
    """Return a code that is known, in the form in which a network takes it."""
    known = DiagonalGaussian(code, torch.zeros_like(code))
    return LatentCode(code, known, known)


def _example_state(network: Captioner, codes: Mapping[str, Tensor]) -> PackedState:
    """Return a state after a few words."""
    latents = Latents(_code(codes["style"]), _code(codes["content"]), codes["memory"])
    state = network.start(latents)
    for _ in range(READ):
        _, state = network.step(torch.full((BATCH,), network.prefix[-1]), state)
    packed = network.decoder_text.pack_state(state)
    return packed._replace(carried={name: part.contiguous() for name, part in packed.carried.items()})


def _part(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: tuple[str, ...],
    *,
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    longest: Mapping[str, int] | None = None,
) -> Part:
    """Return a part whose inputs, but for single numbers, have a row for each image or caption."""
    own = dynamic or {}
    axes = {name: {0: "batch", **own.get(name, {})} if tensor.ndim else {} for name, tensor in inputs.items()}
    return Part(module.eval(), inputs, outputs, axes, longest or {})
