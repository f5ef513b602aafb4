"""From image files to captions, with nothing but a checkpoint.

Shape legend: N captions of one image, H rows, W columns.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from datamodules.images import read_image
from lightning_modules.checkpoint import load_captioner
from lightning_modules.generation import Greedy, Sample
from lightning_modules.variational_captioner import Descriptions, VariationalCaptioner


class Description(NamedTuple):
    """What a model says of one image.

    Attributes:
        path: The image file.
        captions: The greedy caption, then sampled ones.
        image_3HW: The image as the model sees it, `uint8`.
        redrawn_N3HW: The image redrawn from each caption, in [0, 1]; None without image decoder.
    """

    path: Path
    captions: list[str]
    image_3HW: Tensor
    redrawn_N3HW: Tensor | None


class CaptionPipeline:
    """Describes image files.

        pipeline = CaptionPipeline.load("checkpoints/best.ckpt")
        print(pipeline.describe("photo.jpg", num=5, seed=0).captions)

    Args:
        captioner: A trained captioner.
        device: Where it runs, as `torch.device` understands it.
    """

    def __init__(self, captioner: VariationalCaptioner, *, device: str | torch.device = "cpu") -> None:
        self.captioner = captioner.to(device).eval()

    @classmethod
    def load(cls, checkpoint: str | Path, *, device: str | torch.device = "cpu") -> Self:
        """Read a checkpoint (see `load_captioner` for what is refused)."""
        return cls(load_captioner(checkpoint), device=device)

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
        """Say `num` captions of an image: the greedy one, then `num` − 1 sampled ones (see `Sample`).

        The captions depend on the image, the seed and the settings alone. The global random state stays as it was.

        Raises:
            ValueError: The file is no usable image, or a setting is out of range.
        """
        if num < 1:
            raise ValueError(f"num must be at least 1, got {num}")
        image_3HW = read_image(path, self.captioner.image_size)
        greedy = Greedy()
        strategies: list[Greedy | Sample] = [greedy]
        if num > 1:
            strategies.append(
                Sample(num=num - 1, temperature=temperature, top_k=top_k, top_p=top_p, filter_thres=filter_thres)
            )
        devices = [self.captioner.device] if self.captioner.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            said = [self.captioner.describe(image_3HW[None].to(self.captioner.device), way) for way in strategies]
        captions = [caption for part in said for caption in part.captions[0]]
        return Description(Path(path), captions, image_3HW, self._redraw(said))

    def describe_all(self, paths: Sequence[str | Path], **settings: float | None) -> Iterator[Description]:
        """Describe each image in turn, with the settings of `describe`."""
        for path in paths:
            yield self.describe(path, **settings)  # type: ignore[arg-type]

    def _redraw(self, said: list[Descriptions]) -> Tensor | None:
        if not self.captioner.draws:
            return None
        return torch.cat([self.captioner.redraw(part.tokens_NL) for part in said]).cpu()
