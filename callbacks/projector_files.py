"""The files that TensorBoard's projector reads, in the folder of the event files.

Shape legend: N points, Z dimensions, T side of a thumbnail.
"""

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo, ProjectorConfig
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from metrics.words import on_one_line
from utils.files import atomic_write_text

CONFIG = "projector_config.pbtxt"  # lists all embeddings; the projector finds it by this name


class Point(NamedTuple):
    """What the projector writes beside a point."""

    caption: str
    image: str


def add_embedding(
    writer: SummaryWriter, tag: str, step: int, point_NZ: Tensor, labels: Sequence[Point], thumbnails_N3TT: Tensor
) -> None:
    """Write points for the projector, beside those of other steps; those of the same step are replaced.

    PyTorch's `add_embedding` forgets what an earlier process has listed, and lists twice what is written twice. Here
    the list keeps all that is in the folder.

    Args:
        writer: Of the event files.
        tag: A name for the points of all steps, of letters, digits and underscores.
        step: Of training.
        point_NZ: Where the points are.
        labels: A line for each.
        thumbnails_N3TT: A picture for each, in [0, 1].
    """
    path = Path(writer.log_dir) / CONFIG
    before = _listed(path)
    with redirect_stdout(StringIO()):  # it prints a warning where a run comes to a step once more
        writer.add_embedding(
            point_NZ,
            metadata=[[on_one_line(text) for text in label] for label in labels],
            metadata_header=[*Point._fields],
            label_img=thumbnails_N3TT,
            global_step=step,
            tag=tag,
        )
    by_name = {info.tensor_name: info for info in (*before, *_listed(path))}
    atomic_write_text(path, text_format.MessageToString(ProjectorConfig(embeddings=by_name.values())))


def _listed(path: Path) -> list[EmbeddingInfo]:
    """Return the embeddings of a list; none where there is no list, or a process was killed as it wrote it."""
    if not path.is_file():
        return []
    try:
        return [*text_format.Parse(path.read_text("utf-8"), ProjectorConfig()).embeddings]
    except text_format.ParseError:
        return []
