"""Shows the data as a model will see them, for a look before training: a table, and a page of images with captions."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from datamodules.batch import CaptionSample
from datamodules.caption_datamodule import CaptionDataModule
from datamodules.sampler import SampleRequest
from datamodules.split import SplitName
from datamodules.statistics import as_text, rows_of, unusable_lines
from datamodules.tokenizers import CaptionTokenizer
from pictures.pages.templates import templates_of
from utils.display import as_unicode, shown
from utils.files import atomic_write_text
from utils.seeding import derive_seed, run_seed

NUM_SHOWN = 12  # images of each split
PAGE = "data.html"


class ShownCaption(NamedTuple):
    """A caption as the model reads it.

    Attributes:
        words: Its tokens as text, each with whether it is unknown; of vocabularies of parts of words all in one.
        num_tokens: Without those that begin and end each caption.
        is_cut: Whether it lost its end.
    """

    words: Sequence[tuple[str, bool]]
    num_tokens: int
    is_cut: bool


class ShownImage(NamedTuple):
    """An image as the model sees it.

    Attributes:
        name: What files of captions call it.
        image_3HW: After all transforms, `uint8`.
        captions: Those that come with it in a batch.
        references: All of its captions, as text.
    """

    name: str
    image_3HW: Tensor
    captions: Sequence[ShownCaption]
    references: Sequence[str]


@rank_zero_only
def look_at_data(datamodule: CaptionDataModule, folder: Path) -> None:
    """Print a table of the data, and write a page with a sample of each split.

    Args:
        datamodule: The data, after `setup`.
        folder: Where the page goes.
    """
    rows = rows_of(datamodule.figures(), datamodule.tokenizer)
    lines = [*unusable_lines(datamodule.unusable), *datamodule.shared]
    images = {name: _sample(datamodule, name) for name in datamodule.splits}
    page = templates_of("launch").get_template("data_look.html.j2")
    text = page.render(source=datamodule.source, rows=rows, lines=list(map(as_unicode, lines)), images=images)
    atomic_write_text(folder / PAGE, text)
    print(as_text(rows, lines))
    print(f"a sample of the images and captions: {shown(folder / PAGE)}")


def _sample(datamodule: CaptionDataModule, name: SplitName) -> list[ShownImage]:
    """Return some images of a split, as batches bring them."""
    dataset, split = datamodule.dataset(name), datamodule.splits[name]
    chosen = np.random.default_rng(0).permutation(len(split.image_ids))[:NUM_SHOWN]
    found = []
    for number in sorted(chosen.tolist()):
        sample = dataset[SampleRequest(number, derive_seed(run_seed(), "look", number))]
        if isinstance(sample, CaptionSample):
            captions = [shown_caption(ids.tolist(), datamodule.tokenizer) for ids in sample.captions]
            references = list(map(as_unicode, sample.references))
            found.append(ShownImage(as_unicode(str(split.image_names[number])), sample.image_CHW, captions, references))
    return found


def shown_caption(ids: Sequence[int], tokenizer: CaptionTokenizer) -> ShownCaption:
    """Return a caption as its ids stand for it."""
    vocabulary = tokenizer.vocabulary
    is_cut = ids[-1] != vocabulary.eos_id
    inner = ids[len(vocabulary.prefix) : len(ids) - (not is_cut)]
    if vocabulary.unk_id is None:
        return ShownCaption([(tokenizer.decode(inner), False)], len(inner), is_cut)
    words = [(tokenizer.tokens[i], i == vocabulary.unk_id) for i in inner]
    return ShownCaption(words, len(inner), is_cut)
