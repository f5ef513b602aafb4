"""Whole evaluations of a tiny model: what the report says is what was measured."""

import json
import os
from pathlib import Path

import pytest
from hydra.utils import instantiate

import evaluate
import score
from captioning.pipeline import CaptionPipeline
from tests.captioning.caption_command import caption_json
from tests.tiny_evaluation import QUICK, evaluate_tiny, scores_of
from tests.tiny_run import ROOT, TinyRun, compose_tiny, hydra_job
from tests.two_processes import on_two_processes

RANKINGS = sorted(path.stem for path in (ROOT / "conf/ranking").glob("*.yaml"))


@pytest.fixture(scope="module")
def report(trained: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluations") / "report"
    evaluate_tiny(folder, trained.best, "num_captions=4")
    return folder


def test_describes_every_image_and_shows_it(report: Path) -> None:
    assert sorted(path.name for path in report.iterdir()) == [
        "captions.json",
        "references.json",
        "report.html",
        "scores.json",
        "scores.md",
    ]
    rows = json.loads((report / "captions.json").read_text())
    assert [row["image_id"] for row in rows] == [0] * 4 + [1] * 4 + [2] * 4
    page = (report / "report.html").read_text()
    in_page = [{row["caption"] in page for row in rows if row["image_id"] == image} for image in range(3)]
    assert {True} in in_page  # the gallery shows all captions of an image
    assert "shapes, test: sample" in page
    table = (report / "scores.md").read_text()
    assert "| coco/CIDEr-D |" in table
    assert "captions of each: 4" in table
    assert "Drawings" not in page + table  # which this model cannot make


def test_captions_are_explained_and_probabilities_checked(report: Path) -> None:
    page = (report / "report.html").read_text()
    for part in ("Explained", "Attention before: ", "Reliability of word probabilities"):
        assert part in page
    assert page.count('class="looks"') == 2  # images of `exploration`, of each the first caption
    assert page.count('class="shaded"') == 2 * 3
    for name in ("calibration/ECE", "calibration/ECE-posterior"):  # its posterior reads captions
        assert 0 <= scores_of(report)[name] <= 1


def test_scores_are_those_of_the_data_set_and_of_all_metrics(report: Path) -> None:
    scores = json.loads((report / "scores.json").read_text())
    assert {
        "coco/BLEU-4",
        "mean/CIDEr-D",
        "A/mBLEU-4",
        "B/novel",
        "rouge_score/rougeL",
        "caption_truth",
        "PSNR",
        "reconstruction_truth",
        "reconstruction_facts",
    } <= scores.keys()
    assert {"coco/BLEU-4", "mean/CIDEr-D", "A/mBLEU-4", "B/novel"} <= scores["human"].keys()
    assert scores["settings"]["config"]["num_captions"] == 4
    assert len(scores["settings"]["checkpoint_sha256"]) == 64


def test_what_reconstructions_show_is_told_for_each_attribute(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert "What reconstructions show" in page
    for attribute in ("shape", "colour", "size", "place", "tone", "pattern"):
        assert f"Which {attribute} shows as which" in page
    assert "| reconstruction_exact |" in (report / "scores.md").read_text()


def test_equal_checkpoints_are_evaluated_as_one(trained: TinyRun, report: Path, tmp_path: Path) -> None:
    scores = evaluate_tiny(
        tmp_path,
        trained.best,
        f"checkpoint=[{trained.best},{trained.best}]",
        "num_captions=4",
        "self_retrieval.num_images=2",
        "trade_off.num_images=0",
    )
    assert (tmp_path / "captions.json").read_text() == (report / "captions.json").read_text()
    assert scores["settings"]["checkpoint_sha256"] == [scores_of(report)["settings"]["checkpoint_sha256"]] * 2
    assert scores["calibration/ECE"] == pytest.approx(scores_of(report)["calibration/ECE"], abs=1e-5)
    assert "best.ckpt (SHA-256" in (tmp_path / "scores.md").read_text()


def test_the_seed_decides_what_is_generated(trained: TinyRun, report: Path, tmp_path: Path) -> None:
    generated = (report / "captions.json").read_text()
    evaluate_tiny(tmp_path / "same", trained.best, "num_captions=4", "batch_size=1")
    assert (tmp_path / "same/captions.json").read_text() == generated  # also where each image is a batch of its own
    evaluate_tiny(tmp_path / "other", trained.best, "num_captions=4", "seed=1")
    assert (tmp_path / "other/captions.json").read_text() != generated


def test_what_the_codes_know_is_measured_and_shown(report: Path) -> None:
    scores = scores_of(report)
    names = {"interpretability/majority/style_family", "style_transfer/by_style/terse/both"}
    names |= {f"style_transfer/{name}" for name in ("style", "truth", "both")}
    for code in ("style", "content"):
        measures = ("mig", "sap", "dci_disentanglement", "dci_completeness", "dci_informativeness", "modularity")
        names |= {f"interpretability/{code}/{measure}" for measure in measures}
        names |= {f"interpretability/{code}/probe_{probe}/style_family" for probe in ("linear", "mlp")}
    assert names <= scores.keys()
    assert all(0 <= scores[name] <= 1 for name in names)
    page = (report / "report.html").read_text()
    assert page.index("Style swaps") < page.index("What the codes know") < page.index("All settings")
    assert "style_family" in page
    assert "| style_transfer/truth |" in (report / "scores.md").read_text()


def test_photographs_are_compared_by_the_attributes_of_their_captions(
    flickr8k: tuple[TinyRun, Path], tmp_path: Path
) -> None:
    run, root = flickr8k
    scores = evaluate_tiny(tmp_path / "report", run.best, f"data.root={root}", choices=("data=flickr8k",))
    assert scores["style_transfer/by_style/short/style"] == scores["style_transfer/style"]  # all of them are short
    assert "style_transfer/truth" not in scores  # which nobody knows
    assert "PSNR" in scores
    assert not [name for name in scores if name.startswith("reconstruction_")]
    assert "What reconstructions show" not in (tmp_path / "report/report.html").read_text()


def test_score_py_gives_the_same_scores(flickr8k: tuple[TinyRun, Path], tmp_path: Path) -> None:
    run, root = flickr8k
    scores = evaluate_tiny(tmp_path / "report", run.best, f"data.root={root}", choices=("data=flickr8k",))
    out = tmp_path / "scores.json"
    arguments = [tmp_path / "report/captions.json", root / "Flickr8k.token.txt", "--subset", "--human", "--out", out]
    score.run(score.parse_arguments([*map(str, arguments), "--meteor", "no"]))
    again = json.loads(out.read_text())
    names = again.keys() & scores.keys() - {"human", "settings"}
    assert {"coco/BLEU-4", "coco/CIDEr-D", "oracle/ROUGE-L", "A/mBLEU-4", "B/Self-CIDEr"} <= names
    assert {name: scores[name] for name in names} == pytest.approx({name: again[name] for name in names})
    assert {name: scores["human"][name] for name in names} == pytest.approx(
        {name: again["human"][name] for name in names}
    )


def test_caption_py_and_python_give_the_same_captions(
    flickr8k: tuple[TinyRun, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, root = flickr8k
    settings = [f"data.root={root}", "num_captions=2", "seed=7"]
    evaluate_tiny(tmp_path / "report", run.best, *settings, choices=("data=flickr8k", "generation=latent"))
    generated: dict[str, list[str]] = {}
    for row in json.loads((tmp_path / "report/captions.json").read_text()):
        generated.setdefault(row["image_id"], []).append(row["caption"])
    paths = [root / "Flicker8k_Dataset" / name for name in generated]
    described = caption_json(
        capsys, run.best, *paths, "--strategy", "latent", "--num", 2, "--seed", 7, "--set", "max_length=8"
    )
    assert [image["captions"] for image in described] == [*generated.values()]
    strategy = instantiate(compose_tiny(tmp_path, choices=["generation=latent"]).generation, num=2)
    (alone,) = CaptionPipeline.load(run.best).describe_batch(paths[1:2], [strategy], seed=7)
    assert alone.captions == generated[paths[1].name]


def test_two_processes_write_the_same_report(trained: TinyRun, tmp_path: Path) -> None:
    """Of three batches the second process has one; the ranker's index is made by the first."""
    one, two = tmp_path / "one", tmp_path / "two"
    own = ["trade_off.num_images=0", "num_captions=4", "batch_size=1", "meteor=no"]
    scores = evaluate_tiny(one, trained.best, *own, f"ranking.index={one}/index.npz", choices=("ranking=consensus",))

    def job(rank: int) -> None:
        started = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "TORCHELASTIC_RUN_ID": 1}
        os.environ.update({name: str(value) for name, value in started.items()})  # as torchrun does
        again = [f"checkpoint={trained.best}", *QUICK, *own, f"ranking.index={two}/index.npz", "trainer.devices=2"]
        with hydra_job(compose_tiny(two, *again, choices=("ranking=consensus",), name="evaluate")) as config:
            evaluate.main(config)

    on_two_processes(job, tmp_path / "processes")
    assert (one / "captions.json").read_text() == (two / "captions.json").read_text()
    of_two = scores_of(two)
    del scores["settings"], of_two["settings"]
    rounded = ("PSNR", "SSIM", "calibration/ECE")
    floats = {name: scores.pop(name) for name in rounded}  # convolutions are rounded by the number of threads
    assert floats == pytest.approx({name: of_two.pop(name) for name in rounded}, rel=1e-6)
    assert scores == of_two


@pytest.mark.parametrize("ranking", RANKINGS)
def test_every_ranking_orders_the_captions(ranking: str, trained: TinyRun, report: Path, tmp_path: Path) -> None:
    index = {
        "consensus": [f"ranking.index={tmp_path}/index.npz"],
        "diverse": [f"ranking.index={tmp_path}/index.npz"],
        "mbr": [f"ranking.index={tmp_path}/index.npz"],
        "mix": [f"ranking.rankers.consensus.index={tmp_path}/index.npz", "ranking.weights.reconstruction=1"],
    }
    settings = ["num_captions=4", *index.get(ranking, [])]
    evaluate_tiny(tmp_path / "report", trained.best, *settings, choices=(f"ranking={ranking}",))
    rows = [(row["image_id"], row["caption"]) for row in json.loads((tmp_path / "report/captions.json").read_text())]
    unranked = [(row["image_id"], row["caption"]) for row in json.loads((report / "captions.json").read_text())]
    assert sorted(rows) == sorted(unranked)
    assert (rows == unranked) == (ranking == "none")


def test_keeps_the_first_captions_alone(trained: TinyRun, report: Path, tmp_path: Path) -> None:
    evaluate_tiny(tmp_path / "report", trained.best, "num_captions=4", "num_kept=2")
    rows = [(row["image_id"], row["caption"]) for row in json.loads((tmp_path / "report/captions.json").read_text())]
    every = [(row["image_id"], row["caption"]) for row in json.loads((report / "captions.json").read_text())]
    assert rows == [row for number, row in enumerate(every) if number % 4 < 2]
    assert "2 of 4" in (tmp_path / "report/report.html").read_text()


def test_draws_that_captions_were_selected_from_are_told(trained: TinyRun, tmp_path: Path) -> None:
    own = ["num_captions=3", "generation.max_draws=12", "generation.temperature=0.5", "meteor=no"]
    scores = evaluate_tiny(tmp_path / "report", trained.best, *own, choices=("generation=latent",))
    rows = json.loads((tmp_path / "report/captions.json").read_text())
    draws = [row["num_draws"] for row in rows]
    assert all(3 <= number <= 12 for number in draws)
    assert draws == [number for number in draws[::3] for _ in range(3)]
    for image in range(3):
        captions = {row["caption"] for row in rows if row["image_id"] == image}
        assert len(captions) == 3 or draws[3 * image] == 12
    assert scores["draws/mean"] == pytest.approx(sum(draws) / 9)
    page = (tmp_path / "report/report.html").read_text()
    assert f"3, selected from {sum(draws) / 9:.1f} draws on average" in page
    assert "| draws/mean |" in (tmp_path / "report/scores.md").read_text()


def test_one_caption_an_image_has_no_diversity_but_a_trade_off(trained: TinyRun, tmp_path: Path) -> None:
    scores = evaluate_tiny(tmp_path / "report", trained.best, choices=("generation=greedy",))
    assert "mean/CIDEr-D" not in scores
    page = (tmp_path / "report/report.html").read_text()
    assert "mBLEU-4" in page


def test_one_image_is_scored_but_for_what_takes_several(
    trained: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = evaluate_tiny(tmp_path / "report", trained.best, "num_images=1", "num_captions=3", "meteor=no")
    assert {"coco/BLEU-4", "mean/CIDEr-D", "B/mBLEU-4", "A/distinct"} <= scores.keys()
    assert "B/Self-CIDEr" not in scores
    note = "CIDEr-D is 0 whatever the captions are, and B/Self-CIDEr is left out"
    assert scores["settings"]["notes"][0].startswith(note)
    assert f"note: {note}" in capsys.readouterr().out


def test_what_is_not_asked_for_is_left_out(trained: TinyRun, tmp_path: Path) -> None:
    parts = ("gallery", "trade_off", "exploration", "interpretability")
    none = [*(f"{part}.num_images=0" for part in parts), "calibration.num_bins=0"]
    scores = evaluate_tiny(tmp_path / "report", trained.best, *none)
    assert "calibration/ECE" not in scores
    page = (tmp_path / "report/report.html").read_text()
    assert "<img" not in page
    assert page.count("<svg") == page.count("shows as which") == 6  # what is read back anyway
    assert "What the codes know" not in page
    assert not [name for name in scores if name.startswith(("interpretability", "style_transfer"))]


def test_a_model_that_reconstructs_nothing_is_evaluated(without_images: TinyRun, tmp_path: Path) -> None:
    scores = evaluate_tiny(tmp_path / "report", without_images.best)
    assert "PSNR" not in scores
    with pytest.raises(SystemExit):
        evaluate_tiny(tmp_path / "ranked", without_images.best, choices=("ranking=reconstruction",))


@pytest.mark.parametrize(
    ("settings", "choices", "message"),
    [
        (["num_captions=2"], ["generation=greedy"], "num_captions=2: generation=greedy makes one caption of an image"),
        (["num_kept=1"], ["metrics=diversity"], "metrics.coco: expected several captions of each image, got 1"),
        (["num_captions=9"], ["generation=beam"], "num must be from 1 to beam_size=5, got 9"),
        (["split=dev"], [], "split must be one of train, val, test, got dev"),
        (["batch_size=0"], [], "batch_size must be at least 1, got 0"),
        (["calibration.num_bins=1"], [], "calibration.num_bins must be 0, for none, or at least 2, got 1"),
        (["exploration.num_explained=-1"], [], "exploration.num_explained must be at least 0, got -1"),
        (["trade_off.num_captions=1"], [], "trade_off.num_captions must be at least 2, got 1"),
        (["trainer.accelerator=nonsense"], [], "invalid accelerator name"),
        (
            ["trainer.devices=2", "trainer.strategy=ddp_spawn"],
            [],
            "trainer.strategy=ddp_spawn: expected a strategy that",
        ),
        (["trainer.precision=16-true"], [], "trainer.precision=16-true is not to be had"),
        (["self_retrieval.num_samples=0"], [], "self_retrieval.num_samples must be at least 1, got 0"),
        (["clip.pac_model=pac.safetensors"], [], "clip.pac_model=pac.safetensors: expected clip.model beside a file"),
        (["clip.model=/nowhere/at/all"], [], "CLIP model /nowhere/at/all: expected a folder with a CLIPModel"),
        (["meteor=maybe"], [], "meteor must be auto, yes or no, got maybe"),
        (["metrics.meteor.jar=nowhere.jar"], ["metrics=full"], "METEOR cannot be computed: "),
        (["checkpoint=nowhere.ckpt"], [], "nowhere.ckpt: there is no such file"),
        (["checkpoint=[]"], [], "checkpoint must be a file, or a list of files"),
        (["checkpoint=3"], [], "checkpoint must be a file, or a list of files"),
        (["checkpoint=[a.ckpt,2]"], [], "checkpoint must be a file, or a list of files"),
    ],
)
def test_mistakes_are_one_line(
    settings: list[str],
    choices: list[str],
    message: str,
    trained: TinyRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        evaluate_tiny(tmp_path / "report", trained.best, *settings, choices=tuple(choices))
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert message in line
    assert not (tmp_path / "report" / "captions.json").exists()  # found out before anything was said
