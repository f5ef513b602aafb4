"""People's own images: captions of other scripts through all of ours, and a look at the data."""

import json
import re
from pathlib import Path

import pytest

import score
import write_shards
from tests.datamodules.hugging_face.tiny_sets import write_saved
from tests.datamodules.images import tiny_images
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import WITHOUT_PICTURES, compose_tiny, hydra_job, run_tiny

QUICK = ("test=false", "~callbacks.reconstruction_metrics", "~callbacks.reconstructions", *WITHOUT_PICTURES)
SCORED = ("trade_off.num_images=0", "exploration.num_images=0", "meteor=no", "num_captions=2")


def test_captions_of_other_scripts_go_through_all_scripts(tmp_path: Path) -> None:
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
