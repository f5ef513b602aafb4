from pathlib import Path

import pytest
import torch

from lightning_modules import VariationalCaptioner, average_checkpoints, load_captioner, save_module
from tests.tiny_run import TinyRun, build_tiny

ADVICE = "average checkpoints of one run"


@pytest.fixture(scope="module")
def parts(trained: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three checkpoints: the run's own, and two of the same model whose weights but for the encoder's are others."""
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = [trained.best]
    for number in (1, 2):
        captioner = load_captioner(trained.best)
        torch.manual_seed(number)
        with torch.no_grad():
            for name, weight in captioner.named_parameters():
                if "encoder" not in name:
                    weight.add_(torch.randn_like(weight))
        paths.append(folder / f"{number}.ckpt")
        save_module(captioner, paths[-1])
    return paths


def test_a_saved_captioner_is_read_as_it_was(trained: TinyRun, tmp_path: Path) -> None:
    captioner = load_captioner(trained.best)
    save_module(captioner, tmp_path / "saved.ckpt")
    again = load_captioner(tmp_path / "saved.ckpt")
    assert dict(again.hparams) == dict(captioner.hparams)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, captioner.state_dict()[name])
    assert [path.name for path in tmp_path.iterdir()] == ["saved.ckpt"]


def test_weights_are_the_means_and_those_that_agree_stay_to_the_last_bit(parts: list[Path]) -> None:
    averaged = average_checkpoints(parts)
    states = [load_captioner(path).state_dict() for path in parts]
    for name, tensor in averaged.state_dict().items():
        of_all = [state[name] for state in states]
        if "encoder" in name:
            assert torch.equal(tensor, of_all[0])
        elif tensor.is_floating_point():
            torch.testing.assert_close(tensor, (of_all[0] + of_all[1] + of_all[2]) / 3)
    assert averaged.features_fingerprint == load_captioner(parts[0]).features_fingerprint
    assert not averaged.training


def test_refuses_a_single_checkpoint(parts: list[Path]) -> None:
    with pytest.raises(ValueError, match="expected at least two checkpoints to average, got 1"):
        average_checkpoints(parts[:1])


def test_refuses_other_shapes_and_names_the_first(parts: list[Path], tmp_path: Path) -> None:
    wider, _ = build_tiny(tmp_path / "run", "model.middle.hidden_size=24")
    save_module(wider, tmp_path / "wider.ckpt")
    with pytest.raises(ValueError, match=rf"and {tmp_path}/wider.ckpt: their weights differ in shape: .*; {ADVICE}"):
        average_checkpoints([parts[0], tmp_path / "wider.ckpt"])


def test_refuses_other_words(parts: list[Path], tmp_path: Path) -> None:
    captioner = load_captioner(parts[1])
    words = captioner.hparams["tokenizer"]
    other = VariationalCaptioner(**{**captioner.hparams, "tokenizer": words.replace("circle", "circus")})
    save_module(other, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=f"their tokenizers differ; {ADVICE}"):
        average_checkpoints([parts[0], tmp_path / "other.ckpt"])
