from pathlib import Path

import pytest

from datamodules.annotations import read_references
from datamodules.annotations.image_list import read_image_names
from datamodules.image_files.bad_data import BadData


def _captions(path: Path, bad: BadData) -> dict[str, list[str]]:
    return {image.names[0]: image.captions for image in read_references(path, problems=bad).images}


def test_reads_captions_by_image(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_bytes(
        b"\xef\xbb\xbfa.jpg#0\tA caf\xc3\xa9 .\r\n\r\nb.jpg#0\tTwo\xe2\x80\xa8lines\x0c\n  \na.jpg#1\t tab\there # 1 "
    )
    bad = BadData()
    assert _captions(path, bad) == {"a.jpg": ["A café .", "tab\there # 1"], "b.jpg": ["Two\u2028lines"]}
    assert bad.names_of_kind == {}


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_captions_that_tell_their_language_belong_to_the_image_before_it(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "flickr8kzhm.caption.txt"
    lines = [("a b.jpg#zhm#0", "一只狗 #2"), ("a b.jpg#zhm#1", ""), ("c.JPG#zhbosen#0", "两 个\t孩子")]
    path.write_text("".join(f"{key}{separator}{caption}\n" for key, caption in lines), "utf-8")
    bad = BadData()
    assert _captions(path, bad) == {"a b.jpg": ["一只狗 #2", ""], "c.JPG": ["两 个\t孩子"]}
    assert bad.names_of_kind == {}
    path.write_text("photo#one#0\tA name with signs .\nd.jpg#1 c.jpg#0\tAnother .", "utf-8")
    assert _captions(path, bad) == {"photo#one": ["A name with signs ."], "d.jpg#1 c.jpg": ["Another ."]}


def test_names_bad_lines_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("a.jpg#0\tgood\nb.jpg#0 no tab\nb.jpg\tno number\n#0\tno name\na.jpg#1\t \na.jpg#0\tagain\n")
    bad = BadData()
    assert _captions(path, bad) == {"a.jpg": ["good", ""]}
    again = "captions.txt, line 6: expected each caption once, got a.jpg#0 again, as on line 1; remove one of them"
    assert bad.names_of_kind == {
        "caption lines that are not 'image.jpg#number<TAB>caption'": [f"captions.txt:{line}" for line in (2, 3, 4)],
        "rows of annotations that cannot be used": [again],
    }


def test_reads_image_names(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(b"b.jpg\r\n\r\na.jpg \n000042\n")
    assert read_image_names(path) == [(1, "b.jpg"), (3, "a.jpg"), (4, "42")]


def test_refuses_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_bytes("a.jpg#0\tcafé".encode("latin-1"))
    with pytest.raises(ValueError, match=r"captions.txt: expected UTF-8 text, got .*; convert the file to UTF-8"):
        _captions(path, BadData())
