"""Prompts drawn a batch at a time, with a progress bar."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from drawing.pipeline import Drawings
from utils.progress import progress_bar

MANY = 10  # images that a progress bar is worth showing for


class Draw(Protocol):
    """From prompts to their drawings; `advance` is told how many images were drawn, as they are."""

    def __call__(self, prompts: Sequence[str], *, advance: Callable[[int], object]) -> list[Drawings]: ...


def draw_batches(
    draw: Draw, prompts: Sequence[str], done: Collection[int], *, num: int, batch_size: int
) -> Iterator[tuple[int, Drawings]]:
    """Yield the number of each prompt, from 1, and its drawings; those that are done are left out.

    A batch that is done in part is drawn in full: in another batch, sums might be rounded differently.

    Args:
        draw: What draws.
        prompts: All of them.
        done: The numbers of those that are done.
        num: Images of each.
        batch_size: Images at once, of as many whole prompts as there is room for, and of one at least.
    """
    at_once = max(batch_size // num, 1)
    silent = num * len(prompts) < MANY or not sys.stderr.isatty()
    with progress_bar(total=num * len(prompts), desc="drawing", unit="image", disable=silent) as progress:
        for start in range(0, len(prompts), at_once):
            batch = prompts[start : start + at_once]
            undone = [place for place in range(len(batch)) if start + place + 1 not in done]
            if not undone:
                progress.update(num * len(batch))
                continue
            drawings = draw(batch, advance=progress.update)
            for place in undone:
                yield start + place + 1, drawings[place]
