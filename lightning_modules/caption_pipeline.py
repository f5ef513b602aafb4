"""From image files to captions, with nothing but a checkpoint.

Shape legend: N captions of one image, S style, H rows, W columns.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from datamodules.images import read_image
from lightning_modules.checkpoint import load_captioner
from lightning_modules.describing import Descriptions
from lightning_modules.generation import Greedy, Sample, Strategy
from lightning_modules.variational_captioner import VariationalCaptioner


class Description(NamedTuple):
    """What a model says of one image.

    Attributes:
        path: The image file.
        captions: The greedy caption, then sampled ones; or the greedy one in each style that was asked for.
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

    def style_of(self, path: str | Path) -> Tensor:
        """Return an image's own style, the mean of q(S|I), as numbers: [S]."""
        image_3HW = read_image(path, self.captioner.image_size)
        return self.captioner.codes(image_3HW[None].to(self.captioner.device)).style.sample[0].cpu()

    def describe_in_styles(
        self, path: str | Path, style_NS: Tensor, *, strategy: Strategy | None = None
    ) -> Description:
        """Say an image's caption in each of the given styles.

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
        image_3HW = read_image(path, self.captioner.image_size)
        images_BCHW = image_3HW[None].to(self.captioner.device)
        said = self.captioner.describe(images_BCHW, strategy or Greedy(), style_NS=style_NS)
        return Description(Path(path), said.captions[0], image_3HW, self._redraw([said]))

    def _redraw(self, said: list[Descriptions]) -> Tensor | None:
        if not self.captioner.draws:
            return None
        return torch.cat([self.captioner.redraw(part.tokens_NL) for part in said]).cpu()
