"""How fast a transformer over words and codes trains and draws, beside DALLE-pytorch's.

    python benchmarks/dalle_pytorch_speed.py [--hidden-size 128] [--precision bf16-mixed] … [--out FILE.json]

Both have the same sizes and random weights; DALLE-pytorch's has neither rotary positions nor shifted tokens, without
which it is faster. Seconds are those of the CPU, of all threads together, so that other work on the machine does not
count; the least of several runs.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MACHINE, in_turn, parser_with_out, print_table, write_figures
from lightning_modules.drawing import draw_tokens
from lightning_modules.generation import Drawing, GreedyDrawing, SampledDrawing
from lightning_modules.losses import DALLELoss, caption_cross_entropy
from lightning_modules.losses.dalle_loss import SegmentNats, code_cross_entropy
from lightning_modules.networks.dalle import DALLE
from tests.reference_dalle.conversion import as_ours
from tests.reference_dalle.model import ReferenceDALLE

TRAINING = "training step"
FULL = "drawing, a full pass for each code"
SAMPLED = "drawing"
GUIDED = "drawing, guidance 2"
GREEDY = "greedy drawing, with the cache that theirs does not pass on"
"""What is measured; each works on all the texts once. Its `generate_images` makes a cache, but uses it under guidance
alone."""

Jobs = dict[str, Callable[[], object]]


def jobs_of_dalle_pytorch(reference: ReferenceDALLE, text_NL: Tensor, codes_NP: Tensor) -> Jobs:
    """Return by name what DALLE-pytorch does."""
    model = reference.model
    optimizer = torch.optim.Adam(parameter for parameter in model.parameters() if parameter.requires_grad)

    def train() -> None:
        model.train()
        optimizer.zero_grad()
        model(text_NL.clone(), codes_NP, return_loss=True).backward()
        optimizer.step()
        model.eval()

    return {
        TRAINING: train,
        FULL: lambda: model.generate_images(text_NL.clone()),
        SAMPLED: lambda: model.generate_images(text_NL.clone(), use_cache=True),
        GUIDED: lambda: model.generate_images(text_NL.clone(), use_cache=True, cond_scale=2),
        GREEDY: lambda: reference.greedy_codes(text_NL, cached=True),
    }


def jobs_of_facet(network: DALLE, tokens_NL: Tensor, codes_NP: Tensor) -> Jobs:
    """Return by name the same of Facet, as `draw.py` draws."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, fused=True)  # as conf/model/optimizer/adam.yaml has it
    loss = DALLELoss(caption_weight=0, image_weight=7 / 8, caption_alone_weight=1 / 8, per="token", draw_from="all")

    def train() -> None:
        network.train()
        optimizer.zero_grad()
        output = network.text_first(tokens_NL, codes_NP)
        assert output.text_logits_WV is not None
        caption = caption_cross_entropy(output.text_logits_WV, output.targets_RL, pad_id=0)
        terms = {
            "image": code_cross_entropy(output.code_logits_RPK, codes_NP),
            "caption_alone": SegmentNats(*caption, (output.targets_RL != 0).sum(dim=1)),
        }
        loss(terms, 0).total.backward()
        optimizer.step()
        network.eval()

    @torch.no_grad()
    def draw_by_full_passes() -> None:
        drawn_NP = torch.zeros_like(codes_NP)
        for place in range(codes_NP.shape[1]):
            logits_NK = network.text_first(tokens_NL, drawn_NP[:, : place + 1]).code_logits_RPK[:, place]
            drawn_NP[:, place] = SampledDrawing(guidance=1.0, top_p=None, filter_thres=0.5).choose(logits_NK, None)
        network.decode(drawn_NP)

    def draw(drawing: Drawing) -> Callable[[], object]:
        return lambda: draw_tokens(network, tokens_NL, drawing, pad_id=network.text.pad_id)

    return {
        TRAINING: train,
        FULL: draw_by_full_passes,
        SAMPLED: draw(SampledDrawing(guidance=1.0, top_p=None, filter_thres=0.5)),
        GUIDED: draw(SampledDrawing(guidance=2.0, top_p=None, filter_thres=0.5)),
        GREEDY: draw(GreedyDrawing()),
    }


def in_precision(job: Callable[[], object], precision: str) -> Callable[[], object]:
    """Return a job that computes as `trainer.precision` says: 32-true or bf16-mixed."""

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            job()

    return run


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = parser_with_out("Measure how fast Facet and DALLE-pytorch train and draw.", "dalle_pytorch_speed.json")
    parser.add_argument("--hidden-size", type=int, default=128, help="width of the transformer (128)")
    parser.add_argument("--depth", type=int, default=4, help="its layers (4)")
    parser.add_argument("--num-heads", type=int, default=4, help="its heads (4)")
    parser.add_argument("--grid", type=int, default=8, help="rows and columns of codes, a power of two (8)")
    parser.add_argument("--num-codes", type=int, default=512, help="codes that there are (512)")
    parser.add_argument("--num-words", type=int, default=128, help="words that there are (128)")
    parser.add_argument("--text-length", type=int, default=16, help="tokens of each text (16)")
    parser.add_argument("--num", type=int, default=16, help="texts and images at once (16)")
    parser.add_argument(
        "--precision", choices=("32-true", "bf16-mixed"), default="32-true", help="of both in training (32-true)"
    )
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts (3)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (1)")
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
    network = as_ours(reference)
    text_NL = torch.randint(1, options.num_words, (options.num, options.text_length))
    codes_NP = torch.randint(options.num_codes, (options.num, options.grid**2))
    jobs = {
        "DALLE-pytorch": jobs_of_dalle_pytorch(reference, text_NL, codes_NP),
        "Facet": jobs_of_facet(network, network.text.with_prefix(text_NL), codes_NP),
    }
    for of_both in jobs.values():
        of_both[TRAINING] = in_precision(of_both[TRAINING], options.precision)
    seconds: dict[str, dict[str, float]] = {who: {} for who in jobs}
    for name in tqdm(jobs["Facet"], unit="job", leave=False):
        both = {who: of_both[name] for who, of_both in jobs.items()}
        for job in both.values():
            job()
        for who, measured in in_turn(both, options.runs).items():
            seconds[who][name] = min(measured)
    rows = [
        (name, f"{theirs:.3f}", f"{ours:.3f}", f"{options.num / ours:.1f}", f"{theirs / ours:.2f}")
        for (name, ours), theirs in zip(seconds["Facet"].items(), seconds["DALLE-pytorch"].values(), strict=True)
    ]
    print_table(("CPU seconds", *jobs, "a second", "times as fast"), rows)
    settings = {name: value for name, value in vars(options).items() if name != "out"}
    figures = {"settings": settings, "machine": MACHINE, "torch": torch.__version__, "cpu_seconds": seconds}
    write_figures(options.out, figures)


if __name__ == "__main__":
    main()
