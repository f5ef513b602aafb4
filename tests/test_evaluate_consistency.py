"""Whole evaluations of a tiny model by CLIP and self-retrieval."""

import json
from pathlib import Path

import pytest
import torch

from lightning_modules import CaptioningModule, VariationalCaptioner
from metrics import ClipScore
from tests.metrics.tiny_clip import save_tiny_clip
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import TinyRun, build_tiny


def test_consistency_is_scored_where_it_is_asked_for(trained: TinyRun, tmp_path: Path) -> None:
    clip, pac = save_tiny_clip(tmp_path / "clip", seed=3), save_tiny_clip(tmp_path / "pac", seed=5)
    settings = ["num_captions=4", "num_kept=2", "self_retrieval.num_images=9", f"clip.model={clip}"]
    of_file = evaluate_tiny(tmp_path / "file", trained.best, *settings, f"clip.pac_model={pac}/model.safetensors")
    finding = {f"self-retrieval/{name}" for name in ("recall@1", "recall@5", "recall@10", "median-rank", "all@1")}
    fit = {
        f"{kind}/{name}" for kind in ("clip", "mean", "min") for name in ("CLIP-S", "RefCLIP-S", "PAC-S", "RefPAC-S")
    }
    assert {*finding, *fit, "all_true", "contradictions"} <= of_file.keys()
    assert 0 < of_file["mean/PAC-S"] != of_file["mean/CLIP-S"] * 2 / 2.5
    assert of_file["self-retrieval/all@5"] == 1  # of three images
    assert 0 <= of_file["min/CLIP-S"] < of_file["mean/CLIP-S"] <= 2.5
    assert any(note.startswith("self-retrieval is among the first 3 images") for note in of_file["settings"]["notes"])
    page = (tmp_path / "file/report.html").read_text()
    assert "Consistency: captions that find their image" in page
    assert "Fit of the first caption to the photograph" in page

    of_folder = evaluate_tiny(tmp_path / "folder", trained.best, *settings, f"clip.pac_model={pac}", "batch_size=1")
    assert {name: of_folder[name] for name in (*finding, *fit)} == pytest.approx(
        {name: of_file[name] for name in (*finding, *fit)}, rel=1e-5
    )
    captions = {(row["image_id"], row["caption"]) for row in json.loads((tmp_path / "file/captions.json").read_text())}
    split = build_tiny(tmp_path / "run")[1].splits["test"]
    metric = ClipScore(model=clip)
    metric.update(
        torch.stack([split.load_image(i) for i in range(3)]),
        [[caption for image, caption in sorted(captions) if image == i] for i in range(3)],
        split.captions,
        torch.arange(3),
    )
    assert metric.compute()["mean/CLIP-S"].item() == pytest.approx(of_file["mean/CLIP-S"], rel=1e-5)


def test_a_model_that_tells_no_likelihood_is_not_asked_for_it(
    trained: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(VariationalCaptioner, "has_likelihood", False)
    with pytest.raises(SystemExit):
        evaluate_tiny(tmp_path / "report", trained.best, "self_retrieval.num_images=2")
    assert "self_retrieval.num_images=2: VariationalCaptioner does not tell how likely" in capsys.readouterr().err
    with pytest.raises(ValueError, match="VariationalCaptioner does not tell how likely a given caption is"):
        CaptioningModule.log_likelihood(build_tiny(tmp_path / "run")[0], torch.empty(0), torch.empty(0), 1, [])
