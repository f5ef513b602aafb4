"""Beside the peers, in one run: a training step, generation, and metrics, each against what others would use for it.

    python benchmarks/peers.py [--images 64] [--rounds 3] [--only training …] [--pycocoevalcap SITE_PACKAGES]

Training: a whole step (loss with smoothed labels, gradients, clipping, AdamW) of the model of `experiment=flickr8k`,
with its transformer or its LSTM, beside a plain attention LSTM, `transformers` and `torch.nn.TransformerDecoder`, all
on one batch of made-up features and captions, of equal widths and layers, in one precision. Ours has the latents, too.
Generation: the same weights on both sides (see benchmarks/generation.py). Metrics: see benchmarks/metrics.py.

Both sides run in turn. Seconds are those of the CPU, of all threads and child processes, so that other work on the
machine hardly counts; medians of the rounds. Prints tables and writes the figures as JSON. Needs `transformers` and
`pycocoevalcap`, which the project itself does not: pip install transformers pycocoevalcap
"""

import random
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import generation, metrics
from benchmarks.coco_metrics import load_coco
from benchmarks.measuring import in_turn, parser_with_out, print_table, write_figures
from benchmarks.peer_models import PEERS, PeerSizes
from benchmarks.training_steps import (
    Sizes,
    Step,
    captioner_of,
    made_up_batch,
    recipe,
    step_of,
    tokenizer_of,
)
from datamodules.batch import CaptionBatch
from datamodules.tokenizers import CaptionTokenizer
from utils.devices import keep_freed_memory

PARTS = ("training", "generation", "metrics")
OURS = {
    "ours, transformer": [],
    "ours, LSTM": ["model/decoder=lstm", "model.decoder.dropout=0.3", "model/attention=luong"],
}
AGAINST = {  # which of ours has the layers of each
    "attention LSTM of tutorials": "ours, LSTM",
    "transformers: VisionEncoderDecoder with GPT-2": "ours, transformer",
    "torch.nn.TransformerDecoder": "ours, transformer",
}
SMOOTHING = 0.1


def step_of_ours(config: Any, tokenizer: CaptionTokenizer, batch: CaptionBatch, precision: torch.dtype) -> Step:
    """Return a training step of our model, as Lightning makes it."""
    module = captioner_of(config, tokenizer)
    return step_of(module, lambda: module.training_step(batch, 0), config.model.optimizer, precision)


def step_of_peer(kind: type[nn.Module], sizes: PeerSizes, batch: CaptionBatch, config: Any, precision: Any) -> Step:
    """Return a training step of another model on the same batch; padding is 0 to both."""
    model, features_BPD = kind(sizes).train(), batch.features_BPD
    assert features_BPD is not None
    inputs_NL, targets_NL = batch.tokens_NL[:, :-1], batch.tokens_NL[:, 1:]

    def loss() -> Tensor:
        logits_NLV = model(features_BPD.float()[batch.image_of_caption_N], inputs_NL)
        return cross_entropy(
            logits_NLV.flatten(0, 1).float(), targets_NL.flatten(), ignore_index=0, label_smoothing=SMOOTHING
        )

    return step_of(model, loss, config.model.optimizer, precision)


def compare_training(num_images: int, rounds: int, precision: torch.dtype) -> dict[str, Any]:
    """Return the CPU seconds of a step of each model, and how many times faster ours is."""
    torch.manual_seed(0)
    sizes = Sizes(images=num_images)
    tokenizer = tokenizer_of(sizes.words)
    batch = made_up_batch(tokenizer.vocabulary, sizes)
    configs = {name: recipe(sizes, overrides) for name, overrides in OURS.items()}
    config = configs["ours, transformer"]
    of_peers = PeerSizes(
        words=tokenizer.vocabulary.size,
        width=config.model.decoder.hidden_size,
        feature_width=sizes.feature_width,
        layers=config.model.decoder.num_layers,
        heads=config.model.decoder.num_heads,
        dropout=config.model.decoder.dropout,
    )
    steps = {name: step_of_ours(configs[name], tokenizer, batch, precision) for name in OURS}
    steps |= {name: step_of_peer(kind, of_peers, batch, config, precision) for name, kind in PEERS.items()}
    for step in steps.values():
        step()
    seconds = {name: statistics.median(measured) for name, measured in in_turn(steps, rounds).items()}
    ratios = {name: seconds[name] / seconds[ours] for name, ours in AGAINST.items()}
    return {"captions": len(batch.tokens_NL), "sizes": sizes._asdict(), "cpu_seconds": seconds, "times_faster": ratios}


def compare_generation(num_images: int, rounds: int) -> dict[str, Any]:
    """Return how many times faster ours is than `generate` for each case (see benchmarks/generation.py)."""
    contest = generation.Contest.prepare(num_images, width=256)
    return {case: generation.speed(contest, case, length=20, rounds=rounds) for case in generation.CASES}


def compare_metrics(num_images: int, rounds: int, site_packages: Path | None) -> dict[str, Any]:
    """Return our CPU seconds and those of pycocoevalcap, for one caption of each image and five references."""
    generator = random.Random(0)
    pool = metrics.read_pool(None, generator)
    images = metrics.make_images(pool, num_images, 1, generator)
    compared = metrics.compare(images, load_coco(site_packages), rounds)
    metrics.show(f"metrics, {num_images} images", compared)
    return {name: part._asdict() for name, part in compared.items()}


def show_training(figures: dict[str, Any], title: str) -> None:
    """Print what a training step takes."""
    ratios = {name: f"{ratio:.2f}" for name, ratio in figures["times_faster"].items()}
    rows = [(name, f"{value:.3f}", ratios.get(name, "")) for name, value in figures["cpu_seconds"].items()]
    print_table(("training step", "CPU seconds", "ours is faster, times"), rows, title)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print and write."""
    parser = parser_with_out("Compare with other captioners, generators and metrics.", "peers.json")
    parser.add_argument("--images", type=int, default=64, help="images of a training batch, with 5 captions each (64)")
    parser.add_argument("--generated", type=int, default=16, help="images that captions are generated for (16)")
    parser.add_argument("--scored", type=int, default=5000, help="images that captions are scored of (5000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, in turn (3)")
    parser.add_argument("--precision", default="bfloat16", choices=("bfloat16", "float32"), help="of training")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (1)")
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS, help="what to compare (all)")
    parser.add_argument("--pycocoevalcap", type=Path, help="a site-packages folder that holds it")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    figures: dict[str, Any] = {"torch": torch.__version__, "threads": options.threads, "precision": options.precision}
    if "training" in options.only:
        precision = getattr(torch, options.precision)
        figures["training"] = compare_training(options.images, options.rounds, precision)
        show_training(figures["training"], f"{figures['training']['captions']} captions, {options.precision}")
    if "generation" in options.only:
        figures["generation"] = compare_generation(options.generated, options.rounds)
        generation.show_speed(figures["generation"], f"{options.generated} images, 20 tokens, width 256")
    if "metrics" in options.only:
        figures["metrics"] = compare_metrics(options.scored, options.rounds, options.pycocoevalcap)
    write_figures(options.out, figures)


if __name__ == "__main__":
    main()
