import os
from pathlib import Path

import pytest

from captioning.images import find_images
from tests.captioning.caption_command import save_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_pictures(tmp_path, ["b.jpg", "a.JPG", "x/d.jpg", "x/y/c.jpg", "x/y/e.png", "odd[1].jpg", ".hidden.jpg"])
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "empty").mkdir()
    return tmp_path


def _found(folder: Path, *patterns: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_images([folder / pattern for pattern in patterns])]


PICTURES = sorted(
    f"{name}.{suffix}" for name, suffix in zip("abcdef", ["jfif", "JPE", "JPG", "jpeg", "Tiff", "webp"], strict=True)
)


def test_of_a_folder_all_pictures_are_found_and_those_left_out_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in PICTURES:
        (tmp_path / name).touch()
    (picture,) = save_pictures(tmp_path, ["taken.jpg"])
    picture.rename(tmp_path / "taken.jpg_large")
    for name in ("b.HEIC", "c.avif2", "d.cr3", "e.jxl", "._a.jpg", ".g.jpg", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.jpg").mkdir()
    assert _found(tmp_path, "") == PICTURES
    assert capsys.readouterr().err == (
        f"{tmp_path}: 4 more look like pictures but are not read (b.HEIC, d.cr3, e.jxl, …); convert them to JPEG; "
        f"1 hidden are left out (.g.jpg); name them one by one\n"
    )
    assert _found(tmp_path, "._a.jpg", ".g.jpg", "b.HEIC") == ["._a.jpg", ".g.jpg", "b.HEIC"]
    for name in PICTURES:
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=r"the folder holds no image \(.*\); 4 more look like .* \(b.HEIC, d.cr3"):
        find_images([tmp_path])


def test_what_macos_and_synology_keep_beside_pictures_is_not_found(folder: Path) -> None:
    save_pictures(folder, ["__MACOSX/x/z.jpg", "@eaDir/b.jpg/thumb.jpg", "x/__MACOSX/z.jpg"])
    assert _found(folder, "**/*.jpg") == ["b.jpg", "odd[1].jpg", "x/d.jpg", "x/y/c.jpg"]
    assert _found(folder, "*/*.jpg") == ["x/d.jpg"]
    assert _found(folder, "__MACOSX/*/*.jpg") == ["__MACOSX/x/z.jpg"]


def test_folders_whose_names_look_like_globs_are_those_folders(folder: Path) -> None:
    save_pictures(folder, ["trip [2024]/a.jpg", "trip 2/a.jpg", "*/b.jpg"])
    assert _found(folder, "trip [2024]/*.jpg", "*/b.*") == ["trip [2024]/a.jpg", "*/b.jpg"]


@pytest.mark.timeout(20)
def test_links_in_circles_end(folder: Path) -> None:
    for name in ("round", "x/up", "x/y/round"):
        (folder / name).symlink_to(folder)
    (folder / "x" / "self.jpg").symlink_to(folder / "x" / "self.jpg")
    found = _found(folder, "**/*.jpg")
    assert found == ["b.jpg", "odd[1].jpg", "x/d.jpg", "x/self.jpg", "x/y/c.jpg"]
    assert _found(folder, "round/x") == ["round/x/d.jpg", "round/x/self.jpg"]


def test_finds_files_as_given_and_images_of_folders_in_order(folder: Path) -> None:
    assert _found(folder, "notes.txt", "x/y") == ["notes.txt", "x/y/c.jpg", "x/y/e.png"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg", "odd[1].jpg"]),
        ("**/*.jpg", ["b.jpg", "odd[1].jpg", "x/d.jpg", "x/y/c.jpg"]),
        ("[ab].*", ["a.JPG", "b.jpg"]),
        ("x/?/*", ["x/y/c.jpg", "x/y/e.png"]),
        ("*t*", []),  # notes.txt and an empty folder: no image
        ("?", ["x/d.jpg"]),  # a folder stands for its images
        ("**", ["a.JPG", "b.jpg", "odd[1].jpg", "x/d.jpg", "x/y/c.jpg", "x/y/e.png"]),
        (".*.jpg", [".hidden.jpg"]),
    ],
)
def test_globs_mean_sorted_images(folder: Path, pattern: str, expected: list[str]) -> None:
    if expected:
        assert _found(folder, pattern) == expected
    else:
        with pytest.raises(ValueError, match="the glob matches no image"):
            find_images([folder / pattern])


def test_globs_are_relative_to_the_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert find_images([Path("x/**/*.jpg")]) == [Path("x/d.jpg"), Path("x/y/c.jpg")]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder: Path) -> None:
    save_pictures(folder, ["odd1.jpg"])
    assert _found(folder, "odd[1].jpg") == ["odd[1].jpg"]
    (folder / "odd[1].jpg").unlink()
    assert _found(folder, "odd[1].jpg") == ["odd1.jpg"]


def test_an_image_that_is_named_twice_is_found_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("link.jpg").symlink_to("b.jpg")  # another name, and wanted under it
    paths = ["b.jpg", "./b.jpg", "x/../b.jpg", str(folder / "b.jpg"), "b.*", "link.jpg", "x/y", "x/y/e.png"]
    assert [*map(str, find_images(map(Path, paths)))] == ["b.jpg", "link.jpg", "x/y/c.jpg", "x/y/e.png"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("gone.jpg", "gone.jpg: there is no such file or folder"),
        ("empty", r"empty: the folder holds no image \(.*\.jpg"),
        ("*.gif", r"\*\.gif: the glob matches no image \(.*\.jpg"),
    ],
)
def test_says_what_it_cannot_find(folder: Path, pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_images([folder / "b.jpg", folder / pattern])
