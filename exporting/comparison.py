"""Whether an exported model generates what the model itself does.

Shape legend: B images, N captions, L tokens.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.image_files.reading import read_image
from datamodules.shapes.drawing import draw
from datamodules.shapes.scene import scene_at
from exporting.runner.model import Captions, Model
from lightning_modules import CaptioningModule, GeneratedBatch
from lightning_modules.generation import Beam, Greedy
from utils.progress import progress_bar

BEAM_SIZE, NUM_SCENES, BATCH_SIZE, SEED = 5, 16, 8, 2


class Agreement(NamedTuple):
    """How two ways to caption the same images compare.

    Attributes:
        num_images: How many images.
        same_greedy: How many greedy captions are equal, token by token.
        same_beam: How many of the best captions of a search with five beams.
        largest_difference: Of log P of captions that are equal, in nats; 0 where none are.
    """

    num_images: int
    same_greedy: int
    same_beam: int
    largest_difference: float

    def told(self) -> str:
        """Return it in words."""
        return (
            f"of {self.num_images} images {self.same_greedy} greedy captions and {self.same_beam} of {BEAM_SIZE} beams "
            f"are equal to PyTorch's; their log P differ by at most {self.largest_difference:.1g} nats"
        )


def images_to_compare(paths: Sequence[Path], image_size: int) -> Tensor:
    """Return images as the model takes them: those of files, or scenes that the project draws, where there are none.

    Raises:
        ValueError: A file is no usable image.
    """
    if paths:
        return torch.stack([read_image(path, image_size) for path in paths])
    scenes = [draw(scene_at(SEED, number), image_size) for number in range(NUM_SCENES)]
    return torch.from_numpy(np.stack(scenes))


def compare(captioner: CaptioningModule, model: Model, images_BCHW: Tensor) -> Agreement:
    """Caption images by both, greedily and with beams, from the means of the codes."""
    total = Agreement(0, 0, 0, 0.0)
    longest = captioner.tokenizer.max_length
    parts = images_BCHW.split(BATCH_SIZE)
    for part_BCHW in progress_bar(parts, unit="batch", desc="compare", leave=False):
        features_BPD = captioner.encode(part_BCHW)
        own_features_BPD = model.encode(part_BCHW.numpy())
        by_greedy, by_beams = (
            captioner.generate(features_BPD, strategy)
            for strategy in (Greedy(max_length=longest), Beam(beam_size=BEAM_SIZE, max_length=longest))
        )
        greedy = equal_captions(by_greedy, model.greedy(own_features_BPD), model.pad_id)
        beams = equal_captions(by_beams, model.beam(own_features_BPD, beam_size=BEAM_SIZE), model.pad_id)
        total = Agreement(
            total.num_images + len(part_BCHW),
            total.same_greedy + len(greedy),
            total.same_beam + len(beams),
            max([total.largest_difference, *greedy, *beams]),
        )
    return total


def equal_captions(ours: GeneratedBatch, theirs: Captions, pad_id: int) -> list[float]:
    """Return for each caption that is equal how far its log-probabilities are apart, in nats."""
    longest = max(ours.tokens_NL.shape[1], theirs.tokens_NL.shape[1])
    ours_NL, theirs_NL = (
        np.pad(tokens_NL, ((0, 0), (0, longest - tokens_NL.shape[1])), constant_values=pad_id)
        for tokens_NL in (ours.tokens_NL.numpy(), theirs.tokens_NL)
    )
    apart_N = np.abs(ours.log_probability_N.numpy() - theirs.log_probability_N)
    return [float(apart) for apart in apart_N[(ours_NL == theirs_NL).all(axis=1)]]
