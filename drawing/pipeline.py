"""From prompts to images, with nothing but a checkpoint.

Shape legend: M drawings of a prompt, P positions of the grid of codes, Q of them that are given, H rows, W columns.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from datamodules.image_files.reading import read_image
from lightning_modules import CaptioningModule, load_captioner
from lightning_modules.drawing import draw_each, refuse_unknown_prompts
from lightning_modules.generation import Drawing, SampledDrawing
from lightning_modules.ranking import DrawingRanker, best_drawings_first

PRIMED = 7 / 16
"""The share of the rows of codes that an image gives by default, as in DALLE-pytorch."""


class Prime(NamedTuple):
    """What drawings begin with.

    Attributes:
        path: An image file.
        rows: Rows of its codes; None for 7 of 16.
    """

    path: Path
    rows: int | None = None


class Drawings(NamedTuple):
    """The images that a model has drawn of a prompt.

    Attributes:
        prompt: The prompt.
        images_M3HW: In [0, 1].
        codes_MP: The same as codes, row by row of the grid.
        log_probabilities: log P(codes | prompt) of each, in nats; of codes that were given it has nothing.
        scores: What they are ranked by; None where they are not.
        num_drawn: How many were drawn, of which these are kept.
    """

    prompt: str
    images_M3HW: Tensor
    codes_MP: Tensor
    log_probabilities: list[float]
    scores: list[float] | None
    num_drawn: int


class DrawingPipeline:
    """Draws images of captions.

        pipeline = DrawingPipeline.load("dalle.ckpt")
        images = pipeline.draw("a large red circle", num=4, seed=0).images_M3HW

    Args:
        captioner: A trained model that can draw.
        device: Where it runs, as `torch.device` understands it.

    Raises:
        ValueError: The model cannot draw.
    """

    def __init__(self, captioner: CaptioningModule, *, device: str | torch.device = "cpu") -> None:
        if not captioner.can_draw:
            raise ValueError(
                f"expected a model that draws images of captions (model=dalle of train.py), got a "
                f"{type(captioner).__name__}, which captions images alone; name another"
            )
        self.captioner = captioner.to(device).eval()

    @classmethod
    def load(
        cls, checkpoint: str | Path, *, device: str | torch.device = "cpu", trusted_packages: Sequence[str] = ()
    ) -> Self:
        """Read a checkpoint (see `load_captioner` for what is refused).

        Args:
            checkpoint: A file that `train.py` wrote, or a folder that `save_pretrained` wrote.
            device: Where the model runs, as `torch.device` understands it.
            trusted_packages: Packages of yours that the checkpoint may build parts from.
        """
        captioner = load_captioner(checkpoint, trusted_packages=trusted_packages)
        try:
            return cls(captioner, device=device)
        except ValueError as error:
            raise ValueError(f"{checkpoint}: {error}") from error

    def draw(
        self,
        prompt: str,
        *,
        num: int = 4,
        seed: int = 0,
        guidance: float = 2.0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = 0.9,
        filter_thres: float | None = None,
        prime: Prime | None = None,
    ) -> Drawings:
        """Draw `num` images of a prompt (see `SampledDrawing`).

        Raises:
            ValueError: The model does not know a word of the prompt, or a setting is out of its range.
        """
        drawing = SampledDrawing(
            guidance=guidance, temperature=temperature, top_k=top_k, top_p=top_p, filter_thres=filter_thres
        )
        return self.draw_batch([prompt], drawing, num=num, seed=seed, prime=prime)[0]

    def draw_batch(
        self,
        prompts: Sequence[str],
        drawing: Drawing,
        *,
        num: int,
        seed: int = 0,
        batch_size: int = 16,
        prime: Prime | None = None,
        ranker: DrawingRanker | None = None,
        keep: int | None = None,
        advance: Callable[[int], object] | None = None,
    ) -> list[Drawings]:
        """Draw images of several prompts together.

        Those of a prompt depend on its words, the seed and the settings, but not on the other prompts, up to the
        rounding of sums; the first of many are those of few. The global random state stays as it was.

        Args:
            prompts: What to draw.
            drawing: How.
            num: Images of each prompt.
            seed: Of all that is drawn.
            batch_size: Images at once.
            prime: What all of them begin with; None for nothing.
            ranker: Brings each prompt's images into its order, best first; None for the order of their numbers.
            keep: How many of these are kept; None for all.
            advance: Is told how many images were drawn, as they are.

        Raises:
            ValueError: The model does not know a word of a prompt, a number is below 1, or the image cannot be read.
        """
        if num < 1:
            raise ValueError(f"num must be at least 1, got {num}")
        refuse_unknown_prompts(prompts, self.captioner.tokenizer)
        given_Q = None if prime is None else self.given_codes(prime)
        drawn = draw_each(
            self.captioner,
            prompts,
            drawing,
            num=num,
            seed=seed,
            batch_size=batch_size,
            given_Q=given_Q,
            advance=advance,
        )
        scores_R = None
        if ranker is not None:
            drawn, scores_R = best_drawings_first(drawn, ranker(self.captioner, prompts, drawn), len(prompts))
        found = []
        for number, prompt in enumerate(prompts):
            rows = slice(number * num, number * num + (keep or num))
            scores = None if scores_R is None else scores_R[rows].tolist()
            nats = drawn.log_probability_R[rows].tolist()
            found.append(Drawings(prompt, drawn.images_RCHW[rows], drawn.codes_RP[rows], nats, scores, num))
        return found

    def given_codes(self, prime: Prime) -> Tensor:
        """Return the codes of an image's first rows: [Q].

        Raises:
            ValueError: The file is no usable image, or has not as many rows of codes.
        """
        image_3HW = read_image(prime.path, self.captioner.image_size)
        rows, columns = self.captioner.code_grid
        num = max(int(PRIMED * rows), 1) if prime.rows is None else prime.rows
        if not 1 <= num < rows:
            raise ValueError(
                f"prime rows {num}: expected 1 to {rows - 1} of the {rows} rows of codes that an image has"
            )
        return self.captioner.codes_of(image_3HW[None].to(self.captioner.device))[0, : num * columns]
