"""What TensorBoard shows of a run, read back from its event files."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from callbacks import CaptionSamples, Reconstructions, ResumeCheckpoints
from callbacks.caption_samples import as_markdown_table
from callbacks.reconstructions import side_by_side
from metrics import ImageCaptions, ReconstructionFacts
from metrics.bleu import BLEU_NAMES
from metrics.rouge import ROUGE_TYPES
from tests.tiny_run import TinyRun, run_tiny, scalars

TERMS = ("caption", "reconstruction", "kl_style", "kl_content")
STAGES = ("train", "val", "test")


def _text(run: TinyRun, tag: str) -> list[str]:
    events = run.events.Tensors(f"{tag}/text_summary")
    return [event.tensor_proto.string_val[0].decode() for event in events]


def _hparams(run: TinyRun, kind: str) -> HParamsPluginData:
    return HParamsPluginData.FromString(run.events.PluginTagToContent("hparams")[f"_hparams_/{kind}"])


def test_each_term_is_there_in_nats_and_as_a_contribution(trained: TinyRun) -> None:
    curves = scalars(trained.events)
    for stage in STAGES:
        for term in TERMS:
            assert f"{stage}/nats/{term}" in curves
        contributions = [curves[f"{stage}/contribution/{term}"] for term in TERMS]
        totals = curves[f"{stage}/loss"]
        assert [sum(values) for values in zip(*[[v for _, v in c] for c in contributions], strict=True)] == (
            pytest.approx([value for _, value in totals], rel=1e-5)
        )
        assert all([step for step, _ in curve] == [step for step, _ in totals] for curve in contributions)


def test_the_learning_rate_and_the_weights_are_there_at_every_step(trained: TinyRun) -> None:
    curves = scalars(trained.events)
    steps = [step for step, _ in curves["train/loss"]]
    assert len(steps) == 2
    for name in ("reconstruction", "beta", "gamma", "kl"):
        assert [step for step, _ in curves[f"weight/{name}"]] == steps
    assert [step for step, _ in curves["lr-Muon"]] == steps


def test_the_metrics_are_there_and_the_sanity_check_is_not_counted(trained: TinyRun) -> None:
    curves = scalars(trained.events)
    for stage in ("val", "test"):
        of_coco = [f"coco/{name}" for name in (*BLEU_NAMES, "ROUGE-L")]
        of_package = [f"rouge_score/{name}" for name in ROUGE_TYPES]
        for name in (*of_package, *of_coco, "caption_truth", "caption_coverage"):
            ((_, value),) = curves[f"{stage}/{name}"]
            assert 0 <= value <= 1
        ((_, value),) = curves[f"{stage}/coco/CIDEr-D"]
        assert 0 <= value <= 10


def test_reconstructed_images_are_measured(trained: TinyRun) -> None:
    curves = scalars(trained.events)
    for stage in ("val", "test"):
        ((_, decibels),) = curves[f"{stage}/PSNR"]
        ((_, similarity),) = curves[f"{stage}/SSIM"]
        assert 0 < decibels < 40
        assert -1 <= similarity < 1
        for name in ReconstructionFacts.names:
            ((_, share),) = curves[f"{stage}/{name}"]
            assert 0 <= share <= 1


def test_captions_are_shown_beside_human_ones(trained: TinyRun) -> None:
    for stage, first in (("val", 3), ("test", 0)):
        (table,) = _text(trained, f"{stage}/captions")
        heading, rule, *rows = table.splitlines()
        assert heading == "| image | generated | references |"
        assert rule == "|---|---|---|"
        assert [row.split(" | ")[0] for row in rows] == [f"| {first}", f"| {first + 1}"]
        assert all(row.count("|") == 4 and row.count("<br>") > 1 for row in rows)


def test_originals_are_shown_above_what_is_reconstructed(trained: TinyRun) -> None:
    for stage in ("val", "test"):
        (event,) = trained.events.Images(f"{stage}/reconstructions")
        picture = Image.open(io.BytesIO(event.encoded_image_string))
        assert picture.size == (2 * (32 + 2) + 2, 2 * (32 + 2) + 2)  # two images in two rows, with their borders


def test_pictures_and_texts_say_what_they_show(trained: TinyRun) -> None:
    events = trained.events
    texts = [tag for tag in events.Tags()["tensors"] if tag.endswith("/text_summary")]
    shown = [*events.Tags()["images"], *texts]
    assert len(shown) > 8
    for tag in shown:
        assert events.SummaryMetadata(tag).summary_description.endswith("."), tag


def test_hyper_parameters_are_kept_beside_the_final_metrics(trained: TinyRun) -> None:
    settings = _hparams(trained, "session_start_info").session_start_info.hparams
    assert settings["seed"].number_value == 42
    assert settings["model.encoder._target_"].string_value.endswith("ResNetEncoder")
    assert settings["data.batch_size"].number_value == 4
    shown = {info.name.tag for info in _hparams(trained, "experiment").experiment.metric_infos}
    curves = scalars(trained.events)
    for name in ("val/rouge_score/rougeL", "test/rouge_score/rougeL", "test/loss", "val/nats/kl_style"):
        assert f"final/{name}" in shown
        assert curves[f"final/{name}"][-1][1] == pytest.approx(curves[name][-1][1])


def test_several_captions_an_image_are_all_measured_and_shown(tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "generation.num=3", "test=false", choices=["generation=sample"])
    rows = _text(run, "val/captions")[0].splitlines()[2:]
    assert [row.split(" | ")[1].count("<br>") for row in rows] == [2, 2]
    assert scalars(run.events)["val/rouge_score/rougeL"]


def test_a_model_that_reconstructs_nothing_shows_no_reconstruction(without_images: TinyRun) -> None:
    assert "val/reconstructions" not in without_images.events.Tags()["images"]
    assert not {"val/PSNR", "val/SSIM", "val/reconstruction_facts"} & scalars(without_images.events).keys()
    assert _text(without_images, "val/captions")


def test_table_by_hand() -> None:
    samples = [ImageCaptions(4, ["a dog", "a cat"], ["the dog"]), ImageCaptions(9, ["x"], ["y", "z"])]
    assert as_markdown_table(samples).splitlines()[2:] == [
        "| 4 | a dog<br>a cat | the dog |",
        "| 9 | x | y<br>z |",
    ]


def test_text_that_would_break_the_table_does_not() -> None:
    table = as_markdown_table(
        [ImageCaptions(1, ["left | right"], ["<b>bold</b>\r\nnext\u2028 \x1b[1m*_`\\", "a <unk> & [x]"])]
    )
    assert table.splitlines()[2:] == [
        r"| 1 | left \| right | &lt;b&gt;bold&lt;/b&gt; next \[1m\*\_\`\\<br>a &lt;unk&gt; &amp; \[x\] |"
    ]


def test_samples_start_anew_at_each_evaluation(tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "trainer.max_epochs=2", "test=false")
    first, second = (table.splitlines() for table in _text(run, "val/captions"))
    assert len(first) == len(second) == 2 + CaptionSamples(2).num_images


def test_pictures_are_in_two_rows() -> None:
    originals_BCHW = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 2, 2)
    reconstruction_BCHW = torch.full((2, 3, 2, 2), 0.5)
    picture_CHW = side_by_side(torch.stack([originals_BCHW, reconstruction_BCHW], dim=1).flatten(1))
    assert picture_CHW.shape == (3, 2 * (2 + 2) + 2, 2 * (2 + 2) + 2)
    assert picture_CHW[0, 2:4, 2:4].tolist() == [[0, 0], [0, 0]]
    assert picture_CHW[0, 2:4, 6:8].tolist() == [[1, 1], [1, 1]]
    assert picture_CHW[0, 6:8, 2:4].tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("setting", [{"every_n_steps": 0}, {"every_n_minutes": -1.0}])
def test_checkpoints_to_resume_from_come_at_positive_distances(setting: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=rf"callbacks.resume_checkpoints.{next(iter(setting))} must be positive, or null"
    ):
        ResumeCheckpoints(tmp_path, **setting)


@pytest.mark.parametrize("kind", [CaptionSamples, Reconstructions])
def test_no_images_to_show_are_refused(kind: type) -> None:
    with pytest.raises(ValueError, match=r"num_images must be at least 1, got 0"):
        kind(num_images=0)
