"""Twelve captioned images in every format that people have them in: the same images, captions and splits."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

SPLITS = {"train": range(8), "val": range(8, 10), "test": range(10, 12)}
SPLIT_OF = {n: split for split, numbers in SPLITS.items() for n in numbers}
CAPTIONS = {n: [f'A dog, number {n}, "runs" .', f"Number {n} | a dog ."] for n in range(12)}
FIRST_ID = 391895
Settings = dict[str, Any]


def level(n: int) -> int:
    """Return the grey level of image `n`."""
    return 20 * n


def add_images(folder: Path, name: str = "{n}.jpg") -> None:
    """Write image `n`, which is uniformly of one grey level, for every `n`."""
    for n in range(12):
        path = folder / name.format(n=n, split=SPLIT_OF[n], id=FIRST_ID + n)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (level(n),) * 3).save(path, quality=95)


def coco(numbers: Sequence[int], name: str = "{id:012d}.jpg") -> dict[str, Any]:
    """Return COCO annotations of some images."""
    return {
        "images": [{"id": FIRST_ID + n, "file_name": name.format(n=n, id=FIRST_ID + n)} for n in numbers],
        "annotations": [
            {"id": 2 * n + i, "image_id": FIRST_ID + n, "caption": text}
            for n in numbers
            for i, text in enumerate(CAPTIONS[n])
        ],
    }


def write(path: Path, content: object) -> None:
    """Write text as it is, and all else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def table(rows: Sequence[Sequence[object]], divider: str = ",") -> str:
    """Return CSV."""
    file = io.StringIO()
    csv.writer(file, delimiter=divider, lineterminator="\n").writerows(rows)
    return file.getvalue()


def coco_files(root: Path) -> Settings:
    """One file a split, as COCO has them, and images in folders of the splits."""
    add_images(root, "{split}2017/{id:012d}.jpg")
    for split, numbers in SPLITS.items():
        write(root / f"annotations/captions_{split}2017.json", coco(numbers))
    return {"annotations": {split: f"annotations/captions_{split}2017.json" for split in SPLITS}}


def coco_2017(root: Path) -> Settings:
    """COCO as it is published: without captions of the test images."""
    add_images(root, "{split}2017/{id:012d}.jpg")
    for split in ("train", "val"):
        numbers = SPLITS["train"] if split == "train" else [*SPLITS["val"], *SPLITS["test"]]
        write(root / f"annotations/captions_{split}2017.json", coco(numbers))
    return {}


def coco_and_lists(root: Path) -> Settings:
    """One file, and a list of the numbers of each split."""
    add_images(root / "photos", "{id:012d}.jpg")
    write(root / "captions.json", coco(range(12)))
    for split, numbers in SPLITS.items():
        write(root / f"{split}.txt", "".join(f"{FIRST_ID + n}\n" for n in numbers))
    return {"annotations": "captions.json", "images": "photos", "split": {split: f"{split}.txt" for split in SPLITS}}


def karpathy(root: Path, *, restval: Sequence[int] = (7,)) -> Settings:
    """Karpathy's splits of COCO, the names of 2014, the image files of 2017."""
    add_images(root, "images/{id:012d}.jpg")
    images = [
        {
            "cocoid": FIRST_ID + n,
            "imgid": n,
            "filepath": "val2014",
            "filename": f"COCO_val2014_{FIRST_ID + n:012d}.jpg",
            "split": "restval" if n in restval else SPLIT_OF[n],
            "sentences": [{"raw": text, "tokens": text.lower().split()} for text in CAPTIONS[n]],
        }
        for n in range(12)
    ]
    write(root / "dataset_coco.json", {"images": images, "dataset": "coco"})
    return {"annotations": "dataset_coco.json"}


def token_file(root: Path) -> Settings:
    """Flickr30k's token file, and lists of names without extension."""
    add_images(root / "flickr30k-images")
    lines = [f"{n}.jpg#{i}\t{text}\n" for n, captions in CAPTIONS.items() for i, text in enumerate(captions)]
    write(root / "results_20130124.token", "".join(lines))
    for split, numbers in SPLITS.items():
        write(root / f"lists/{split}.txt", "".join(f"{n}\n" for n in numbers))
    return {"split": {split: f"lists/{split}.txt" for split in SPLITS}}


def kaggle_csv(root: Path) -> Settings:
    """The CSV of Flickr8k that people download, and lists."""
    add_images(root / "Images")
    rows = [(f"{n}.jpg", text) for n, captions in CAPTIONS.items() for text in captions]
    write(root / "captions.txt", table([("image", "caption"), *rows]))
    for split, numbers in SPLITS.items():
        write(root / f"lists/{split}.txt", "".join(f"{n}.jpg\n" for n in numbers))
    return {"split": {split: f"lists/{split}.txt" for split in SPLITS}}


