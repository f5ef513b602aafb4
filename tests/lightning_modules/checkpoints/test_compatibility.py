from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import VariationalCaptioner
from lightning_modules.checkpoints.compatibility import refuse_other_model
from tests.tiny_run import TinyRun, build_tiny

Built = tuple[VariationalCaptioner, CaptionDataModule]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_tiny(tmp_path_factory.mktemp("going_on") / "run")


def _last(run: TinyRun) -> Path:
    return run.folder / "checkpoints" / "last.ckpt"


def test_the_same_model_goes_on(trained: TinyRun, built: Built) -> None:
    refuse_other_model(built[0], _last(trained), data=built[1].fingerprint())


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            "model/decoder=lstm",
            r"6 weights have other shapes and 0 .*decoder_text.* with \[48, 12\] instead of \[64, 12\]; choose",
        ),
        (
            "model/image_decoder=none",
            "0 weights have other shapes and 26 are in one of the two alone, such as .*decoder_image",
        ),
        (
            "model/optimizer=adamw",
            "its optimizer is timm.optim.Muon, and this run's torch.optim.AdamW; choose the same",
        ),
        ("tokenizer=bpe", "its tokenizer is another than this run's; keep the data and tokenizer"),
    ],
)
def test_another_model_is_refused(choice: str, message: str, trained: TinyRun, tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=[choice])
    with pytest.raises(ValueError, match=f"ckpt_path=.*last.ckpt: {message}"):
        refuse_other_model(captioner, _last(trained), data=datamodule.fingerprint())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"optimizer_states": None},
            "holds weights alone, without optimizer_states; start from them with pretrained_model=",
        ),
        ({"state_dict": None}, "not a checkpoint of this project"),
        ({"facet_format": 1}, "has format 1, this version reads format"),
        ({"callbacks": {"SameData": {"fingerprint": {}}}}, "the data changed since the checkpoint was written: images"),
    ],
)
def test_another_file_is_refused(
    change: dict[str, Any], message: str, trained: TinyRun, built: Built, tmp_path: Path
) -> None:
    content = {**torch.load(_last(trained), weights_only=True), **change}
    torch.save({name: part for name, part in content.items() if part is not None}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=message):
        refuse_other_model(built[0], tmp_path / "x.ckpt", data=built[1].fingerprint())
