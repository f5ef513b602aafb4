"""People's own images through all scripts: trained on, gone on with, looked at, evaluated, described, scored."""

import json
import re
from pathlib import Path

import pytest

import score
import write_shards
from tests.captioning.caption_command import caption_json
from tests.datamodules.hugging_face.tiny_sets import write_saved
from tests.datamodules.images import tiny_images
from tests.datamodules.images.tiny_images import FIRST_ID
from tests.launch.test_resuming import _resume
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import WITHOUT_PICTURES, TinyRun, compose_tiny, hydra_job, run_tiny, scalars

QUICK = ("test=false", "~callbacks.reconstruction_metrics", "~callbacks.reconstructions", *WITHOUT_PICTURES)
CHOICES = ["data=karpathy", "model/scheduler=constant"]  # of which a run may be prolonged
SCORED = ("trade_off.num_images=0", "exploration.num_images=0", "meteor=no", "num_captions=2")


@pytest.fixture(scope="module")
def karpathy(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyRun, list[str], Path]:
    """A run on Karpathy's splits of COCO, the settings of its data, and their folder."""
    folder = tmp_path_factory.mktemp("karpathy")
    tiny_images.karpathy(folder / "root")
    settings = [f"data.root={folder / 'root'}", "data.name=coco"]
    run = run_tiny(folder / "run", "trainer.max_epochs=2", *QUICK, *settings, choices=CHOICES)
    return run, settings, folder / "root"


def test_a_run_goes_on_bit_for_bit(karpathy: tuple[TinyRun, list[str], Path], tmp_path: Path) -> None:
    whole, settings, _ = karpathy
    half = run_tiny(tmp_path / "half", *QUICK, *settings, choices=CHOICES)
    last = half.folder / "checkpoints/last.ckpt"
    own = ["trainer.max_epochs=2", f"ckpt_path={last}"]
    rest = run_tiny(tmp_path / "rest", *own, *QUICK, *settings, choices=CHOICES)
    expected = scalars(whole.events)
    assert len(expected["train/loss"]) == 4
    assert scalars(rest.events)["train/loss"] == expected["train/loss"][2:]
    assert scalars(rest.events)["val/loss"] == expected["val/loss"][1:]
    assert _resume(rest.folder) == rest.metric


def test_the_ids_of_outputs_are_those_of_the_file(
    karpathy: tuple[TinyRun, list[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, settings, root = karpathy
    choices = ("data=karpathy", "ranking=consensus")
    index = [f"ranking.index={tmp_path}/index.npz"]
    scores = evaluate_tiny(tmp_path / "report", run.best, *SCORED, *settings, *index, choices=choices)
    results = tmp_path / "report/captions.json"
    assert {row["image_id"] for row in json.loads(results.read_text())} == {FIRST_ID + 10, FIRST_ID + 11}
    again = tmp_path / "scores.json"
    score.run(
        score.parse_arguments([str(results), str(root / "dataset_coco.json"), "--meteor", "no", "--out", str(again)])
    )
    name = "coco/ROUGE-L"
    assert json.loads(again.read_text())[name] == pytest.approx(scores[name])
    photo = root / f"images/{FIRST_ID + 10:012d}.jpg"
    arguments = ["--strategy", "sample", "--num", 2, "--rank", "consensus", "--index", f"{tmp_path}/index.npz"]
    (described,) = caption_json(capsys, run.best, photo, *arguments)
    assert len(described["captions"]) == 2


def test_captions_of_other_scripts_go_through_all_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "фото"
    tiny_images.add_images(root, "{split}/снимок {n}.jpg")
    rows = [
        {"file_name": f"{split}/снимок {n}.jpg", "split": split, "captions": ["собака бежит", "犬が走る \U0001f415"]}
        for split, numbers in tiny_images.SPLITS.items()
        for n in numbers
    ]
    tiny_images.write(root / "captions.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    settings = [f"data.root='{root}'"]
    run = run_tiny(tmp_path / "run", "trainer.max_epochs=4", *QUICK, *settings, choices=["data=images"])
    evaluate_tiny(tmp_path / "report", run.best, *SCORED, *settings, choices=("data=images",))
    results = json.loads((tmp_path / "report/captions.json").read_text("utf-8"))
    assert {row["image_id"] for row in results} == {f"test/снимок {n}.jpg" for n in (10, 11)}
    out = tmp_path / "scores.json"
    files = [str(tmp_path / "report/captions.json"), str(root / "captions.jsonl")]
    score.run(score.parse_arguments([*files, "--subset", "--meteor", "no", "--out", str(out)]))
    assert set("".join(row["caption"] for row in results)) - set(" бегжиткосзд") <= set("собака бежит犬が走る")


def test_a_look_at_the_data_shows_them_and_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root"
    tiny_images.tsv(root)
    (root / "3.jpg").write_text("no image")
    text = (root / "all.tsv").read_text().replace("A dog, number 4", "A <b>zebra</b> &amp; dog, number 4")
    (root / "all.tsv").write_text(text)
    run = run_tiny(
        tmp_path / "run", "data.look=true", f"data.root={root}", "tokenizer.min_count=2", choices=["data=images"]
    )
    printed = capsys.readouterr().out
    assert re.search(r"images +7 +2 +2\n", printed)
    assert re.search(r"captions an image, min / median / max +2 / 2 / 2", printed)
    assert "left out: 1 images that cannot be read (3.jpg: cannot identify image file)" in printed
    page = (run.folder / "data.html").read_text()
    assert page.count("<figure>") == 11
    assert page.count("data:image/png") == 11
    assert '<span class="token unknown">&lt;unk&gt;</span>' in page
    assert "A &lt;b&gt;zebra&lt;/b&gt; &amp; dog, number 4" in page
    assert '<b class="cut">cut</b>' in page  # to eight tokens
    assert not (run.folder / "checkpoints").exists()
    assert run.metric is None


def test_the_built_in_data_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_tiny(tmp_path / "run", "data.look=true")
    assert re.search(r"captions +\d+ +\d+ +\d+\n", capsys.readouterr().out)
    assert (run.folder / "data.html").read_text().count("<figure>") == 14


@pytest.mark.parametrize("option", ["hf", "webdataset"])
def test_data_of_other_libraries_can_be_looked_at(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if option == "hf":
        own = f"data.path={write_saved(tmp_path / 'saved')}"
    else:
        with hydra_job(compose_tiny(tmp_path / "hydra", f"out={tmp_path / 'shards'}", name="write_shards")) as config:
            write_shards.main(config)
        own = f"data.root={tmp_path / 'shards'}"
    run = run_tiny(tmp_path / "run", "data.look=true", own, choices=[f"data={option}"])
    assert re.search(r"captions +\d+ +\d+ +\d+\n", capsys.readouterr().out)
    assert (run.folder / "data.html").read_text().count("<figure>") > 6
    assert not (run.folder / "checkpoints").exists()