def bars(root: Path) -> Settings:
    """Flickr30k's results.csv with its one line without the second bar, and lists."""
    add_images(root / "flickr30k_images")
    lines = [f"{n}.jpg| {i}| {text}\n" for n, captions in CAPTIONS.items() for i, text in enumerate(captions)]
    lines[2] = lines[2].replace("| 0| ", "| 0   ")
    write(root / "results.csv", f"image_name| comment_number| comment\n{''.join(lines)}")
    for split, numbers in SPLITS.items():
        write(root / f"lists/{split}.txt", "".join(f"{n}.jpg\n" for n in numbers))
    return {"split": {split: f"lists/{split}.txt" for split in SPLITS}}


def json_lines(root: Path) -> Settings:
    """Hugging Face's metadata.jsonl with a list of captions and a split, and columns of other names."""
    add_images(root, "data/{split}/{n}.jpg")
    rows = [
        {"picture": f"data/{SPLIT_OF[n]}/{n}.jpg", "sentences": CAPTIONS[n], "part": SPLIT_OF[n].replace("val", "dev")}
        for n in range(12)
    ]
    write(root / "metadata.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return {"columns": {"image": "picture", "captions": "sentences", "split": "part"}}


def tsv(root: Path) -> Settings:
    """A column for each caption, divided by tabs."""
    add_images(root)
    rows = [(f"{n}.jpg", SPLIT_OF[n], *CAPTIONS[n]) for n in range(12)]
    write(root / "all.tsv", table([("file_name", "split", "caption_0", "caption_1"), *rows], "\t"))
    return {}


def list_in_a_cell(root: Path) -> Settings:
    """Flickr30k on Hugging Face: a CSV in whose cells are lists as JSON."""
    add_images(root)
    rows = [(json.dumps(CAPTIONS[n]), SPLIT_OF[n], f"{n}.jpg", n) for n in range(12)]
    write(root / "annotations.csv", table([("raw", "split", "filename", "img_id"), *rows]))
    return {"columns": {"captions": ["raw"], "image": "filename"}}


def parquet(root: Path) -> Settings:
    """A column with lists."""
    import pyarrow
    from pyarrow import parquet

    add_images(root)
    columns = {
        "image": [f"{n}.jpg" for n in range(12)],
        "captions": [CAPTIONS[n] for n in range(12)],
        "split": [SPLIT_OF[n] for n in range(12)],
    }
    parquet.write_table(pyarrow.table(columns), root / "all.parquet")
    return {}


def by_image(root: Path) -> Settings:
    """An object with the captions of each image, one file a split."""
    add_images(root)
    for split, numbers in SPLITS.items():
        write(root / f"{split}.json", {f"{n}.jpg": CAPTIONS[n] for n in numbers})
    return {"annotations": {split: f"{split}.json" for split in SPLITS}}


def textcaps(root: Path) -> Settings:
    """TextCaps, one file a split."""
    add_images(root, "train_images/{n}.jpg")
    for split, numbers in SPLITS.items():
        rows = [
            {"image_id": n, "image_path": f"{split}/{n}", "caption_str": text, "reference_strs": CAPTIONS[n]}
            for n in numbers
            for text in CAPTIONS[n]
        ]
        write(root / f"TextCaps_0.1_{split}.json", {"dataset_name": "textcaps", "data": rows})
    return {"annotations": {split: f"TextCaps_0.1_{split}.json" for split in SPLITS}}


def beside(root: Path) -> Settings:
    """A tree with a folder for each split, and captions beside each image."""
    add_images(root, "{split}/dogs/{n}.jpg")
    for n, captions in CAPTIONS.items():
        write(root / SPLIT_OF[n] / f"dogs/{n}.txt", "\n".join([*captions, ""]))
    write(root / "README.txt", "Dogs.")
    return {}


def nocaps(root: Path) -> Settings:
    """The file of nocaps, and two others that only a test would train on."""
    add_images(root)
    for split, numbers in SPLITS.items():
        name = "nocaps_val_4500_captions.json" if split == "test" else f"{split}.json"
        write(root / name, coco(numbers, "{n}.jpg"))
    return {}


def vizwiz(root: Path) -> Settings:
    """VizWiz, whose images have rejected captions; one has no others."""
    add_images(root, "{split}/{n}.jpg")
    for split in ("train", "val"):
        numbers = SPLITS["train"] if split == "train" else [*SPLITS["val"], *SPLITS["test"]]
        content = coco(numbers, "{n}.jpg")
        for number, row in enumerate(content["annotations"]):
            row |= {"is_rejected": number < 2 or number % 2 == 1, "is_precanned": False}
        write(root / f"annotations/{split}.json", content)
    return {}


FORMATS: dict[str, Callable[[Path], Settings]] = {
    "COCO, a file a split": coco_files,
    "COCO and lists": coco_and_lists,
    "Karpathy": karpathy,
    "token file": token_file,
    "CSV of Kaggle": kaggle_csv,
    "bars of Flickr30k": bars,
    "JSON Lines": json_lines,
    "TSV": tsv,
    "list in a cell": list_in_a_cell,
    "Parquet": parquet,
    "by image": by_image,
    "TextCaps": textcaps,
    "captions beside each image": beside,
}
