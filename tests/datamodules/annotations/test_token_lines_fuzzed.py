from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from datamodules.annotations.fields import image_name
from datamodules.annotations.image_list import read_image_names
from datamodules.annotations.problems import LeftOut
from datamodules.annotations.token_file import token_file_images
from datamodules.image_files.bad_data import BadData
from tests.malformed import fragments, read_or_refuse
from utils.text_files import read_text

PIECES = [
    b"a.jpg",
    b"b.jpg",
    b"#",
    b"0",
    b"\t",
    b"\n",
    b"\r\n",
    b" ",
    b"A dog .",
    b"\xff",
    b"\xe2\x80\xa8",
    b"\0",
    b"../",
]

names = st.text(st.characters(codec="utf-8", exclude_characters="#\t\n\r\0/\\"), min_size=1, max_size=8).filter(
    lambda name: not name.startswith("\ufeff") and name.strip() == name and name == image_name(name, "")
)
captions = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), min_size=1, max_size=20).filter(
    lambda caption: caption.strip() == caption
)


def _read(path: Path, bad: BadData) -> dict[str, list[str]]:
    """Read lines of captions also where the first is none, by which no file would be recognised."""
    images = token_file_images(read_text(path)[1], str(path), LeftOut(bad))
    return {image.names[0]: image.captions for image in images}


@given(st.dictionaries(names, st.lists(captions, min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_was_written_is_read(captions_of: dict[str, list[str]]) -> None:
    lines = [f"{name}#{i}\t{text[i]}\n" for name, text in captions_of.items() for i in range(len(text))]
    bad = BadData()
    assert read_or_refuse(lambda path: _read(path, bad), "".join(lines).encode()) == captions_of
    assert not bad.names_of_kind
    listed = read_or_refuse(read_image_names, "\n".join(captions_of).encode())
    assert [name for _, name in listed] == [*captions_of]


@given(fragments(PIECES))
def test_any_bytes_are_captions_or_refused(content: bytes) -> None:
    bad = BadData()
    captions_of = read_or_refuse(lambda path: _read(path, bad), content)
    if captions_of is not None:
        num_lines = sum(bool(line.strip()) for line in content.decode("utf-8-sig").split("\n"))
        counted = sum(map(len, captions_of.values())) + sum(map(len, bad.names_of_kind.values()))
        assert counted == num_lines  # none is lost
    found = read_or_refuse(read_image_names, content)
    assert found is None or all(name == image_name(name, "") for _, name in found)
