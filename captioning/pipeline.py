"""From image files to captions, with nothing but a checkpoint.

Shape legend: B images, N captions of one image, S style, K styles of each image, H rows, W columns.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from datamodules.image_files.keys import ImageKeys, file_keys
from datamodules.image_files.reading import read_image
from lightning_modules import CaptioningModule, load_ensemble
from lightning_modules.base import Constraints
from lightning_modules.generation import Greedy, Sample, Strategy
from lightning_modules.networks.latents import LatentCode
from lightning_modules.ranking import Ranker, generate_ranked
from lightning_modules.results.explained_captions import ExplainedCaption, explained_captions

Value = TypeVar("Value")

Styles = Callable[[LatentCode], Tensor]
"""From images' own styles, `sample` [B, S], and priors to those to generate captions in, [B · K, S], image by image."""


class Description(NamedTuple):
    """The captions that a model generates for one image.

    Attributes:
        path: The image file.
        captions: The captions; the greedy one first, then sampled ones, unless other strategies were asked for.
        log_probabilities: log P(caption | codes) of each, in nats.
        scores: What its strategy, or the ranker, ranks it by.
        finished: Whether it came to its end; the others were cut.
        image_3HW: The image as the model sees it, `uint8`.
        reconstruction_N3HW: The image reconstructed from each caption, in [0, 1]; None where that was not asked for,
            or without image decoder.
        num_draws: How many captions were generated for strategies that select some of them; None without such.
        explained: The captions word by word; None where that was not asked for.
    """

    path: Path
    captions: list[str]
    log_probabilities: list[float]
    scores: list[float]
    finished: list[bool]
    image_3HW: Tensor
    reconstruction_N3HW: Tensor | None
    num_draws: int | None = None
    explained: list[ExplainedCaption] | None = None


