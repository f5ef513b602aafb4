"""A GPT-2 vocabulary small enough to write by hand."""

import json
from pathlib import Path

import pytest
from tokenizers.pre_tokenizers import ByteLevel


@pytest.fixture
def gpt2_folder(tmp_path: Path) -> Path:
    """A folder with `vocab.json` and `merges.txt` in GPT-2's format: the bytes and the words " dog" and "an"."""
    folder = tmp_path / "gpt2"
    folder.mkdir()
    merges = ["a n", "Ġ d", "o g", "Ġd og"]
    tokens = [*sorted(ByteLevel.alphabet()), *(merge.replace(" ", "") for merge in merges), "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    return folder
