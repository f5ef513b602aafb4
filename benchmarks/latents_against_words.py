"""Captions from sampled latents against captions of sampled words, at equal mean CIDEr-D.

    python benchmarks/latents_against_words.py --checkpoint a.ckpt --checkpoint b.ckpt [--num 20] \\
        [--out latents_against_words.json] data=flickr8k data.root=… split=val [key=value …]

Takes the settings of `evaluate.py`, and several models of one recipe. Each generates as many captions of an image at
every point of every curve of `curves_of`: no way has more draws than the other. Both trade accuracy for diversity; what
counts is which is the more diverse at equal accuracy. So each measure is read off a curve at given means of CIDEr-D,
between two points on a straight line, and of the curves of one way the best counts. Prints a table, the mean over the
models, and writes JSON with every point of every model, and a picture beside it.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.evaluated import prepared
from benchmarks.measuring import parser_with_out, print_table, write_figures
from evaluation.generate_split import encode_images, generate_all, with_references
from lightning_modules.generation import Latent, Sample, Strategy
from metrics import score_captions
from utils.errors import cause_of, first_line
from utils.require import require

Scores = Mapping[str, float]
Points = Sequence[Scores]
"""The scores at each value of the setting that a curve varies."""

ACCURACY = "mean/CIDEr-D"
MEANS = (0.20, 0.22, 0.24, 0.26, 0.28, 0.30, 0.32, 0.34, 0.36)
MEASURES = {  # whether more is better
    "oracle/CIDEr-D": True,
    "A/distinct": True,
    "A/mBLEU-4": False,
    "B/mBLEU-4": False,
    "B/Div-2": True,
    "B/Self-CIDEr": True,
}
COLORS = {"latents": "#0f6ab4", "words": "#c2410c"}


def curves_of(num: int, max_length: int) -> dict[str, dict[str, list[Strategy]]]:
    """Return of each way to diversity its curves: strategies, along the setting that the curve varies."""
    latent = partial(Latent, num=num, max_length=max_length)
    words = partial(Sample, num=num, max_length=max_length, latent_scale=0.0)  # from the prior's mean
    return {
        "latents": {
            "latent_scale": [latent(latent_scale=scale) for scale in (0.5, 0.75, 1.0, 1.25, 1.5)],
            "temperature": [latent(temperature=t) for t in (0.3, 0.45, 0.6, 0.8, 1.0)],
        },
        "words": {
            "temperature": [words(temperature=t) for t in (0.3, 0.45, 0.6, 0.8, 1.0, 1.2)],
            "top_p": [words(top_p=top_p) for top_p in (0.3, 0.5, 0.7, 0.9)],
        },
    }


def at_mean(points: Points, measure: str, mean: float) -> float:
    """Return a measure where a curve has this mean CIDEr-D; not a number where the curve does not reach it."""
    accuracy, value = np.array(sorted((scores[ACCURACY], scores[measure]) for scores in points)).T
    return float(np.interp(mean, accuracy, value, left=np.nan, right=np.nan))


def best_at(curves: Mapping[str, Points], measure: str, mean: float) -> float:
    """Return the best of a way's curves at this mean CIDEr-D; not a number where none reaches it."""
    reached = [value for points in curves.values() if not np.isnan(value := at_mean(points, measure, mean))]
    best = max if MEASURES[measure] else min
    return best(reached, default=float("nan"))


def measured(overrides: Sequence[str], num: int) -> dict[str, dict[str, list[Scores]]]:
    """Load a model, and score the captions of each way, each curve and each point.

    Raises:
        ValueError: As `evaluation.setup.prepare`; or the model has no latents.
    """
    config, evaluated = prepared(overrides)
    captioner, split, size = evaluated.captioner, evaluated.split, config.batch_size
    if not captioner.has_latents:
        raise ValueError(f"checkpoint={config.checkpoint}: expected a model with latents, got one without")
    batches = [*encode_images(captioner, split, num_images=evaluated.num_images, batch_size=size)]

    def score(strategy: Strategy, label: str) -> Scores:
        generated = generate_all(captioner, batches, split, strategy, seed=config.seed, label=label)
        return score_captions(with_references(generated, split), frequencies=evaluated.frequencies)

    def score_curve(strategies: Sequence[Strategy], label: str) -> list[Scores]:
        return [score(strategy, label) for strategy in strategies]

    return {
        way: {name: score_curve(strategies, f"{way}: {name}") for name, strategies in curves.items()}
        for way, curves in curves_of(num, config.max_caption_length).items()
    }


