import json
import sys
from pathlib import Path

import pytest
from PIL import Image

import caption
from captioning.arguments import parse_arguments
from captioning.run import run
from tests.tiny_run import TinyRun

SIZE = 32  # pixels of the tiny model's images and drawings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two pictures, and a text."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.effect_noise((50, 40), 90).convert("RGB").save(folder / "b.png")
    Image.new("RGB", (40, 60), "red").save(folder / "a.JPG")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def _run(*arguments: object) -> None:
    run(parse_arguments([str(argument) for argument in arguments]))


def test_prints_the_numbered_captions_of_each_image(
    trained: TinyRun, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(trained.best, folder / "b.png", "--num", 3)
    first, *captions = capsys.readouterr().out.splitlines()
    assert first == str(folder / "b.png")
    assert [line[:5] for line in captions] == ["  1. ", "  2. ", "  3. "]
    assert all(len(line) > 5 for line in captions)


def test_several_checkpoints_describe_as_one(
    trained: TinyRun, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(trained.best, folder, "--num", 3)
    alone = capsys.readouterr().out
    both = (trained.best, folder, "--num", 3, "--with", trained.best)
    _run(*both)
    assert capsys.readouterr().out == alone
    _run(*both, "--explain", tmp_path / "page.html")
    assert "shaded" in (tmp_path / "page.html").read_text()
    _run(trained.best, folder, "--num", 3, "--out", tmp_path / "out.jsonl")
    with pytest.raises(ValueError, match="line 1 was written by another run"):
        _run(*both, "--out", tmp_path / "out.jsonl")
    with pytest.raises(ValueError, match="has no latents, and so no styles"):
        _run(trained.best, folder, "--with", trained.best, "--style", "0,0,0")


def test_json_holds_the_same_captions_of_a_folders_images(
    trained: TinyRun, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(trained.best, folder, "--num", 2, "--seed", 4)
    text = capsys.readouterr().out
    _run(trained.best, folder, "--num", 2, "--seed", 4, "--json")
    described = json.loads(capsys.readouterr().out)
    assert [entry["image"] for entry in described] == [str(folder / "a.JPG"), str(folder / "b.png")]
    generated = [
        [c + ("" if f else " …") for c, f in zip(e["captions"], e["finished"], strict=True)] for e in described
    ]
    lines = [
        [e["image"], *(f"  {i}. {c}" for i, c in enumerate(s, 1))] for e, s in zip(described, generated, strict=True)
    ]
    assert text.splitlines() == [line for entry in lines for line in entry]
    _run(trained.best, folder, "--num", 2, "--seed", 5, "--json")
    others = json.loads(capsys.readouterr().out)
    assert [entry["captions"][0] for entry in others] == [entry["captions"][0] for entry in described]
    assert [entry["captions"][1] for entry in others] != [entry["captions"][1] for entry in described]


def test_sampling_settings_are_used(trained: TinyRun, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generated = []
    for settings in (["--top-k", 1], ["--top-p", 1e-6], ["--filter-thres", 0.9999], ["--temperature", 9.0]):
        _run(trained.best, folder / "b.png", "--num", 4, "--json", *settings)
        generated.append(json.loads(capsys.readouterr().out)[0]["captions"])
    assert generated[0] == generated[1] == generated[2] != generated[3]  # the likeliest word, three ways


def test_saves_each_image_beside_those_reconstructed_from_its_captions(trained: TinyRun, folder: Path) -> None:
    out = folder.parent / "reconstructed.PNG"
    _run(trained.best, folder, "--num", 3, "--save-reconstruction", out)
    picture = Image.open(out)
    assert picture.format == "PNG"
    assert picture.size == (4 * (SIZE + 2) + 2, 2 * (SIZE + 2) + 2)
    assert picture.getpixel((2 + SIZE // 2, 2 + SIZE // 2)) == (254, 0, 0)  # the red picture, first in the first row
    assert [path.name for path in folder.parent.iterdir() if "unfinished" in path.name] == []


def test_a_model_without_image_decoder_reconstructs_nothing(
    without_images: TinyRun, tmp_path: Path, folder: Path
) -> None:
    _run(without_images.best, folder, "--num", 1)
    with pytest.raises(ValueError, match=r"--save-reconstruction: .* no image decoder \(model/image_decoder=none\)"):
        _run(without_images.best, folder, "--num", 1, "--save-reconstruction", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("name", ["out.jpg", "out", "nowhere/out.png"])
def test_refuses_to_save_what_it_cannot(trained: TinyRun, folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"--save-reconstruction .*{name}: expected the name of a .png file in a"):
        _run(trained.best, folder, "--save-reconstruction", folder / name)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("notes.txt", r"notes.txt: not a usable image .*; replace or remove the file"),
        ("gone.jpg", "gone.jpg: there is no such file or folder"),
        ("empty", r"empty: the folder holds no image \(.*\.jpg"),
        ("*.gif", r"\*.gif: the glob matches no image"),
    ],
)
def test_mistakes_are_one_line(
    trained: TinyRun, folder: Path, images: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "empty").mkdir()
    monkeypatch.setattr(sys, "argv", ["caption.py", str(trained.best), str(folder / images)])
    with pytest.raises(SystemExit, match=rf"^error: .*{message}"):
        caption.main()


def test_a_file_that_is_no_checkpoint_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["caption.py", str(folder / "notes.txt"), str(folder)])
    with pytest.raises(SystemExit, match=r"^error: .*notes.txt: not a readable checkpoint"):
        caption.main()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "nonsense"], "argument --strategy: invalid choice: 'nonsense'"),
        (["--num", "many"], "argument --num: invalid int value: 'many'"),
        (["--nonsense"], "unrecognized arguments: --nonsense; see --help"),
    ],
)
def test_mistakes_in_options_are_one_line(
    trained: TinyRun, folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=rf"^error: {message}") as mistake:
        caption.main([str(trained.best), str(folder), *arguments])
    assert "\n" not in str(mistake.value)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["nonsense", "cuda"])
def test_a_device_that_is_not_there_is_one_line(
    trained: TinyRun, folder: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["caption.py", str(trained.best), str(folder), "--device", device])
    with pytest.raises(SystemExit, match=rf"^error: .*{device}"):
        caption.main()
