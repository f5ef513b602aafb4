"""Several captioners as one, whose word probabilities are averaged at each step.

Shape legend: B images, N captions, image by image, L tokens, P positions, D features of a position, X numbers of all
features, V vocabulary, K latent samples of an image.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from datamodules.batch import CaptionBatch
from datamodules.image_files.reading import centre_square
from datamodules.training_record import TrainingRecord
from lightning_modules.base import CaptioningModule, Constraints, GeneratedBatch
from lightning_modules.checkpoints.loading import load_captioner
from lightning_modules.generation import (
    EnsembleState,
    EnsembleStepper,
    LatentSampling,
    StartOf,
    Stepper,
    Strategy,
)
from lightning_modules.generation.ensemble_stepper import mean_log_probability
from lightning_modules.inference import generate_captions, likelihood_of_images, origins_of_captions
from lightning_modules.networks import WordPredictions
from lightning_modules.results.explanation import Explanation
from lightning_modules.results.generated import CaptionCodes
from lightning_modules.results.member_starts import MemberStarts
from utils.cache_key import cache_key
from utils.seeding import Generators


@runtime_checkable
class ReadsAtOnce(Protocol):
    """A model that reads whole captions at once, which is quicker than word by word."""

    def word_distributions(self, features_BPD: Tensor, tokens_NL: Tensor, image_of_caption_N: Tensor) -> Tensor:
        """Return log P of all words where captions have one, given those before it, caption by caption: [W, V].

        From the means of each image's latents.

        Args:
            features_BPD: See `CaptioningModule.encode`.
            tokens_NL: The captions, tokens after the prefix, padded.
            image_of_caption_N: For each caption the row of its image.
        """
        ...


class FeatureSlice(NamedTuple):
    """Where the features of one or several members, which have the same encoder, lie among those of the ensemble.

    Attributes:
        member: The first of them.
        start: Where they begin.
        positions: P.
        width: D.
    """

    member: CaptioningModule
    start: int
    positions: int
    width: int

    def of(self, features_B1X: Tensor) -> Tensor:
        """Return their `features_BPD`."""
        stop = self.start + self.positions * self.width
        return features_B1X[:, 0, self.start : stop].unflatten(1, (self.positions, self.width))


class Ensemble(CaptioningModule):
    """Generates captions by the mean of its members' word probabilities, (1/M) Σ_m P_m(w | w_<t, image), at each step.

    Members may differ in everything but their tokenizer: any model is one that generates captions by a `Strategy` one
    step after the other. Each has latents of its own, drawn as the strategy says from random numbers that are the
    same for all members, so that equal members draw equal codes. The ensemble has no style that could be given.

    Its features are those of all members, one after the other; members with the same encoder share them. Images are as
    large as the largest member's, and are made smaller for the others.

    Args:
        members: The captioners.
        names: What errors call them.

    Raises:
        ValueError: There is none, or their tokenizers differ.
    """

    has_likelihood = True
    can_explain = True

    def __init__(self, members: Sequence[CaptioningModule], names: Sequence[str] | None = None) -> None:
        super().__init__()
        if not members:
            raise ValueError("expected at least one captioner for an ensemble, got none")
        names = names or [f"member {number}" for number in range(1, len(members) + 1)]
        for name, member in zip(names[1:], members[1:], strict=True):
            difference = members[0].tokenizer.difference(member.tokenizer)
            if difference is not None:
                raise ValueError(
                    f"{names[0]} and {name}: their tokenizers differ ({difference}), so that their probabilities are "
                    f"of other words; choose checkpoints that were trained with one tokenizer on the same captions"
                )
        self.members = nn.ModuleList(members)
        self.tokenizer = min((member.tokenizer for member in members), key=lambda tokenizer: tokenizer.max_length)
        self.image_size = max(member.image_size for member in members)
        self.strategy = members[0].strategy
        for member in members:
            self.record_training(member.trained_on or TrainingRecord.unknown())
        self.eval()
        self.slices = self._measure_slices()

    def _measure_slices(self) -> list[FeatureSlice]:
        """Return where the features of each member are; the same for those of one encoder and size."""
        slices: dict[tuple[str, int], FeatureSlice] = {}
        start = 0
        for member in self._members():
            key = (member.features_fingerprint, member.image_size)
            if key not in slices:
                size = member.image_size
                blank_1CHW = torch.zeros(1, 3, size, size, dtype=torch.uint8, device=member.device)
                _, positions, width = member.encode(blank_1CHW).shape
                slices[key] = FeatureSlice(member, start, positions, width)
                start += positions * width
        return [slices[member.features_fingerprint, member.image_size] for member in self._members()]

    def _members(self) -> Iterator[CaptioningModule]:
        for member in self.members:
            assert isinstance(member, CaptioningModule)
            yield member

    def _distinct_slices(self) -> list[FeatureSlice]:
        return list({part.start: part for part in self.slices}.values())

    @torch.no_grad()
    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Return the features of all members side by side: [B, 1, X]."""
        features = []
        for part in self._distinct_slices():
            size = part.member.image_size
            fitting_BCHW = images_BCHW if size == images_BCHW.shape[-1] else centre_square(images_BCHW, size)
            features.append(part.member.encode(fitting_BCHW))
        return _side_by_side(features)

    @torch.no_grad()
    def features_of(self, batch: CaptionBatch) -> Tensor:
        """Return `features_BPD` of a batch; what was cached must be of a fixed part that all members have in common."""
        if batch.features_BPD is None:
            return self.encode(batch.images_BCHW)
        return _side_by_side([part.member.features_of(batch) for part in self._distinct_slices()])

    def pooled_features(self, features_BPD: Tensor) -> Tensor:
        """Return the members' vectors side by side, each of length 1, so that all have the same say: [B, D]."""
        vectors = [part.member.pooled_features(part.of(features_BPD)) for part in self._distinct_slices()]
        return torch.cat([nn.functional.normalize(vector_BD, dim=1) for vector_BD in vectors], dim=1)

    @torch.no_grad()
    def generate(
        self,
        features_BPD: Tensor,
        strategy: Strategy | None = None,
        *,
        words: Constraints = None,
        style_NS: Tensor | None = None,
        generators: Generators | None = None,
    ) -> GeneratedBatch:
        if style_NS is not None:
            raise ValueError("an ensemble has no style of its own, for each member has another; give one checkpoint")
        strategy = strategy or self.strategy
        starts = self._start(features_BPD, strategy.latents, strategy.max_length, generators)
        return generate_captions(
            EnsembleStepper(starts.steppers),
            starts.state,
            self.tokenizer,
            strategy,
            num_images=len(features_BPD),
            num_states=starts.num_samples,
            device=features_BPD.device,
            latents=starts,
            words=words,
            generators=generators,
        )

    def _start(
        self, features_BPD: Tensor, sampling: LatentSampling, max_length: int, generators: Generators | None = None
    ) -> MemberStarts:
        """Start every member, each with the same random numbers."""
        before = [generator.get_state() for generator in generators or ()]
        starts, codes = [], []
        for member, part in zip(self._members(), self.slices, strict=True):
            for generator, first in zip(generators or (), before, strict=True):
                generator.set_state(first)
            start = StartOf(sampling, max_length)
            codes.append(member.generate(part.of(features_BPD), start, generators=generators).latents)
            starts.append(start)
        state = EnsembleState(tuple(start.state for start in starts))
        steppers = tuple(start.stepper for start in starts)
        return MemberStarts(len(starts[0].first_N), steppers, state, tuple(codes))

    @torch.no_grad()
    def log_likelihood(self, features_BPD: Tensor, tokens_NL: Tensor, num: int, generators: Generators) -> Tensor:
        sampling = LatentSampling(num=num, style_scale=1.0, content_scale=1.0)
        starts = self._start(features_BPD, sampling, tokens_NL.shape[1], generators)
        return likelihood_of_images(self, starts, tokens_NL, num_images=len(features_BPD))

    def log_probability(self, latents: MemberStarts, tokens_NL: Tensor) -> Tensor:
        """Return log P of captions, each from its own start, in nats: [N]."""
        return self._predictions(latents, tokens_NL).log_probability_NL.sum(dim=1)

    @torch.no_grad()
    def explain(
        self, features_BPD: Tensor, tokens_NL: Tensor, latents: CaptionCodes | None = None, *, attention: bool = True
    ) -> Explanation:
        """Return the predictions of the mean, and the mean attention where all members look at the same places."""
        starts = latents or self._start(features_BPD, LatentSampling(), tokens_NL.shape[1])
        assert isinstance(starts, MemberStarts), "of this model"
        rows = origins_of_captions(tokens_NL, starts.num_samples, "samples of the latents")
        predictions = self._predictions(starts.select(rows), tokens_NL)
        if not attention or not all(member.can_explain for member in self._members()):
            return Explanation(predictions)
        explanations = [
            member.explain(part.of(features_BPD), tokens_NL, codes)
            for member, part, codes in zip(self._members(), self.slices, starts.codes, strict=True)
        ]
        weights = [one.attention_NLP for one in explanations if one.attention_NLP is not None]
        if len(weights) < len(explanations) or len({one.grid for one in explanations}) > 1:
            return Explanation(predictions)
        return Explanation(predictions, torch.stack(weights).mean(dim=0), explanations[0].grid)

    @torch.no_grad()
    def word_distributions(self, features_BPD: Tensor, tokens_NL: Tensor, image_of_caption_N: Tensor) -> Tensor:
        """Return log P of all words where captions have one (see `ReadsAtOnce`): [W, V]."""
        is_word_NL = tokens_NL != self.tokenizer.vocabulary.pad_id
        nats = []
        for member, part in zip(self._members(), self.slices, strict=True):
            if isinstance(member, ReadsAtOnce):
                nats.append(member.word_distributions(part.of(features_BPD), tokens_NL, image_of_caption_N))
            else:
                start = StartOf(LatentSampling(), tokens_NL.shape[1])
                member.generate(part.of(features_BPD), start)
                by_place = self._read(start.stepper, start.state.select(image_of_caption_N), tokens_NL)
                nats.append(torch.stack([*by_place], dim=1)[is_word_NL])
        return mean_log_probability(torch.stack(nats))

    def _read(self, stepper: Stepper, state: Any, tokens_NL: Tensor) -> Iterator[Tensor]:
        """Read captions word by word; yield `logits_NV` of the words at each place before it is read."""
        before_N = torch.full_like(tokens_NL[:, 0], self.tokenizer.vocabulary.prefix[-1])
        for tokens_N in tokens_NL.unbind(dim=1):
            logits_NV, state = stepper.step(before_N, state)
            yield logits_NV.float()
            before_N = tokens_N

    def _predictions(self, starts: MemberStarts, tokens_NL: Tensor) -> WordPredictions:
        """Return what was predicted at each word of captions, each from its own start."""
        vocabulary = self.tokenizer.vocabulary
        by_place = self._read(EnsembleStepper(starts.steppers), starts.state, tokens_NL)
        columns = []
        for tokens_N, nats_NV in zip(tokens_NL.unbind(dim=1), by_place, strict=True):
            best_N = nats_NV.max(dim=1)
            columns.append((nats_NV.gather(1, tokens_N[:, None]).squeeze(1), best_N.indices, best_N.values))
        nats_NL, likeliest_NL, highest_NL = (torch.stack(part, dim=1) for part in zip(*columns, strict=True))
        is_padding_NL = tokens_NL == vocabulary.pad_id
        return WordPredictions(
            nats_NL.masked_fill(is_padding_NL, 0),
            likeliest_NL.masked_fill(is_padding_NL, vocabulary.pad_id),
            highest_NL.masked_fill(is_padding_NL, 0),
        )

    @property
    def can_reconstruct(self) -> bool:
        sizes = {member.image_size for member in self._members()}
        return len(sizes) == 1 and all(member.can_reconstruct for member in self._members())

    @torch.no_grad()
    def reconstruct(self, tokens_NL: Tensor) -> Tensor:
        """Return the mean of the members' images, where all make images of one size."""
        if not self.can_reconstruct:
            return super().reconstruct(tokens_NL)
        return torch.stack([member.reconstruct(tokens_NL) for member in self._members()]).mean(dim=0)

    @property
    def features_fingerprint(self) -> str:
        encoders = [(part.member.features_fingerprint, part.member.image_size) for part in self._distinct_slices()]
        return cache_key(looks=encoders, image_size=self.image_size)

    @property
    def features_code(self) -> str:
        return cache_key(members=[part.member.features_code for part in self._distinct_slices()])


def _side_by_side(features: Sequence[Tensor]) -> Tensor:
    """Return the features of several members as the ensemble's: [B, 1, X]."""
    return torch.cat([features_BPD.float().flatten(1) for features_BPD in features], dim=1).unsqueeze(1)


def load_ensemble(paths: Sequence[str | Path], *, trusted_packages: Sequence[str] = ()) -> CaptioningModule:
    """Rebuild the captioners of checkpoints as one model; that of a single checkpoint as it is.

    Args:
        paths: Files that `train.py` wrote, or folders that `save_pretrained` wrote.
        trusted_packages: Packages of yours that the checkpoints may build parts from.

    Raises:
        ValueError: As `load_captioner`, or their tokenizers differ.
    """
    members = [load_captioner(path, trusted_packages=trusted_packages) for path in paths]
    return members[0] if len(members) == 1 else Ensemble(members, [*map(str, paths)])