def compared(models: Sequence[Mapping[str, Mapping[str, Points]]], measure: str) -> dict[str, NDArray[np.float64]]:
    """Return of each way, and each model, a measure at each of `MEANS`: [models, means]."""
    return {
        way: np.array([[best_at(model[way], measure, mean) for mean in MEANS] for model in models]) for way in models[0]
    }


def ahead(by_way: Mapping[str, NDArray[np.float64]], measure: str) -> NDArray[np.bool_]:
    """Return where latents are better than words, by model and mean; not so where either does not reach the mean."""
    gain = by_way["latents"] - by_way["words"]
    return (gain if MEASURES[measure] else -gain) > 0


def draw(models: Sequence[Mapping[str, Mapping[str, Points]]]) -> Figure:
    """Draw each measure against mean CIDEr-D: the mean over the models, and from the lowest to the highest of them."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    for axes, (measure, more) in zip(figure.subplots(2, 3).flat, MEASURES.items(), strict=True):
        for way, value_MX in compared(models, measure).items():
            _draw_way(axes, way, value_MX)
        axes.set_title(f"{measure} ({'higher' if more else 'lower'} is better)", fontsize=10)
        axes.set_xlabel("mean CIDEr-D", fontsize=9)
        axes.grid(alpha=0.2)
    figure.axes[0].legend(frameon=False)
    return figure


def _draw_way(axes: Axes, way: str, value_MX: NDArray[np.float64]) -> None:
    axes.plot(MEANS, value_MX.mean(axis=0), color=COLORS[way], marker="o", markersize=4, label=way)
    axes.fill_between(MEANS, value_MX.min(axis=0), value_MX.max(axis=0), color=COLORS[way], alpha=0.2, linewidth=0)


def _known(value_MX: NDArray[np.float64]) -> list[list[float | None]]:
    """Return values as JSON can hold them: None where a model does not reach the mean."""
    return [[None if np.isnan(value) else float(value) for value in of_model] for of_model in value_MX]


def report(models: Sequence[Mapping[str, Mapping[str, Points]]], num: int, out: Path) -> list[dict[str, Any]]:
    """Print a table of each measure, and write the figures and the picture; return the rows."""
    rows = []
    for measure in MEASURES:
        by_way = compared(models, measure)
        is_ahead = ahead(by_way, measure)
        rows.append({"measure": measure, "ahead": is_ahead.tolist()} | {way: _known(by_way[way]) for way in by_way})
        cells = [(way, *(f"{value:.3f}" for value in by_way[way].mean(axis=0))) for way in by_way]
        cells.append((f"ahead, of {len(models)}", *(str(count) for count in is_ahead.sum(axis=0))))
        print_table((measure, *(f"{mean:.2f}" for mean in MEANS)), cells, f"at mean CIDEr-D, {num} captions an image")
    write_figures(out, {"num": num, "means": MEANS, "rows": rows, "models": models})
    picture = out.with_suffix(".png")
    draw(models).savefig(picture, dpi=90)
    print(f"picture: {picture}")
    return rows


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Do all of it; return the rows of the tables.

    Raises:
        ValueError: As `measured`; or `--num` is below 2.
    """
    parser = parser_with_out("Compare latents with words at equal mean CIDEr-D.", "latents_against_words.json")
    parser.add_argument("--checkpoint", action="append", required=True, help="a model; once for each")
    parser.add_argument("--num", type=int, default=20, help="captions of an image at each point (20)")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings of evaluate.py")
    options = parser.parse_args(arguments)
    require(options.num >= 2, "--num", "at least 2: what differs are captions of one image", options.num)
    models = [measured([*options.overrides, f"checkpoint={path}"], options.num) for path in options.checkpoint]
    return report(models, options.num, options.out)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as mistake:
        sys.exit(f"error: {first_line(cause_of(mistake))}")
