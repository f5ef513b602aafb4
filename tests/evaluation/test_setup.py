from typing import Any

import pytest
from omegaconf import OmegaConf

from evaluation.setup import checkpoints_of


@pytest.mark.parametrize(
    ("given", "expected"),
    [("a.ckpt", ["a.ckpt"]), (["a.ckpt", "b.ckpt"], ["a.ckpt", "b.ckpt"]), (["a.ckpt"], ["a.ckpt"])],
)
def test_one_checkpoint_or_several(given: Any, expected: list[str]) -> None:
    assert checkpoints_of(OmegaConf.create({"checkpoint": given})) == expected


@pytest.mark.parametrize("given", [[], 3, ["a.ckpt", 2], {"a": "a.ckpt"}])
def test_what_is_no_checkpoint_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="checkpoint must be a file, or a list of files such as"):
        checkpoints_of(OmegaConf.create({"checkpoint": given}))
