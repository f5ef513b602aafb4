"""How fast DALLE-pytorch trains and draws, and how fast our transformer of words and codes does with its weights.

    python benchmarks/dalle_pytorch_speed.py [--hidden-size 128] [--grid 8] … [--out dalle_pytorch_speed.json]

Both have the same sizes and draw the same codes. Its model has random weights, and neither rotary positions nor shifted
tokens, without which it is faster. Seconds are those of the CPU, of all threads together, so that other work on the
machine does not count; the least of several runs.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lightning_modules.losses import DALLELoss, caption_cross_entropy  # noqa: E402
from lightning_modules.losses.dalle_loss import DALLETerms, code_cross_entropy  # noqa: E402
from tests.reference_dalle.conversion import as_ours, greedy_codes  # noqa: E402
from tests.reference_dalle.model import ReferenceDALLE  # noqa: E402
from utils.files import atomic_write_text  # noqa: E402


def measurements(reference: ReferenceDALLE, text_NL: Tensor, codes_NP: Tensor) -> dict[str, Callable[[], object]]:
    """Return by name what is measured; each works on all the texts once."""
    model = reference.model
    optimizer = torch.optim.Adam(parameter for parameter in model.parameters() if parameter.requires_grad)

    def train() -> None:
        model.train()
        optimizer.zero_grad()
        model(text_NL.clone(), codes_NP, return_loss=True).backward()
        optimizer.step()
        model.eval()

    return {
        "training step": train,
        "drawing, generate_images(use_cache=False)": lambda: model.generate_images(text_NL.clone()),
        "drawing, generate_images(use_cache=True)": lambda: model.generate_images(text_NL.clone(), use_cache=True),
        "drawing, the same with cond_scale=2": lambda: model.generate_images(
            text_NL.clone(), use_cache=True, cond_scale=2
        ),
        "drawing, greedy, the cache passed on": lambda: reference.greedy_codes(text_NL, cached=True),
    }


def our_measurements(reference: ReferenceDALLE, text_NL: Tensor, codes_NP: Tensor) -> dict[str, Callable[[], object]]:
    """Return by name what is measured of our network, which has the reference's weights."""
    network = as_ours(reference)
    optimizer = torch.optim.Adam(parameter for parameter in network.parameters() if parameter.requires_grad)
    loss = DALLELoss(caption_weight=0, image_weight=7 / 8, caption_alone_weight=1 / 8, per="token", draw_from="all")
    tokens_NL = network.text.with_prefix(text_NL)

    def train() -> None:
        optimizer.zero_grad()
        output = network.text_first(tokens_NL, codes_NP)
        assert output.text_logits_WV is not None
        terms = DALLETerms(
            image_R=code_cross_entropy(output.code_logits_RPK, codes_NP),
            caption_alone=caption_cross_entropy(output.text_logits_WV, output.targets_RL, pad_id=0),
            num_words_R=(output.targets_RL != 0).sum(dim=1),
            num_codes=codes_NP.shape[1],
        )
        loss(terms, 0).total.backward()
        optimizer.step()

    @torch.no_grad()
    def draw_without_cache() -> None:
        drawn_NP = torch.zeros_like(codes_NP)
        for position in range(codes_NP.shape[1]):
            logits_NPK = network.text_first(tokens_NL, drawn_NP[:, : position + 1]).code_logits_RPK
            drawn_NP[:, position] = logits_NPK[:, -1].argmax(dim=-1)

    return {
        "ours, training step": train,
        "ours, drawing, greedy, without cache": draw_without_cache,
        "ours, drawing, greedy": lambda: greedy_codes(network, tokens_NL),
    }


def cpu_seconds(job: Callable[[], object], runs: int) -> float:
    """Return the least CPU seconds of several runs after a first one that does not count."""
    job()
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        job()
        seconds.append(time.process_time() - start)
    return min(seconds)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how fast DALLE-pytorch trains and draws.")
    parser.add_argument("--hidden-size", type=int, default=128, help="width of the transformer (128)")
    parser.add_argument("--depth", type=int, default=4, help="its layers (4)")
    parser.add_argument("--num-heads", type=int, default=4, help="its heads (4)")
    parser.add_argument("--grid", type=int, default=8, help="rows and columns of codes, a power of two (8)")
    parser.add_argument("--num-codes", type=int, default=512, help="codes that there are (512)")
    parser.add_argument("--num-words", type=int, default=128, help="words that there are (128)")
    parser.add_argument("--text-length", type=int, default=16, help="tokens of each text (16)")
    parser.add_argument("--num", type=int, default=16, help="texts and images at once (16)")
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts (3)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (1)")
    parser.add_argument("--out", type=Path, default=Path("dalle_pytorch_speed.json"), help="where the figures go")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    reference = ReferenceDALLE(
        num_words=options.num_words,
        text_length=options.text_length,
        num_codes=options.num_codes,
        grid=options.grid,
        depth=options.depth,
        hidden_size=options.hidden_size,
        num_heads=options.num_heads,
    )
    text_NL = torch.randint(1, options.num_words, (options.num, options.text_length))
    codes_NP = torch.randint(options.num_codes, (options.num, options.grid**2))
    jobs = {**our_measurements(reference, text_NL, codes_NP), **measurements(reference, text_NL, codes_NP)}
    seconds = {name: cpu_seconds(job, options.runs) for name, job in tqdm(jobs.items(), "measuring", leave=False)}
    table = Table("", "CPU seconds", "a second")
    for name, value in seconds.items():
        table.add_row(name, f"{value:.3f}", f"{options.num / value:.1f}")
    Console().print(table)
    settings = {name: value for name, value in vars(options).items() if name != "out"}
    machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__}
    figures = {"settings": settings, **machine, "cpu_seconds": seconds}
    atomic_write_text(options.out, json.dumps(figures, indent=2) + "\n")
    print(f"figures: {options.out}")


if __name__ == "__main__":
    main()
