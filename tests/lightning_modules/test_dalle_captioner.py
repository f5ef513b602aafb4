"""Whole runs of DALL·E: what they log and keep, what their checkpoints can do, and what is refused.

Shape legend: B images, N captions, L tokens, P positions of the grid of codes.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from captioning.pipeline import CaptionPipeline
from lightning_modules import (
    DalleCaptioner,
    GeneratedBatch,
    average_checkpoints,
    load_captioner,
    load_discrete_vae,
    save_module,
)
from lightning_modules.generation import Beam, ConstrainedBeam, DiverseBeam, Greedy, Latent, Sample, Strategy
from tests.captioning.caption_command import save_pictures
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import TinyRun, build_tiny, run_tiny, scalars
from utils.seeding import generators_of

STRATEGIES: dict[str, Strategy] = {
    "greedy": Greedy(max_length=8),
    "beam": Beam(beam_size=3, max_length=8),
    "diverse_beam": DiverseBeam(beam_size=4, num=2, num_groups=2, max_length=8),
    "sample": Sample(num=3, filter_thres=0.5, max_length=8),
}


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a discrete VAE that was not trained."""
    folder = tmp_path_factory.mktemp("coder")
    coder, _ = build_tiny(folder / "run", choices=["model=discrete_vae"])
    save_module(coder, folder / "discrete_vae.ckpt")
    return folder / "discrete_vae.ckpt"


def _choices(vae: Path) -> list[str]:
    return ["model=dalle", f"model.vae.checkpoint={vae}"]


