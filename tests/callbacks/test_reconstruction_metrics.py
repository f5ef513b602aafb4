"""PSNR and SSIM of a whole evaluation, against reconstructing every image by itself."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from callbacks import CaptionMetrics, ReconstructionMetrics
from callbacks.caption_metrics import IN_PROGRESS_BAR
from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import EvaluationOutput, VariationalCaptioner
from lightning_modules.losses.terms import to_unit_interval
from metrics import CaptionScores, ReconstructionFacts, ReconstructionQuality, RougeScore, psnr, ssim
from tests.tiny_run import build_tiny


class _Keeper(EvaluationCallback):
    """Keeps each image with the tokens of its first caption."""

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, Tensor]] = []

    def observe(
        self, trainer: Trainer, captioner: VariationalCaptioner, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        generated = output.generated
        per_image = len(generated.tokens_NL) // len(batch.images_BCHW)
        for row, image_CHW in enumerate(batch.images_BCHW):
            self.seen.append((generated.tokens_NL[row * per_image], image_CHW))


def _trainer(folder: Path, callbacks: list[Callback]) -> Trainer:
    return Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        devices=1,
        logger=False,
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _quality(trainer: Trainer, captioner: VariationalCaptioner, datamodule: CaptionDataModule) -> dict[str, float]:
    (results,) = trainer.validate(captioner, datamodule=datamodule, verbose=False)
    return {name: results[f"val/{name}"] for name in ReconstructionQuality.names}


@pytest.mark.parametrize("generation", ["greedy", "sample"])
def test_every_image_counts_once_as_reconstructed_from_its_first_caption(generation: str, tmp_path: Path) -> None:
    choices = [f"generation={generation}"]
    captioner, datamodule = build_tiny(tmp_path / "run", "data.batch_size=2", choices=choices)
    keeper = _Keeper()
    trainer = _trainer(tmp_path, [ReconstructionMetrics(), keeper])
    quality = _quality(trainer, captioner, datamodule)

    captioner.eval()  # Lightning has put it back to how it was
    ratios, similarities = [], []
    for tokens_L, image_CHW in keeper.seen:
        reconstruction_1CHW = captioner.reconstruct(tokens_L.unsqueeze(0))
        original_1CHW = to_unit_interval(image_CHW.unsqueeze(0), size=reconstruction_1CHW.shape[-1])
        ratios.append(psnr(reconstruction_1CHW, original_1CHW).item())
        similarities.append(ssim(reconstruction_1CHW, original_1CHW).item())
    assert len(ratios) == 3  # in batches of two and one
    assert quality["PSNR"] == pytest.approx(sum(ratios) / 3, rel=1e-5)
    assert quality["SSIM"] == pytest.approx(sum(similarities) / 3, rel=1e-4)


def test_what_each_reconstruction_shows_is_read_back(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", "data.batch_size=2", choices=["generation=sample"])
    keeper = _Keeper()
    (results,) = _trainer(tmp_path, [ReconstructionMetrics(), keeper]).validate(captioner, datamodule, verbose=False)

    captioner.eval()
    expected = ReconstructionFacts()
    for (tokens_L, _), image_id in zip(keeper.seen, datamodule.val_ids, strict=True):
        pictures = datamodule.read_back(captioner.reconstruct(tokens_L.unsqueeze(0)))
        assert pictures is not None
        caption = captioner.tokenizer.decode(tokens_L.tolist())
        expected.update(pictures, torch.tensor([image_id]), [caption])
    found = {name: results[f"val/{name}"] for name in ReconstructionFacts.names}
    assert found == pytest.approx({name: value.item() for name, value in expected.compute().items()})
    assert 0 < found["reconstruction_facts"] < 1


def test_data_that_cannot_be_read_back_get_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    for name in ("read_back", "fact_attributes"):
        monkeypatch.delattr(type(datamodule), name)
    (results,) = _trainer(tmp_path, [ReconstructionMetrics()]).validate(captioner, datamodule, verbose=False)
    assert "val/PSNR" in results
    assert not [name for name in results if "reconstruction_" in name]


def test_a_second_evaluation_starts_anew(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    trainer = _trainer(tmp_path, [ReconstructionMetrics()])
    first = _quality(trainer, captioner, datamodule)
    with torch.no_grad():
        for parameter in captioner.parameters():
            parameter.mul_(0.5)
    second = _quality(trainer, captioner, datamodule)
    assert first != second
    assert second == _quality(_trainer(tmp_path, [ReconstructionMetrics()]), captioner, datamodule)


def test_measuring_draws_no_random_number(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    states = []
    for callbacks in ([], [ReconstructionMetrics()]):
        torch.manual_seed(3)
        _trainer(tmp_path, callbacks).validate(captioner, datamodule=datamodule, verbose=False)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_both_kinds_of_caption_metric_are_logged_and_some_are_in_the_progress_bar(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run")
    trainer = _trainer(tmp_path, [CaptionMetrics({"rouge": RougeScore(), "coco": CaptionScores()})])
    (results,) = trainer.validate(captioner, datamodule=datamodule, verbose=False)
    assert {"val/rouge_score/rouge1", "val/rouge_score/rougeL", "val/coco/CIDEr-D"} < results.keys()
    shown = {name.removeprefix("val/") for name in trainer.progress_bar_metrics}
    assert shown == {"loss", "rouge_score/rougeL", "coco/CIDEr-D"}
    assert shown - {"loss"} < set(IN_PROGRESS_BAR)
