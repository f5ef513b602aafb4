"""The torch dataset over a split."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.batch import CaptionSample, UnreadableImage
from datamodules.image_files.reading import BadImageError
from datamodules.sampler import SampleRequest
from datamodules.split import CaptionSplit
from datamodules.token_table import tokenize
from datamodules.tokenizers import CaptionTokenizer
from utils.seeding import seed_cpu

NO_PIXELS = torch.empty(3, 0, 0, dtype=torch.uint8)


class CaptionDataset(Dataset[CaptionSample | UnreadableImage]):
    """The images of a split, each with `captions_per_image` of its captions.

    Args:
        split: The images and captions.
        tokenizer: Turns captions into token ids; each caption is tokenized once, here.
        captions_per_image: How many captions of an image come with it, drawn at random without replacement; None for
            all of them, in order. An image with fewer captions gives all that it has.
        include_longest_caption: Whether the longest caption of an image, the first of those, is always among them.
        skip_bad_images: Whether an image that cannot be read is an `UnreadableImage`, and not an error.

    Attributes:
        features: What a frozen encoder sees of each image, `features_TPD` of each view, if that was computed before;
            one view comes with the image.
        without_features: The numbers of images that could not be read when features were computed.
        with_images: Whether the image itself comes along; otherwise it has no pixels.
    """

    def __init__(
        self,
        split: CaptionSplit,
        tokenizer: CaptionTokenizer,
        captions_per_image: int | None = None,
        *,
        include_longest_caption: bool = False,
        skip_bad_images: bool = False,
    ) -> None:
        self.split = split
        self.captions_per_image = captions_per_image
        self.include_longest_caption = include_longest_caption
        self.features: Sequence[NDArray[np.float16]] = ()
        self.without_features: frozenset[int] = frozenset()
        self.skip_bad_images = skip_bad_images
        self.with_images = True
        self.tokens = tokenize(split.captions, tokenizer)

    def __len__(self) -> int:
        return len(self.split.image_ids)

    def __getitem__(self, index: int | SampleRequest) -> CaptionSample | UnreadableImage:
        """Return an image with its captions; what is drawn for a `SampleRequest` follows from its seed.

        Raises:
            BadImageError: The image cannot be read, and such images are not left out.
        """
        if isinstance(index, SampleRequest):
            seed_cpu(index.seed)
            index = index.number
        try:
            return self._sample(index)
        except BadImageError as error:
            if not self.skip_bad_images:
                raise BadImageError(f"{error}, or leave such images out with data.on_bad_data=skip") from error
            return UnreadableImage(self.split.image_ids[index], str(error))

    def _sample(self, index: int) -> CaptionSample:
        if index in self.without_features:
            raise BadImageError(f"{self.split.image_names[index]}: could not be read when features were computed")
        captions = self.tokens[index]
        if self.captions_per_image is not None:
            captions = self._draw(captions)[: self.captions_per_image]
        return CaptionSample(
            image_CHW=self.split.load_image(index) if self.with_images else NO_PIXELS,
            features_PD=self._draw_features(index) if self.features else None,
            captions=captions,
            image_id=self.split.image_ids[index],
            references=list(self.split.captions[index]),
        )

    def _draw_features(self, index: int) -> Tensor:
        view = int(torch.randint(len(self.features), ())) if len(self.features) > 1 else 0
        return torch.from_numpy(self.features[view][index].copy())

    def _draw(self, captions: Sequence[Tensor]) -> list[Tensor]:
        """Return the captions in random order, the longest first where it has to come along."""
        order = torch.randperm(len(captions)).tolist()
        if self.include_longest_caption:
            longest = max(range(len(captions)), key=lambda i: len(captions[i]))
            order.sort(key=lambda i: i != longest)
        return [captions[i] for i in order]
