import copy
import operator
import random
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode, RandomPerspective, v2

from utils.cache_key import cache_key, sources_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
    max_leaves=8,
)


def _reordered(value: Any, drawn: random.Random) -> Any:
    """Return an equal value whose dicts have another order."""
    if isinstance(value, dict):
        items = [(key, _reordered(of_key, drawn)) for key, of_key in value.items()]
        return dict(drawn.sample(items, len(items)))
    return [_reordered(part, drawn) for part in value] if isinstance(value, list) else copy.copy(value)


def _written(value: Any) -> str:
    """Return a text that differs wherever values do: 1, 1.0, True and "1" are four."""
    if isinstance(value, dict):
        return f"dict {sorted((key, _written(of_key)) for key, of_key in value.items())}"
    return str([_written(part) for part in value]) if isinstance(value, list) else f"{type(value).__name__} {value!r}"


@given(PLAIN, st.randoms())
def test_equal_values_have_one_key_in_whatever_order(value: Any, drawn: random.Random) -> None:
    assert cache_key(part=value, other=1) == cache_key(other=1, part=_reordered(value, drawn))


@given(PLAIN, PLAIN)
def test_values_that_differ_have_keys_that_differ(one: Any, other: Any) -> None:
    assert (cache_key(part=one) == cache_key(part=other)) == (_written(one) == _written(other))


def _twice(strength: float) -> Callable[[Tensor], Tensor]:
    def transform(image: Tensor) -> Tensor:
        return image * strength

    return transform


def _invert(p: float = 1.0) -> v2.RandomInvert:
    return v2.RandomInvert(p=p)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: v2.RandomApply([_invert()], p=[0.1, 0.9][n]),
        lambda n: v2.Compose([v2.RandomApply([_invert([0.1, 0.9][n])])]),
        lambda n: v2.Lambda([lambda image: image, lambda image: image + 1][n]),
        lambda n: v2.Lambda(_twice([1, 2][n])),
        lambda n: RandomPerspective(fill=[0, 1][n]),
        lambda n: v2.Resize(8, interpolation=[InterpolationMode.BILINEAR, InterpolationMode.NEAREST][n]),
        lambda n: v2.Normalize([0.5], [[1.0], [2.0]][n]),
        lambda n: [v2.RandomHorizontalFlip, v2.RandomVerticalFlip][n](0.5),
        lambda n: operator.itemgetter(n),
        lambda n: random.Random(n),
        lambda n: torch.nn.Linear(2, 2, bias=bool(n)),
        lambda n: torch.tensor([1, n]),
        lambda n: torch.zeros(2, dtype=[torch.float32, torch.int32][n]),
        lambda n: torch.zeros([(2, 3), (3, 2)][n]),
        lambda n: np.zeros(2, dtype=["<f4", ">f4"][n]),
        lambda n: np.zeros([(2, 3), (3, 2)][n]),
        lambda n: Path(f"{n}"),
        lambda n: {n, "a"},
        lambda n: [torch.float16, torch.bfloat16][n],
        lambda n: [_invert, _twice][n],
        lambda n: _twice(1).__code__.replace(co_consts=(n,)),
    ],
)
def test_tells_objects_apart_by_all_that_they_hold(make: Callable[[int], object]) -> None:
    torch.manual_seed(0)
    one, other = make(0), make(1)
    torch.manual_seed(0)
    assert cache_key(part=make(0)) == cache_key(part=one) != cache_key(part=other)


def test_an_object_may_hold_itself() -> None:
    holder: dict[str, object] = {"a": 1}
    holder["self"] = holder
    assert cache_key(part=holder) != cache_key(part={**holder, "a": 2})


def test_refuses_what_cannot_be_told_apart() -> None:
    for part in (Lock(), (number for number in range(2))):
        with pytest.raises(ValueError, match="cannot be told from another one"):
            cache_key(part=[part])


def test_code_is_that_of_a_module_and_of_what_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawing's key must see a change of the scene's module, which it imports."""
    module = __import__("datamodules.shapes.scene", fromlist=["SHAPES"])
    before = sources_of.__wrapped__("datamodules.shapes.drawing")
    changed = tmp_path / "scene.py"
    changed.write_text(Path(module.__file__).read_text() + "\n# changed\n")
    monkeypatch.setattr(module, "__file__", str(changed))
    assert sources_of.__wrapped__("datamodules.shapes.drawing") != before
