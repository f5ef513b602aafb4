"""Evaluations of a tiny model that take seconds."""

import json
from pathlib import Path
from typing import Any

import evaluate
from tests.tiny_run import compose_tiny, hydra_job

QUICK = ("num_images=3", "gallery.num_images=1", "trade_off.num_images=2", "exploration.num_images=2")


def evaluate_tiny(folder: Path, checkpoint: Path, *settings: str, choices: tuple[str, ...] = ()) -> dict[str, Any]:
    """Evaluate a checkpoint into a folder, and return the scores."""
    own = [f"checkpoint={checkpoint}", "trainer.accelerator=cpu", "trade_off.values=[0.5,1]", *QUICK]
    with hydra_job(compose_tiny(folder, *own, *settings, choices=choices, name="evaluate")) as config:
        evaluate.main(config)
    return scores_of(folder)


def scores_of(folder: Path) -> dict[str, Any]:
    """Return the scores that an evaluation has written."""
    scores: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    return scores
