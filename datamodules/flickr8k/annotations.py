"""The text files of Flickr8k: captions and lists of images."""

from pathlib import Path

from datamodules.flickr8k.bad_data import BadData


def read_captions(path: Path, bad: BadData) -> dict[str, list[str]]:
    """Read the lines `image.jpg#number<TAB>caption` of `Flickr8k.token.txt`.

    Blank lines are passed over; lines without a tab or `#` and empty captions are added to `bad`.

    Returns:
        The captions of every image that the file names, in its order; none where all are empty.

    Raises:
        ValueError: The file is not UTF-8.
    """
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        if not line.strip():
            continue
        key, tab, caption = line.partition("\t")
        image, hash_sign, _ = key.rpartition("#")
        if not (tab and hash_sign and image):
            bad.add("caption lines that are not 'image.jpg#number<TAB>caption'", f"{path.name}:{number}")
            continue
        of_image = captions.setdefault(image, [])
        if caption.strip():
            of_image.append(caption.strip())
        else:
            bad.add("empty captions", key)
    return captions


def read_image_names(path: Path) -> list[str]:
    """Read a list of image files, one a line, blank lines passed over.

    Raises:
        ValueError: The file is not UTF-8.
    """
    return [line.strip() for line in _read_lines(path) if line.strip()]


def _read_lines(path: Path) -> list[str]:
    try:
        # Not splitlines(): a caption may hold one of the rarer line separators of Unicode.
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, got {error}; convert the file to UTF-8") from error
