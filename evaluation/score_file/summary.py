"""What score.py leaves for its reader: a table of the scores, and the same with all settings as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evaluation.score_file.inputs import Inputs
from metrics.ptb_tokenizer import ptb_tokenize
from metrics.score_notes import notes_on_scores
from metrics.score_table import in_sections, shown
from utils.files import atomic_write_text
from utils.text_files import SourceFile
from utils.version import facet_version

TOKENIZER = "Penn Treebank, lower case, without the punctuation that the COCO evaluation leaves out"

Scores = Mapping[str, float]

RULES = {
    "images_without_result": "images without a result, left out (--subset)",
    "images_without_references": "images without references, left out",
    "captions_left_out": "captions left out (--num)",
    "captions_without_words": "captions without a word, scored as such",
    "repeated_captions": "captions that repeat another of their image, scored as such",
    "references_without_words": "references without a word, kept",
    "references_rejected": "references that were rejected or ready-made, left out (--keep-rejected keeps them)",
    "images_with_rejected_alone": "images with a result all of whose references were rejected, left out",
    "images_found_by_part_of_name": "images that results and references name differently, found by a part of the name",
}


def settings_of(inputs: Inputs, protocols: Sequence[str], no_meteor: str | None) -> dict[str, Any]:
    """Return what the scores depend on, what the rules for unusual input were applied to, and what else to know.

    Args:
        inputs: What was scored.
        protocols: Of diversity.
        no_meteor: Why METEOR is not among the scores; None if it is.
    """
    images = inputs.matched.images
    num_captions = len(images[0].candidates)
    num_references = [len(image.references) for image in images]
    frequencies = described_frequencies(inputs)
    return {
        "facet": facet_version(),
        "tokenizer": TOKENIZER,
        "document_frequencies": frequencies,
        "images": len(images),
        "captions_per_image": num_captions,
        "references_per_image": {"min": min(num_references), "max": max(num_references)},
        "protocols": list(protocols),
        "meteor": "1.5" if no_meteor is None else None,
        "results": described(inputs.results.file),
        "references": described(inputs.references.file)
        | {"format": inputs.references.format, "splits": inputs.matched.splits},
        "training_captions": inputs.training and described(inputs.training.file) | {"format": inputs.training.format},
        "rules": counts_of_rules(inputs),
        "notes": [
            *(["consistency and diversity need several captions of each image"] if num_captions == 1 else []),
            *notes_on_scores(images, num_documents=frequencies["images"], protocols=protocols),
            *([] if no_meteor is None else [f"METEOR is left out: {no_meteor}"]),
        ],
    }


def described(file: SourceFile) -> dict[str, Any]:
    """Return a file's name and checksum."""
    return {"file": str(file.path), "sha256": file.sha256}


def described_frequencies(inputs: Inputs) -> dict[str, Any]:
    """Return where document frequencies are counted, and in how many images."""
    if inputs.frequencies_file is None or inputs.frequencies is None:
        return {"source": "the references of the scored images", "images": len(inputs.matched.images)}
    return described(inputs.frequencies_file) | {"images": inputs.frequencies.num_images}


def counts_of_rules(inputs: Inputs) -> dict[str, int]:
    """Return how often each rule for unusual input was applied."""
    matched = inputs.matched
    candidates = [image.candidates for image in matched.images]
    return {
        "images_without_result": matched.images_without_result,
        "images_without_references": matched.images_without_references,
        "captions_left_out": matched.captions_left_out,
        "captions_without_words": sum(not ptb_tokenize(caption) for captions in candidates for caption in captions),
        "repeated_captions": sum(len(captions) - len(set(captions)) for captions in candidates),
        "references_without_words": sum(
            not ptb_tokenize(caption) for image in matched.images for caption in image.references
        ),
        "references_rejected": sum(len(image.rejected) for image in inputs.references.images),
        "images_with_rejected_alone": matched.images_with_rejected_alone,
        "images_found_by_part_of_name": matched.images_found_by_part_of_name,
    }


def write_scores(path: Path, scores: Scores, human: Scores | None, settings: Mapping[str, Any]) -> None:
    """Write `{"coco/BLEU-1": …, …, "human": {…} or null, "settings": {…}}`.

    Raises:
        ValueError: A score is not a finite number; nothing is written.
    """
    for row, values in (("", scores), ("human/", human or {})):
        for name, value in values.items():
            if not math.isfinite(value):
                raise ValueError(f"{row}{name}: expected a finite score, got {value}; no scores are written")
    content = {**scores, "human": human and {**human}, "settings": settings}
    atomic_write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def print_scores(scores: Scores, human: Scores | None, settings: Mapping[str, Any]) -> None:
    """Print the scores as a table, what they were computed from, and which rules were applied."""
    print_table(scores, human)
    console = Console(soft_wrap=True, highlight=False)
    references = "–".join(map(str, dict.fromkeys(settings["references_per_image"].values())))
    console.print(
        f"images: {settings['images']:,}; captions of each: {settings['captions_per_image']}; references: {references}"
    )
    for rule, count in settings["rules"].items():
        if count:
            console.print(f"note: {RULES[rule]}: {count:,}")
    for note in settings["notes"]:
        console.print(f"note: {note}", markup=False)


def print_table(scores: Scores, human: Scores | None, *, title: str | None = None) -> None:
    """Print the scores alone, beside those of humans if there are any, below what they are of."""
    Console(soft_wrap=True, highlight=False).print(_table(scores, human, title))


def _table(scores: Scores, human: Scores | None, title: str | None) -> Table:
    columns = {"model": scores} | ({} if human is None else {"human": human})
    units = "accuracies × 100, diversity as it is"
    table = Table(title=f"{escape(title)}\n{units}" if title else units, title_justify="left", show_edge=False)
    table.add_column("score")
    for column in columns:
        table.add_column(column, justify="right")
    for section, names in in_sections(name for values in columns.values() for name in values).items():
        table.add_section()
        table.add_row(section.title, style="bold")
        for name in names:
            table.add_row(name, *(shown(name, values.get(name)) for values in columns.values()))
    return table
