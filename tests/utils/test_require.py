import pytest

from utils.require import require


def test_a_setting_that_is_not_what_it_must_be_is_named() -> None:
    require(True, "data.batch_size", "at least 1", 1)
    with pytest.raises(ValueError, match=r"^data.batch_size must be at least 1, got 0$"):
        require(False, "data.batch_size", "at least 1", 0)