class CaptionPipeline:
    """Describes image files.

        pipeline = CaptionPipeline.load("checkpoints/best.ckpt")
        print(pipeline.describe("photo.jpg", num=5, seed=0).captions)

    Args:
        captioner: A trained captioner.
        device: Where it runs, as `torch.device` understands it.
    """

    def __init__(self, captioner: CaptioningModule, *, device: str | torch.device = "cpu") -> None:
        self.captioner = captioner.to(device).eval()

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | Sequence[str | Path],
        *,
        device: str | torch.device = "cpu",
        trusted_packages: Sequence[str] = (),
    ) -> Self:
        """Read a checkpoint, or several as an `Ensemble` (see `load_captioner` for what is refused).

        Args:
            checkpoint: A file that `train.py` wrote, or a folder that `save_pretrained` wrote; or a list of such.
            device: Where the model runs, as `torch.device` understands it.
            trusted_packages: Packages of yours that the checkpoint may build parts from.
        """
        paths = [checkpoint] if isinstance(checkpoint, str | Path) else checkpoint
        return cls(load_ensemble(paths, trusted_packages=trusted_packages), device=device)

    def describe(
        self,
        path: str | Path,
        *,
        num: int = 5,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        filter_thres: float | None = None,
    ) -> Description:
        """Generate `num` captions of an image: the greedy one, then `num` − 1 sampled ones (see `Sample`).

        Raises:
            ValueError: The file is no usable image, or a setting is out of range.
        """
        if num < 1:
            raise ValueError(f"num must be at least 1, got {num}")
        length = self.captioner.tokenizer.max_length  # as many tokens as the model was trained on
        strategies: list[Strategy] = [Greedy(max_length=length)]
        if num > 1:
            strategies.append(
                Sample(
                    num=num - 1,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p,
                    filter_thres=filter_thres,
                    max_length=length,
                )
            )
        return self.describe_batch([path], strategies, seed=seed)[0]

    def generate_description(
        self, path: str | Path, *, filter_thres: float | None = 0.9, temperature: float = 1.0, seed: int = 0
    ) -> str:
        """Return one caption of an image, whose words are sampled (see `Sample`): by default from a tenth of them all.

        Raises:
            ValueError: The file is no usable image, or a setting is out of range.
        """
        length = self.captioner.tokenizer.max_length
        strategy = Sample(num=1, temperature=temperature, filter_thres=filter_thres, max_length=length)
        return self.describe_batch([path], [strategy], seed=seed, reconstruct=False)[0].captions[0]

    def describe_batch(
        self,
        paths: Sequence[str | Path],
        strategies: Sequence[Strategy],
        *,
        seed: int = 0,
        words: Constraints = None,
        styles: Styles | None = None,
        ranker: Ranker | None = None,
        reconstruct: bool = True,
        explain: bool = False,
    ) -> list[Description]:
        """Generate captions of several images together, by one strategy after the other.

        The captions of an image depend on it, the seed and the settings, but not on the other images, up to the
        rounding of sums. The global random state stays as it was.

        Args:
            paths: The image files.
            strategies: How captions are generated; an image gets those of the first, then those of the second, ….
            seed: Of all that is drawn; what an image draws depends on its pixels, too.
            words: What every caption must contain (see `CaptioningModule.generate`).
            styles: Which styles to generate captions in; None for those that a strategy samples.
            ranker: Brings the captions of each strategy into its order, best first; `prepare` it before.
            reconstruct: Whether to reconstruct the image from each caption, if the model can.
            explain: Whether to explain each caption word by word.

        Raises:
            ValueError: There is no file, one is no usable image, or the model cannot do what is asked for.
        """
        if not paths:
            raise ValueError("expected at least one image file to describe, got none")
        captioner = self.captioner
        images_BCHW = torch.stack([read_image(path, captioner.image_size) for path in paths]).to(captioner.device)
        features_BPD = captioner.encode(images_BCHW)
        style_NS = None if styles is None else styles(captioner.sample_latents(features_BPD).style)
        generated = [
            generate_ranked(
                captioner,
                images_BCHW,
                features_BPD,
                strategy,
                seed=seed,
                words=words,
                style_NS=style_NS,
                ranker=ranker,
                keys=partial(_keys_of, paths),
            )
            for strategy in strategies
        ]
        reconstructed = (
            [captioner.reconstruct(part.tokens_NL).unflatten(0, (len(paths), -1)).cpu() for part in generated]
            if reconstruct and captioner.can_reconstruct
            else None
        )
        explained = [explained_captions(captioner, features_BPD, part) for part in generated] if explain else None
        by_image = zip(*(part.by_image() for part in generated), strict=True)
        return [
            Description(
                path=Path(path),
                captions=_joined(part.captions for part in parts),
                log_probabilities=_joined(part.log_probabilities for part in parts),
                scores=_joined(part.scores for part in parts),
                finished=_joined(part.finished for part in parts),
                image_3HW=image_3HW,
                reconstruction_N3HW=None if reconstructed is None else torch.cat([part[row] for part in reconstructed]),
                num_draws=_sum_if_any(part.num_draws for part in parts),
                explained=None if explained is None else _joined(part[row] for part in explained),
            )
            for row, (path, image_3HW, parts) in enumerate(zip(paths, images_BCHW.cpu(), by_image, strict=True))
        ]

    def style_of(self, path: str | Path, caption: str | None = None) -> Tensor:
        """Return an image's own style, the mean of q(S|I), as numbers: [S].

        With one of its captions it is the style of that caption, the mean of q(S|I,w).

        Raises:
            ValueError: There is a caption, and the model reads none.
        """
        image_3HW = read_image(path, self.captioner.image_size)
        features_1PD = self.captioner.encode(image_3HW[None].to(self.captioner.device))
        if caption is None:
            return self.captioner.sample_latents(features_1PD).style.sample[0].cpu()
        if not self.captioner.latents_read_captions:
            raise ValueError(
                f"caption {caption!r}: the style of this model is that of the image alone; leave the caption out, or "
                f"train with model/latents=conditional"
            )
        return self.captioner.latents_of_captions(features_1PD, [[caption]], latent_scale=0.0).style.sample[0].cpu()

    def describe_in_styles(
        self, path: str | Path, style_NS: Tensor, *, strategy: Strategy | None = None
    ) -> Description:
        """Generate an image's caption in each of the given styles.

        Another image's, numbers of one's own, or those that `interpolate_styles` and `traverse_style` make:

            there, here = pipeline.style_of("there.jpg"), pipeline.style_of("here.jpg")
            pipeline.describe_in_styles("here.jpg", interpolate_styles(here[None], there[None], 5))

        Args:
            path: The image file.
            style_NS: The styles.
            strategy: How captions are searched for; greedily unless told otherwise.

        Raises:
            ValueError: The file is no usable image, or the styles have a wrong shape.
        """
        strategy = strategy or Greedy(max_length=self.captioner.tokenizer.max_length)
        return self.describe_batch([path], [strategy], styles=lambda own: style_NS.to(own.sample))[0]


def _keys_of(paths: Sequence[str | Path]) -> ImageKeys:
    return np.array([file_keys(Path(path)) for path in paths], dtype=np.int64)


def _sum_if_any(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _joined(parts: Iterable[list[Value]]) -> list[Value]:
    return [value for part in parts for value in part]
