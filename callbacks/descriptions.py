"""Pictures and texts for TensorBoard, each with a sentence on what it shows.

It is behind the ⓘ beside a picture's name, with `tensorboard --load_fast=false`: the fast loader leaves it out.
"""

from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import image, text


@rank_zero_only
def add_picture(writer: SummaryWriter, tag: str, picture_3HW: Tensor, step: int, about: str) -> None:
    """Write a picture; on other processes than the first, none.

    Args:
        writer: Of the event files.
        tag: Its name; what stands before the first slash is its section.
        picture_3HW: `uint8`, or in [0, 1].
        step: Of training.
        about: What it shows, in Markdown.
    """
    summary = image(tag, picture_3HW, dataformats="CHW")
    # TensorBoard tells what it is by the value alone only where there is no description
    summary.value[0].metadata.plugin_data.plugin_name = "images"
    _add(writer, summary, step, about)


@rank_zero_only
def add_table(writer: SummaryWriter, tag: str, table: str, step: int, about: str) -> None:
    """Write a text, in Markdown; the rest is as for `add_picture`."""
    _add(writer, text(tag, table), step, about)


def _add(writer: SummaryWriter, summary: object, step: int, about: str) -> None:
    (value,) = summary.value  # type: ignore[attr-defined] # a message of protobuf
    value.metadata.summary_description = about
    writer._get_file_writer().add_summary(summary, step)  # as its `add_image`, which takes no description
