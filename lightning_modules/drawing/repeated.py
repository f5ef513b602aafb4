"""Several drawings of each caption, each by random numbers of its own, and those that are ranked first.

Shape legend: N captions, M drawings of each, R drawings in all, caption by caption, Q given codes.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from lightning_modules.drawing.drawer import Drawer
from lightning_modules.generation import Drawing
from lightning_modules.results.drawn import Drawn
from utils.seeding import generators_of_images


def generators_of_drawings(seed: int, captions: Sequence[str], num: int) -> list[torch.Generator]:
    """Return a generator for each of `num` drawings of captions, caption by caption.

    What it draws depends on the seed, the words and the drawing's number alone, so that the first of many drawings are
    those of few.
    """
    names = [f"{number}: {' '.join(caption.split())}" for caption, number in product(captions, range(num))]
    return generators_of_images(seed, names, "drawing")


def draw_each(
    drawer: Drawer,
    captions: Sequence[str],
    drawing: Drawing,
    *,
    num: int,
    seed: int,
    batch_size: int,
    given_Q: Tensor | None = None,
    advance: Callable[[int], object] | None = None,
) -> Drawn:
    """Draw `num` images of each caption; return them on the CPU, caption by caption.

    Args:
        drawer: The model.
        captions: See `Drawer.draw`.
        drawing: How.
        num: Of each caption.
        seed: Of all that is drawn.
        batch_size: Images at once.
        given_Q: The first codes of every image; None for none.
        advance: Is told how many images were drawn, as they are.
    """
    repeated = [caption for caption in captions for _ in range(num)]
    generators = generators_of_drawings(seed, captions, num)
    parts = []
    for rows in _slices(len(repeated), batch_size):
        given_RQ = None if given_Q is None else given_Q.expand(len(repeated[rows]), -1)
        parts.append(drawer.draw(repeated[rows], drawing, given_RQ=given_RQ, generators=generators[rows]))
        if advance is not None:
            advance(len(repeated[rows]))
    return Drawn(*(torch.cat([part.cpu() for part in of_all]) for of_all in zip(*parts, strict=True)))


def _slices(length: int, size: int) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, start + size)
