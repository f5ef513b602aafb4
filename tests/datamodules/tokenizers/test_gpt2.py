import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE

from datamodules.tokenizers import load_gpt2
from lightning_modules.generation import allowed_words


def test_appends_special_tokens_to_its_vocabulary(gpt2_folder: Path) -> None:
    own = json.loads((gpt2_folder / "vocab.json").read_text())
    tokenizer = load_gpt2([], path=gpt2_folder, has_cls=True)
    assert tokenizer.tokens == [*own, "<pad>", "<bos>", "<eos>", "<cls>"]
    assert [tokenizer.tokens[i] for i in tokenizer.encode("an dog")[2:-1]] == ["an", "Ġdog"]
    assert tokenizer.decode(tokenizer.encode("An  odd ☃ Dog")) == "An  odd ☃ Dog"
    assert tokenizer.decode([own["an"], own["<|endoftext|>"]]) == "an"


def test_its_own_special_token_is_never_generated(gpt2_folder: Path) -> None:
    tokenizer = load_gpt2([], path=gpt2_folder)
    end_of_text = tokenizer.tokens.index("<|endoftext|>")
    assert end_of_text in tokenizer.vocabulary.suppressed_ids
    logits_NV = torch.zeros(2, tokenizer.vocabulary.size)
    allowed_NV = allowed_words(logits_NV, tokenizer.vocabulary, torch.tensor([True, False]))
    assert allowed_NV[:, end_of_text].tolist() == [-math.inf] * 2
    assert allowed_NV[:, tokenizer.vocabulary.eos_id].tolist() == [-math.inf, 0]


@pytest.mark.parametrize("name", ["", "tokenizer.json"])
def test_reads_tokenizer_json_alike(gpt2_folder: Path, tmp_path: Path, name: str) -> None:
    from_parts = load_gpt2([], path=gpt2_folder)
    whole = json.loads(from_parts.to_json())["tokenizer"]
    tokenizer = Tokenizer.from_str(whole)
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    from_whole = load_gpt2([], path=tmp_path / name)
    assert from_whole.to_json() == from_parts.to_json()


def test_says_which_files_are_expected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got nothing there; set tokenizer.path=FOLDER .* vocab.json and merges.txt"):
        load_gpt2([], path=tmp_path / "nowhere")
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(ValueError, match=r"got \['vocab.json'\]; set tokenizer.path=FOLDER"):
        load_gpt2([], path=tmp_path)
    (tmp_path / "merges.txt").write_text("not merges")
    with pytest.raises(ValueError, match="cannot read GPT-2's vocabulary"):
        load_gpt2([], path=tmp_path)


def test_refuses_what_is_not_byte_level(tmp_path: Path) -> None:
    Tokenizer(BPE({"a": 0}, [])).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="expected a byte-level BPE with all 256 bytes, got BPE without 255 of them"):
        load_gpt2([], path=tmp_path)


def test_unreachable_hub_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str) -> Tokenizer:
        raise OSError(f"cannot reach {name}")

    monkeypatch.setattr("datamodules.tokenizers.gpt2.Tokenizer", SimpleNamespace(from_pretrained=offline))
    with pytest.raises(ValueError, match=r"'gpt2' from the hub \(cannot reach gpt2\); set tokenizer.path=FOLDER"):
        load_gpt2([])
