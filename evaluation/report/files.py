"""The report's files; each is there in full or not at all."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.report.codes import detailed_scores
from evaluation.report.contents import NamedCaptions, Report
from evaluation.report.page import render
from evaluation.report.tables import markdown_table
from utils.files import atomic_write_text


def write_captions(path: Path, images: Sequence[NamedCaptions]) -> None:
    """Write each image's captions, best first, in COCO's results format: `[{"image_id": …, "caption": …}, …]`.

    Where a strategy selects them, `"num_draws"` tells how many were generated of the image.
    """
    rows = [
        {"image_id": image.name, "caption": caption}
        | ({} if image.num_draws is None else {"num_draws": image.num_draws})
        for image in images
        for caption in image.captions
    ]
    atomic_write_text(path, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")


def write_references(path: Path, references: Mapping[str | int, Sequence[str]]) -> None:
    """Write the human captions by image, `{"a.jpg": ["…", …], …}`, for `score.py` and captions from elsewhere."""
    atomic_write_text(path, json.dumps(references, ensure_ascii=False, indent=1) + "\n")


def write_report(folder: Path, report: Report, settings: Mapping[str, Any]) -> None:
    """Write `scores.json`, `scores.md` and `report.html`.

    Args:
        folder: Where to.
        report: The content.
        settings: All that the scores depend on, for `scores.json`.
    """
    scores = {
        **report.scores,
        **(detailed_scores(report.interpretability) if report.interpretability else {}),
        "human": report.human and {**report.human},
        "settings": {**settings, "notes": report.notes},
    }
    atomic_write_text(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
    lines = [f"# {report.title}", "", *(f"- {name}: {fact}" for name, fact in report.facts.items()), ""]
    notes = [f"\n{note}\n" for note in report.notes]
    table = markdown_table(report.scores, report.human)
    atomic_write_text(folder / "scores.md", "\n".join([*lines, table, *notes]))
    atomic_write_text(folder / "report.html", render(report))
