"""Learning from teachers: the loss is the one that is written down, and a checkpoint needs no teacher."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules.batch import CaptionBatch
from lightning_modules import (
    Distillation,
    DistilledCaptioner,
    Ensemble,
    VariationalCaptioner,
    load_captioner,
    save_module,
)
from lightning_modules.base import CaptioningModule
from lightning_modules.generation import LatentSampling
from tests.tiny_run import TinyRun, build_tiny, run_tiny, scalars

TEACHERS = ("model/distillation=teachers", "model.distillation.temperature=2", "model.distillation.weight=0.3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two teachers: one with this model's latents, one with other ones and another decoder."""
    folder = tmp_path_factory.mktemp("teachers")
    for number, choices in enumerate([(), ("model/latents=spatial", "model/decoder=transformer")]):
        torch.manual_seed(number)
        save_module(build_tiny(folder / f"run_{number}", choices=choices)[0], folder / f"{number}.ckpt")
    return folder


def _built(folder: Path, *settings: str, choices: tuple[str, ...] = ()) -> tuple[DistilledCaptioner, Any]:
    teachers = f"model.distillation.teachers=[{folder / '0.ckpt'},{folder / '1.ckpt'}]"
    return build_tiny(folder / "student", *settings, choices=[*TEACHERS, teachers, *choices])


@pytest.fixture(scope="module")
def built(folder: Path) -> tuple[DistilledCaptioner, CaptionBatch]:
    student, datamodule = _built(folder)
    _start(student)
    return student.eval(), next(iter(datamodule.train_dataloader()))


def _start(student: DistilledCaptioner, datamodule: Any = None) -> None:
    """Load the teachers as a trainer with these data lets it do."""
    student._trainer = SimpleNamespace(datamodule=datamodule, global_step=0)  # type: ignore[assignment]
    student.on_fit_start()


def _log_probabilities(teacher: CaptioningModule, batch: CaptionBatch) -> Iterator[Tensor]:
    """Yield of each caption the teacher's word distributions by its own network, read all at once: [L, V]."""
    assert isinstance(teacher, VariationalCaptioner)
    features_BPD, prefix = teacher.encode(batch.images_BCHW), len(teacher.tokenizer.vocabulary.prefix)
    for tokens_L, image in zip(batch.tokens_NL, batch.image_of_caption_N.tolist(), strict=True):
        latents = teacher.sample_latents(features_BPD[image : image + 1], LatentSampling())
        words_1LE = teacher.network.embedding(tokens_L[tokens_L != teacher.network.pad_id][None, :-1])
        hidden_1LH, _ = teacher.network.decoder_text.advance(words_1LE, teacher.network._start(latents))
        yield teacher.network.middle(hidden_1LH[0, prefix - 1 :]).detach().double().log_softmax(dim=1)


def test_the_loss_is_that_of_captions_and_of_the_teachers_mean(
    folder: Path, built: tuple[DistilledCaptioner, CaptionBatch]
) -> None:
    student, batch = built
    features_BPD, every_R = student.features_of(batch), torch.arange(len(batch.tokens_NL))
    terms, output = student._terms(features_BPD, batch, every_R)
    plain = student.loss(terms, 0)
    report = student.training_report(plain, output, batch)
    teachers = [load_captioner(folder / f"{number}.ckpt") for number in range(2)]
    by_teacher = zip(*(_log_probabilities(teacher, batch) for teacher in teachers), strict=True)
    expected, start = [], 0
    for one_LV, other_LV in by_teacher:
        mean_LV = ((one_LV.exp() + other_LV.exp()) / 2).pow(1 / 2)
        teacher_LV = mean_LV / mean_LV.sum(dim=1, keepdim=True)
        logits_LV = output.logits_WV[start : start + len(one_LV)].detach().double()
        student_LV = (logits_LV / 2).softmax(dim=1)
        expected.append(4 * (teacher_LV * (teacher_LV / student_LV).log()).sum().item())
        start += len(one_LV)
    divergence = sum(expected) / len(expected)
    assert start == len(output.logits_WV)
    assert report.nats["distillation"].item() == pytest.approx(divergence, rel=1e-4)
    change = 0.3 * (divergence - plain.contributions["caption"].item())
    assert report.total.item() == pytest.approx(plain.total.item() + change, rel=1e-5)
    assert report.weights["distillation"] == 0.3
    assert math.isfinite(report.total.item())


def test_a_model_of_its_own_teachers_words_has_nothing_to_learn(folder: Path, trained: TinyRun, tmp_path: Path) -> None:
    choices = ["model/distillation=teachers", f"model.distillation.teachers=[{trained.best}]"]
    settings = ["test=false", f"pretrained_model={trained.best}", "pretrained_skip=null"]
    run = run_tiny(tmp_path / "run", *settings, "model.optimizer.lr=0", choices=choices)
    curves = scalars(run.events)
    (_, divergence), (_, caption) = (curves[f"train/nats/{name}"][0] for name in ("distillation", "caption"))
    assert 0 <= divergence < caption / 4  # its codes have read the caption, the teacher's have not
    assert "val/nats/distillation" not in curves
    trained.best.rename(trained.best.with_suffix(".away"))
    try:
        student = load_captioner(run.best)  # without its teacher
    finally:
        trained.best.with_suffix(".away").rename(trained.best)
    assert isinstance(student, DistilledCaptioner)
    assert not [name for name in student.state_dict() if not name.startswith(("network.", "loss."))]


def test_teachers_of_other_words_or_of_the_images_of_validation_are_refused(folder: Path, trained: TinyRun) -> None:
    student, _ = _built(folder, "tokenizer.min_count=4", choices=("tokenizer=word",))
    with pytest.raises(ValueError, match=r"their tokenizer is another than this model's \(\d+ and \d+ tokens\)"):
        _start(student)
    choices = ["model/distillation=teachers", f"model.distillation.teachers=[{trained.best}]"]
    student, datamodule = build_tiny(folder / "student", choices=choices)
    with pytest.raises(ValueError, match="8 of the images of validation are training images of a teacher"):
        _start(student, SimpleNamespace(splits={"val": datamodule.splits["train"]}))
    _start(student, datamodule)
    assert student.trained_on is not None
    assert student.trained_on.knows(datamodule.splits["train"].image_keys).all()


def test_teachers_share_the_features_of_one_frozen_encoder(
    folder: Path, built: tuple[DistilledCaptioner, CaptionBatch]
) -> None:
    student, batch = built
    teacher = load_captioner(folder / "0.ckpt")
    both, features_BPD = Ensemble([teacher]), teacher.encode(batch.images_BCHW)
    output = student._terms(features_BPD, batch, torch.arange(1))[1]
    cached = batch._replace(features_BPD=features_BPD)
    with pytest.raises(ValueError, match="cache_features=true brings the features of what is frozen"):
        student._as_teachers_see(both, output, cached)
    student._same_fixed_part = True
    assert torch.equal(student._as_teachers_see(both, output, cached), both.encode(batch.images_BCHW))
    student._same_fixed_part = False


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"teachers": []}, r"teachers must be a list of checkpoints, got \[\]"),
        ({"teachers": "a.ckpt"}, "teachers must be a list of checkpoints, got 'a.ckpt'"),
        ({"teachers": ["a.ckpt"], "weight": 1.5}, "weight must be from 0 to 1, got 1.5"),
        ({"teachers": ["a.ckpt"], "temperature": 0}, "temperature must be above 0, got 0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Distillation(**settings)
