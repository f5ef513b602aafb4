"""draw.py, from the command line to its files."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import draw as script
from captioning.arguments import options_of
from drawing import DrawingPipeline, Prime
from lightning_modules import load_captioner
from lightning_modules.generation import SampledDrawing
from tests.captioning.caption_command import save_pictures
from tests.drawing.draw_command import GRID, SIZE, draw, draw_json, prompts_of, width_of
from tests.tiny_run import TinyRun


@pytest.fixture
def prompts(trained_dalle: TinyRun) -> list[str]:
    return prompts_of(trained_dalle, 3)


@pytest.fixture
def file(tmp_path: Path, prompts: list[str]) -> Path:
    """A file of three prompts, with an empty line between two of them."""
    file = tmp_path / "prompts.txt"
    file.write_text(f"{prompts[0]}\n\n  {prompts[1]} \n{prompts[2]}\n")
    return file


def test_a_seed_gives_the_same_file(trained_dalle: TinyRun, prompts: list[str], tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        out = tmp_path / f"{name}.png"
        draw(trained_dalle.best, *prompts[:2], "--num", 3, "--guidance", 3, "--seed", seed, "--out", out)
    one, again, other = ((tmp_path / f"{name}.png").read_bytes() for name in ("one", "again", "other"))
    assert one == again != other
    assert width_of(tmp_path / "one.png") > 3 * 5 * SIZE  # each is 160 pixels wide, five times as large


def test_json_agrees_with_the_pipeline(
    trained_dalle: TinyRun, prompts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = draw_json(capsys, trained_dalle.best, *prompts, "--num", 5, "--top-k", 7, "--batch-size", 4)
    pipeline = DrawingPipeline.load(trained_dalle.best)
    expected = pipeline.draw_batch(prompts, SampledDrawing(top_k=7), num=5)
    assert [record["prompt"] for record in printed] == prompts
    for record, drawings in zip(printed, expected, strict=True):
        assert record["codes"] == drawings.codes_MP.tolist()
        assert record["log_probabilities"] == pytest.approx(drawings.log_probabilities, abs=1e-3)
        assert "scores" not in record
        assert drawings.images_M3HW.shape == (5, 3, SIZE, SIZE)
    fewer = pipeline.draw(prompts[1], num=2, top_k=7)
    assert fewer.codes_MP.tolist() == printed[1]["codes"][:2]  # the first of many are those of few
    assert len({str(codes) for codes in printed[0]["codes"]}) > 1


@pytest.mark.parametrize(("num", "terminal", "shows"), [(10, True, True), (9, True, False), (10, False, False)])
def test_a_bar_shows_many_images_on_a_terminal(
    trained_dalle: TinyRun,
    prompts: list[str],
    num: int,
    terminal: bool,
    shows: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    draw(trained_dalle.best, prompts[0], "--num", num, "--batch-size", 4, "--json")
    printed = capsys.readouterr()
    assert ("10/10" in printed.err) == shows
    assert ("image/s" in printed.err or "s/image" in printed.err) == shows
    assert len(json.loads(printed.out)) == 1  # stdout has nothing of the bar


def test_ranked_drawings_come_best_first(
    trained_dalle: TinyRun, prompts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = (trained_dalle.best, prompts[0], "--num", 6, "--temperature", 3, "--top-p", 1)
    as_drawn = draw_json(capsys, *settings)[0]
    likely = draw_json(capsys, *settings, "--rank", "likelihood")[0]
    assert likely["scores"] == likely["log_probabilities"] == sorted(as_drawn["log_probabilities"], reverse=True)
    kept = draw_json(capsys, *settings, "--rank", "caption", "--keep", 2)[0]
    captioner = DrawingPipeline.load(trained_dalle.best).captioner
    tokens_1L = captioner.tokenizer.tokens_after_prefix([prompts[0]])
    nats = [
        captioner.log_likelihood(captioner.features_of_codes(torch.tensor([codes])), tokens_1L, 1, [torch.Generator()])
        for codes in as_drawn["codes"]
    ]
    order = sorted(range(6), key=lambda i: -nats[i].item())
    assert kept["codes"] == [as_drawn["codes"][i] for i in order[:2]]
    assert kept["scores"] == pytest.approx([nats[i].item() for i in order[:2]], abs=1e-3)
    assert kept["num_drawn"] == 6


@pytest.mark.parametrize("strategy", options_of("drawing"))
def test_every_strategy_draws_with_every_ranking(
    strategy: str, trained_dalle: TinyRun, prompts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = draw_json(capsys, trained_dalle.best, *prompts, "--strategy", strategy)
    for ranking in options_of("drawing_ranking"):
        if ranking != "none":
            ranked = draw_json(capsys, trained_dalle.best, *prompts, "--strategy", strategy, "--rank", ranking)
            assert [sorted(record["codes"]) for record in ranked] == [sorted(record["codes"]) for record in plain]


def test_drawings_begin_with_the_rows_of_an_image(
    trained_dalle: TinyRun, prompts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photo,) = save_pictures(tmp_path, ["photo.png"])
    pipeline = DrawingPipeline.load(trained_dalle.best)
    codes_Q = pipeline.given_codes(Prime(photo, 2))
    assert len(codes_Q) == 2 * GRID
    primed = draw_json(capsys, trained_dalle.best, prompts[0], "--prime", photo, "--prime-rows", 2)[0]
    assert all(codes[: 2 * GRID] == codes_Q.tolist() for codes in primed["codes"])
    assert len({str(codes) for codes in primed["codes"]}) > 1
    fewer = draw_json(capsys, trained_dalle.best, prompts[0], "--prime", photo)[0]
    assert all(codes[:GRID] == codes_Q[:GRID].tolist() for codes in fewer["codes"])  # 7 of 16 rows, of 4 one
    with pytest.raises(ValueError, match=rf"prime rows {GRID}: expected 1 to {GRID - 1} of the {GRID} rows of codes"):
        draw(trained_dalle.best, prompts[0], "--prime", photo, "--prime-rows", GRID, "--folder", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    draw(trained_dalle.best, prompts[0], "--prime", photo, "--out", tmp_path / "primed.png")
    assert width_of(tmp_path / "primed.png") > 5 * 5 * SIZE  # that image, then four drawings


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "drawings.jsonl").read_text().splitlines()]


def test_a_folder_is_gone_on_with(
    trained_dalle: TinyRun,
    file: Path,
    prompts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = (trained_dalle.best, "--prompts-from", file, "--num", 2, "--batch-size", 2)
    whole, folder = tmp_path / "whole", tmp_path / "folder"
    draw(*arguments, "--folder", whole)
    assert [record["prompt"] for record in _lines(whole)] == prompts
    draw_batch, calls = DrawingPipeline.draw_batch, []

    def failing(self: DrawingPipeline, prompts: list[str], **settings: Any) -> Any:
        calls.append(prompts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return draw_batch(self, prompts, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(DrawingPipeline, "draw_batch", failing)
        with pytest.raises(KeyboardInterrupt):
            draw(*arguments, "--folder", folder)
    assert len(_lines(folder)) == 1
    with (folder / "drawings.jsonl").open("a") as lines:
        lines.write((whole / "drawings.jsonl").read_text().splitlines()[1][:40])  # a torn line
    capsys.readouterr()
    draw(*arguments, "--folder", folder)
    assert "goes on after 1 prompts that are there already" in capsys.readouterr().err
    names = sorted(path.name for path in whole.iterdir())
    assert names == [*(f"{number:05d}-{place}.png" for number in (1, 2, 3) for place in (1, 2)), "drawings.jsonl"]
    assert {name: (folder / name).read_bytes() for name in names} == {
        name: (whole / name).read_bytes() for name in names
    }
    with pytest.raises(ValueError, match=r"--folder .*whole: line 1 was written by another run"):
        draw(*arguments, "--guidance", 1, "--folder", whole)
    file.write_text(f"{prompts[1]}\n")
    with pytest.raises(ValueError, match=r"--folder .*: line 1 was written of prompt 1, .*, which is another now"):
        draw(*arguments, "--folder", whole)
    (whole / "00001-2.png").unlink()
    file.write_text("\n".join(prompts))
    with pytest.raises(ValueError, match=r"line 1 is of 00001-2.png, which is gone; name another folder"):
        draw(*arguments, "--folder", whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a zebra", "--json"], "prompt 'a zebra': the model's vocabulary has no 'zebra', so it cannot be drawn"),
        (["", "--json"], "prompt '': expected words to draw, got none; leave it out"),
        (["KNOWN " * 9, "--json"], r"prompt '.*': expected at most 8 tokens, its end included, as the model was"),
        (["--json"], "expected a prompt to draw, such as .*, got none"),
        (["KNOWN"], "expected --out FILE.png, --folder FOLDER or --json, for what is drawn; add one"),
        (
            ["KNOWN", "--out", "drawn.jpg"],
            "--out drawn.jpg: expected the name of a .png file in a folder that exists; change it",
        ),
        (["KNOWN", "--json", "--folder", "f"], "--folder f: expected no --json or --out beside it"),
        (["KNOWN", "--json", "--num", "0"], "--num 0: expected at least 1"),
        (["KNOWN", "--json", "--strategy", "greedy", "--num", "2"], "--num 2: strategy greedy draws one image"),
        (["KNOWN", "--json", "--strategy", "greedy", "--top-k", "2"], "--top-k: strategy greedy has no top_k; it has"),
        (["KNOWN", "--json", "--guidance", "-1"], "drawing.guidance must be 0 or more, got -1.0"),
        (["KNOWN", "--json", "--keep", "1"], "--keep 1: expected --rank, by which the first are kept; add it"),
        (["KNOWN", "--json", "--rank", "caption", "--keep", "5"], "--keep 5: expected 1 to 4, as many as are drawn"),
        (["KNOWN", "--json", "--prime-rows", "1"], "--prime-rows 1: expected --prime, the image whose rows they are"),
        (["KNOWN", "--json", "--prime", "gone.png"], "gone.png: there is no such file; check the path"),
        (["KNOWN", "--json", "--prompts-from", "gone.txt"], "--prompts-from gone.txt cannot be used"),
        (["KNOWN", "--json", "--rank", "nonsense"], "argument --rank: invalid choice: 'nonsense'"),
        (["KNOWN", "--json", "--batch-size", "0"], "--batch-size 0: expected at least 1"),
    ],
)
def test_mistakes_are_one_line(trained_dalle: TinyRun, arguments: list[str], message: str) -> None:
    known = prompts_of(trained_dalle, 1)[0].split()[0]
    with pytest.raises(SystemExit, match=rf"^error: {message}") as mistake:
        script.main([str(trained_dalle.best), *(argument.replace("KNOWN", known) for argument in arguments)])
    assert "\n" not in str(mistake.value)


def test_prompts_that_are_no_text_are_refused(trained_dalle: TinyRun, file: Path) -> None:
    file.write_bytes(b"a red \xff star")
    with pytest.raises(
        ValueError, match=r"--prompts-from .*prompts.txt: expected a text file in UTF-8, got others .*; convert it"
    ):
        draw(trained_dalle.best, "--prompts-from", file, "--json")


def test_nothing_is_overwritten(trained_dalle: TinyRun, prompts: list[str], tmp_path: Path) -> None:
    out = tmp_path / "drawn.png"
    out.write_text("mine")
    with pytest.raises(ValueError, match=r"--out .*: a file of this name is there, and would be lost; name another"):
        draw(trained_dalle.best, prompts[0], "--out", out)
    assert out.read_text() == "mine"
    with pytest.raises(
        ValueError, match=r"--folder .*: expected an empty folder, or one of draw.py with drawings.jsonl"
    ):
        draw(trained_dalle.best, prompts[0], "--folder", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.png"]


def test_models_that_cannot_draw_are_named(trained: TinyRun, trained_vae: TinyRun) -> None:
    with pytest.raises(SystemExit, match=r"best.ckpt: expected a model that draws .* got a VariationalCaptioner"):
        script.main([str(trained.best), "a star", "--json"])
    with pytest.raises(SystemExit, match=r"best.ckpt: expected a model that captions images, got an ImageCoder"):
        script.main([str(trained_vae.best), "a star", "--json"])


def test_a_captioner_that_cannot_draw_says_so(trained: TinyRun) -> None:
    captioner = load_captioner(trained.best)
    assert not captioner.can_draw
    with pytest.raises(ValueError, match="VariationalCaptioner cannot draw images of captions; train a model that can"):
        captioner.draw(["a red star"])
