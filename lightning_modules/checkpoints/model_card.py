"""The card of a model that is passed on: what it is, what it was trained on, how good it is, and what it cannot do."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from datamodules.training_record import TrainingRecord
from lightning_modules.base import CaptioningModule, FacetModule
from lightning_modules.checkpoints.formats import read_checkpoint
from lightning_modules.checkpoints.model_folder import is_model_folder
from utils.shell import shell_command
from utils.version import facet_version

LIMITS = """\
- It describes what its training images show, in the words of their captions: other things it calls by those names.
- It was trained on whatever its training captions say of people, errors and prejudices included; do not decide anything
  about people by it.
- A caption's probability tells how well it fits the training captions' habits, not whether it is true.
"""


class Origin(NamedTuple):
    """Where a model comes from, as far as it is known.

    Attributes:
        command: The command that trained it.
        figures: Scores by name.
        figures_of: What the scores are of.
    """

    command: str | None = None
    figures: Mapping[str, float] = {}
    figures_of: str = ""


def model_card(module: FacetModule, origin: Origin, usage: str, *, title: str) -> str:
    """Return the text of a model card, with the hub's header.

    Args:
        module: The model.
        origin: Where it comes from.
        usage: How it is used, as Markdown.
        title: Its name.
    """
    tags = ["image-captioning", "facet", *([] if module.trained_on is None else module.trained_on.sources)]
    header = {"library_name": "facet", "pipeline_tag": "image-to-text", "tags": tags}
    head = f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n# {title}\n"
    return "\n".join([head, *_sections(module, origin, usage)])


def _sections(module: FacetModule, origin: Origin, usage: str) -> Iterator[str]:
    yield f"{_about(module)} Made with Facet {facet_version()}.\n"
    yield f"## Use\n\n{usage.strip()}\n"
    yield f"## Training data\n\n{_training_data(module.trained_on)}\n"
    command = "It is not known which command trained this model."
    if origin.command is not None:
        command = f"It was trained by\n\n```bash\n{origin.command}\n```"
    yield f"## Training\n\n{command}\n"
    yield f"## Figures\n\n{_figures(origin)}\n"
    yield f"## Limits\n\n{LIMITS}"


def _about(module: FacetModule) -> str:
    num = sum(parameter.numel() for parameter in module.parameters())
    about = f"A `{type(module).__name__}` with {num:,} parameters."
    if not isinstance(module, CaptioningModule):
        return about
    can = ["describes images", *(["reconstructs images from captions"] if module.can_reconstruct else [])]
    tokenizer = module.tokenizer
    return (
        f"{about} It {' and '.join(can)}: RGB, {module.image_size} x {module.image_size} pixels (the centre square), "
        f"to captions of at most {tokenizer.max_length} tokens from a vocabulary of {tokenizer.vocabulary.size:,}."
    )


def _training_data(record: TrainingRecord | None) -> str:
    if record is None or not (record.sources or len(record.keys)):
        return "It is not known what it was trained on."
    sources = ", ".join(f"`data={source}`" for source in record.sources)
    more = "" if record.complete else " More may have been there: an earlier version wrote its checkpoint."
    return f"{sources}. Images that it was trained on are recognised by `evaluate.py`.{more}"


def _figures(origin: Origin) -> str:
    if not origin.figures:
        return "None are known here; `python evaluate.py checkpoint=FOLDER` computes them."
    rows = [f"| {name} | {value:.4f} |" for name, value in origin.figures.items()]
    return "\n".join([f"{origin.figures_of}:\n", "| score | value |", "|---|---:|", *rows])


def origin_of(checkpoint: Path, scores: Path | None = None) -> Origin:
    """Return what a checkpoint, its run's folder and a report tell of where it comes from; a folder tells of no run.

    Args:
        checkpoint: The file that its run left in `checkpoints/`, or a folder that `save_pretrained` wrote.
        scores: A `scores.json` that `evaluate.py` wrote of it; None for the score that the checkpoint was chosen by.

    Raises:
        ValueError: The checkpoint or the scores cannot be read.
    """
    content = {} if is_model_folder(checkpoint) else read_checkpoint(checkpoint)
    command = _command_of(checkpoint.resolve().parents[1] / ".hydra" / "overrides.yaml") if content else None
    if scores is not None:
        return Origin(command, _read_scores(scores), f"By `{scores.name}`, as `evaluate.py` wrote it")
    for of_callback in content.get("callbacks", {}).values():
        if isinstance(of_callback, Mapping) and of_callback.get("current_score") is not None:
            figures = {str(of_callback.get("monitor")): float(of_callback["current_score"])}
            return Origin(command, figures, "In validation while it was trained")
    return Origin(command)


def _command_of(overrides: Path) -> str | None:
    """Return the command line that Hydra noted in a run's folder."""
    try:
        words = yaml.safe_load(overrides.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None
    return shell_command("python", "train.py", *map(str, words)) if isinstance(words, list) else None


def _read_scores(path: Path) -> dict[str, float]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: float(value) for name, value in content.items() if isinstance(value, int | float)}
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected the scores.json that evaluate.py wrote beside a report, got another file ({error}); "
            f"name that one"
        ) from error