@pytest.fixture(scope="module")
def run(vae: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A tiny run of two epochs from cached codes, whose discrete VAE is gone afterwards."""
    folder = tmp_path_factory.mktemp("dalle")
    copy = folder / "copy.ckpt"
    copy.write_bytes(vae.read_bytes())
    settings = ["trainer.max_epochs=2", "data.cache_features=true", "callbacks.checkpoint.save_top_k=2"]
    names = ["callbacks.checkpoint.filename='e{epoch}'", "trainer.precision=bf16-mixed"]
    found = run_tiny(folder / "run", *settings, *names, choices=_choices(copy))
    copy.unlink()
    return found


def _checkpoints(run: TinyRun) -> list[Path]:
    return sorted((run.folder / "checkpoints").glob("e*.ckpt"))


@pytest.fixture(scope="module")
def captioner(run: TinyRun) -> DalleCaptioner:
    captioner = load_captioner(_checkpoints(run)[-1])
    assert isinstance(captioner, DalleCaptioner)
    return captioner


@pytest.fixture(scope="module")
def features_BP1(captioner: DalleCaptioner) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    images_BCHW = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return captioner.encode(images_BCHW)


def test_a_run_logs_both_orders_and_what_captions_tell_of_images(run: TinyRun) -> None:
    logged = scalars(run.events)
    for stage in ("train", "val", "test"):
        nats = {name.rpartition("/")[2] for name in logged if name.startswith(f"{stage}/nats/")}
        assert nats == {"caption", "image"} | (set() if stage == "train" else {"image_information"})
        loss = sum(points[-1][1] for name, points in logged.items() if name.startswith(f"{stage}/contribution/"))
        assert logged[f"{stage}/loss"][-1][1] == pytest.approx(loss, rel=1e-5)
    assert logged["weight/image"][-1][1] == 0.25
    assert {"val/caption_truth", "val/rouge_score/rougeL"} <= logged.keys()


def test_the_checkpoint_holds_the_discrete_vae(
    captioner: DalleCaptioner, vae: Path, run: TinyRun, features_BP1: Tensor
) -> None:
    original = load_discrete_vae(vae)
    kept = captioner.network.vae.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in original.state_dict().items())
    codes_BP = features_BP1.squeeze(-1)
    torch.testing.assert_close(captioner.network.decode(codes_BP), original.decode(codes_BP))
    average = average_checkpoints(_checkpoints(run))
    assert torch.equal(average.encode(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))[0, :, 0], original.codes(
        torch.zeros(1, 3, 32, 32, dtype=torch.uint8))[0])  # fmt: skip


def _generate(captioner: DalleCaptioner, features_BP1: Tensor, strategy: Strategy, seeds: Any) -> GeneratedBatch:
    return captioner.generate(features_BP1, strategy, generators=generators_of(seeds))


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_images_together_are_images_alone_by_every_strategy(
    strategy: Strategy, captioner: DalleCaptioner, features_BP1: Tensor
) -> None:
    together = _generate(captioner, features_BP1, strategy, range(3)).by_image()
    for number, of_image in enumerate(together):
        (alone,) = _generate(captioner, features_BP1[number : number + 1], strategy, [number]).by_image()
        assert alone.captions == of_image.captions
        assert alone.log_probabilities == pytest.approx(of_image.log_probabilities, abs=1e-4)


def test_the_likelihood_of_what_is_generated_is_the_one_of_its_generation(
    captioner: DalleCaptioner, features_BP1: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated = captioner.generate(features_BP1, Beam(beam_size=2, max_length=8))
    whole_NB = captioner.log_likelihood(features_BP1, generated.tokens_NL, 1, generators_of(range(3)))
    torch.testing.assert_close(whole_NB.diagonal(), generated.log_probability_N, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr("lightning_modules.dalle_captioner.MOST_ROWS", 4)
    torch.testing.assert_close(
        captioner.log_likelihood(features_BP1, generated.tokens_NL, 1, generators_of(range(3))), whole_NB
    )
    predictions = captioner.explain(features_BP1, generated.tokens_NL).predictions
    torch.testing.assert_close(
        predictions.log_probability_NL.sum(dim=1), generated.log_probability_N, rtol=1e-4, atol=1e-4
    )


def test_words_that_must_appear_are_generated(captioner: DalleCaptioner, features_BP1: Tensor) -> None:
    strategy = ConstrainedBeam(beam_size=3, max_length=8)
    generated = captioner.generate(features_BP1, strategy, words=["red"])
    assert all("red" in of_image[0].split() for of_image in generated.captions)


def test_styles_are_refused_in_one_line(captioner: DalleCaptioner, features_BP1: Tensor) -> None:
    with pytest.raises(ValueError, match=r"DalleCaptioner has no latents, and so no styles: .* generation=sample or a"):
        captioner.generate(features_BP1, Latent(num=2))
    with pytest.raises(ValueError, match=r"has no latents, and so no styles"):
        captioner.generate(features_BP1, style_NS=torch.zeros(3, 3))
    with pytest.raises(ValueError, match=r"generation\.max_length=99 is too long for model\.num_positions=64"):
        captioner.generate(features_BP1, Greedy(max_length=100))


def test_codes_of_another_grid_are_refused(captioner: DalleCaptioner, features_BP1: Tensor) -> None:
    with pytest.raises(ValueError, match=r"codes of a grid of 16 positions, one each, got a tensor of shape \[3, 9, 1"):
        captioner.generate(features_BP1[:, :9])
    with pytest.raises(ValueError, match=r"images of 32×32 pixels, got 64×64; set data\.image_size=32"):
        captioner.encode(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))


def test_the_pipeline_generates_a_description_and_scripts_take_the_checkpoint(
    run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import caption

    checkpoint = _checkpoints(run)[-1]
    (photo,) = save_pictures(tmp_path, ["a.png"])
    pipeline = CaptionPipeline.load(checkpoint)
    description = pipeline.generate_description(photo, filter_thres=0.9, seed=3)
    assert description == pipeline.generate_description(photo, filter_thres=0.9, seed=3) != ""
    options = ["--strategy", "sample", "--num", "1", "--filter-thres", "0.9", "--seed", "3"]
    caption.main([str(checkpoint), str(photo), *options])
    assert capsys.readouterr().out.splitlines()[1].removeprefix("  1. ").removesuffix(" …") == description
    with pytest.raises(SystemExit, match=r"has no latents, and so no styles"):
        caption.main([str(checkpoint), str(photo), "--style-from", str(photo)])


def test_it_is_evaluated_with_self_retrieval(run: TinyRun, tmp_path: Path) -> None:
    results = evaluate_tiny(tmp_path / "report", _checkpoints(run)[-1], "self_retrieval.num_images=3")
    assert "self_retrieval" in str(results)


@pytest.mark.parametrize("wrong", ["captioner", "size", "missing"])
def test_what_is_no_discrete_vae_of_these_images_is_refused(
    wrong: str, vae: Path, trained: TinyRun, tmp_path: Path
) -> None:
    path = {"captioner": trained.best, "size": vae, "missing": tmp_path / "none.ckpt"}[wrong]
    message = {
        "captioner": r"expected a discrete VAE \(model=discrete_vae of train\.py\), got a VariationalCaptioner",
        "size": r"trained on images of 32×32 pixels, and data\.image_size=64; set data\.image_size=32",
        "missing": r"none\.ckpt",
    }[wrong]
    settings = ["data.image_size=64"] if wrong == "size" else []
    with pytest.raises(ValueError, match=message) as error:
        build_tiny(tmp_path / "run", *settings, choices=_choices(path))
    assert "\n" not in str(error.value)


def test_alone_terms_need_a_causal_condition(vae: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"only model\.condition=causal predicts; set both to 0"):
        build_tiny(tmp_path / "run", "model.loss.image_alone_weight=1", choices=_choices(vae))
