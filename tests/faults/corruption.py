"""Damaged copies of a checkpoint, as disks, crashes and copies make them."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lightning_modules.checkpoints.durable_io import read_intact


def _flip_a_bit(content: bytearray, draw: random.Random) -> bytearray:
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return content


def _change_a_byte(content: bytearray, draw: random.Random) -> bytearray:
    content[draw.randrange(len(content))] = draw.randrange(256)
    return content


def _overwrite_a_block(content: bytearray, draw: random.Random) -> bytearray:
    start, size = draw.randrange(len(content)), draw.choice([16, 512, 4096])
    content[start : start + size] = draw.randbytes(len(content[start : start + size]))
    return content


def _zero_a_block(content: bytearray, draw: random.Random) -> bytearray:
    start, size = draw.randrange(len(content)), draw.choice([16, 512, 4096])
    content[start : start + size] = bytes(len(content[start : start + size]))
    return content


def _cut_off(content: bytearray, draw: random.Random) -> bytearray:
    return content[: draw.randrange(len(content))]


def _zero_the_rest(content: bytearray, draw: random.Random) -> bytearray:
    end = draw.randrange(len(content))
    return content[:end] + bytes(len(content) - end)


def _lose_a_block(content: bytearray, draw: random.Random) -> bytearray:
    start = draw.randrange(len(content))
    return content[:start] + content[start + draw.choice([1, 512, 4096]) :]


def _swap_blocks(content: bytearray, draw: random.Random) -> bytearray:
    first, second = (512 * draw.randrange(len(content) // 512) for _ in range(2))
    saved = content[first : first + 512]
    content[first : first + 512] = content[second : second + 512]
    content[second : second + 512] = saved
    return content


DAMAGE: dict[str, Callable[[bytearray, random.Random], bytearray]] = {
    "a bit flipped": _flip_a_bit,
    "a byte changed": _change_a_byte,
    "a block overwritten": _overwrite_a_block,
    "a block of zeros": _zero_a_block,
    "cut off": _cut_off,
    "zeros to the end": _zero_the_rest,
    "a block lost": _lose_a_block,
    "blocks swapped": _swap_blocks,
}


def outcome(content: bytes, kind: str, draw: random.Random, *, original: Any, path: Path) -> str:
    """Damage a checkpoint and read it.

    Returns:
        `detected`, `harmless` where all that is read equals the original, or `misread`.
    """
    path.write_bytes(DAMAGE[kind](bytearray(content), draw))
    try:
        found = read_intact(path)
    except ValueError:
        return "detected"
    return "harmless" if same(found, original) else "misread"


def same(a: Any, b: Any) -> bool:
    """Whether two nested collections hold the same values, and tensors the same bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and _bits(a) == _bits(b)
    if isinstance(a, dict):
        return [*a] == [*b] and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) or repr(a) == repr(b)


def _bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
