"""How fast captions are generated, and in how much memory, beside Hugging Face's `generate` on the same decoder.

    python benchmarks/generation.py [--images 16] [--length 20] [--threads 2] [--out generation.json]

Both sides have the same layers, widths, vocabulary and weights, attend to the same positions of the same images, and
generate the same number of tokens: nothing ends early. Needs `transformers`, which the project itself does not:
pip install transformers
"""

import argparse
import multiprocessing
import re
import statistics
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MACHINE, in_turn, parser_with_out, print_table, write_figures
from datamodules.tokenizers import Vocabulary
from lightning_modules.generation import Beam, Greedy, Sample, Strategy
from lightning_modules.networks.attentions import MultiHeadAttention
from lightning_modules.networks.decoders import TransformerDecoder, TransformerState
from lightning_modules.networks.layers.linear import Linear

try:
    from transformers import GPT2Config, GPT2LMHeadModel
except ImportError:
    sys.exit("benchmarks/generation.py compares with Hugging Face's generate: pip install transformers")

LAYERS, HEADS, WORDS, PLACES, POSITIONS = 3, 4, 10_000, 49, 128
VOCABULARY = Vocabulary(size=WORDS, pad_id=0, bos_id=1, eos_id=2, unk_id=3, cls_id=None)
LOGIT_SCALE = 3.5  # standard deviation of the logits: an entropy of some 3 nats a word, as of a trained captioner
CASES = ("greedy", "beam of 5", "20 samples, top-p 0.9")


class Ours(nn.Module):
    """The project's transformer decoder between an embedding and a linear layer: what generation steps through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, width)
        self.decoder = TransformerDecoder(
            embedding_dim=width,
            context_dim=1,
            attention=partial(MultiHeadAttention, width=width, positions=PLACES, hidden_size=width, num_heads=HEADS),
            hidden_size=width,
            num_layers=LAYERS,
            num_heads=HEADS,
            feedforward_size=4 * width,
            num_positions=POSITIONS,
        )
        self.head = Linear(width, WORDS, bias=False)

    def step(self, tokens_N: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        hidden_N1H, state = self.decoder.advance(self.embedding(tokens_N).unsqueeze(1), state)
        return self.head(hidden_N1H).squeeze(1), state


def theirs(width: int) -> Any:
    """Return a GPT-2 of that width, with cross-attention, that never generates a special token."""
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=WORDS,
            n_positions=POSITIONS,
            n_embd=width,
            n_layer=LAYERS,
            n_head=HEADS,
            n_inner=4 * width,
            activation_function="gelu",
            add_cross_attention=True,
            bos_token_id=VOCABULARY.bos_id,
            pad_token_id=VOCABULARY.pad_id,
            eos_token_id=None,
        )
    )
    with torch.no_grad():
        last = model.transformer.ln_f
        model.lm_head.weight.normal_(std=LOGIT_SCALE / width**0.5)
        # what is normalised sums to zero: a row of minus ones reads the bias alone, and its logit is always very low
        last.bias.fill_(0.1)
        model.lm_head.weight[[VOCABULARY.eos_id, *VOCABULARY.suppressed_ids]] = -1.0
    return model.eval()


@torch.no_grad()
def with_the_weights_of(model: Any) -> Ours:
    """Return our decoder with the weights of theirs; theirs keep queries, keys and values apart, ours heads."""
    ours, gpt = Ours(model.config.n_embd), model.transformer
    ours.embedding.weight.copy_(gpt.wte.weight)
    ours.head.weight.copy_(model.lm_head.weight)
    decoder = ours.decoder
    decoder.position_LH.copy_(gpt.wpe.weight)
    nn.init.zeros_(decoder.context_projection.weight)
    nn.init.zeros_(decoder.context_projection.bias)
    decoder.norm.load_state_dict(gpt.ln_f.state_dict())
    for layer, block in zip(decoder.layers, gpt.h, strict=True):
        _copy(block.attn.c_attn, layer.query_key_value, parts=3)
        _copy(block.attn.c_proj, layer.out)
        _copy(block.crossattention.q_attn, layer.cross_attention.query)
        _copy(block.crossattention.c_attn, layer.cross_attention.key_value, parts=2)
        _copy(block.crossattention.c_proj, layer.cross_attention.out)
        _copy(block.mlp.c_fc, layer.feedforward[0])
        _copy(block.mlp.c_proj, layer.feedforward[2])
        nn.init.zeros_(layer.cross_attention.position_PD)
        for norm, other in (
            (layer.norm_words, block.ln_1),
            (layer.cross_attention.norm, block.ln_cross_attn),
            (layer.norm_feedforward, block.ln_2),
        ):
            norm.load_state_dict(other.state_dict())
    return ours.eval()


def _copy(conv: Any, linear: nn.Linear, parts: int = 1) -> None:
    """Copy a layer whose output is `parts` times all heads into one whose output is, for each head, all parts."""
    heads = HEADS if parts > 1 else 1
    linear.weight.copy_(conv.weight.T.unflatten(0, (parts, heads, -1)).transpose(0, 1).flatten(0, 2))
    linear.bias.copy_(conv.bias.unflatten(0, (parts, heads, -1)).transpose(0, 1).flatten())


class Contest(NamedTuple):
    """Both sides, ready to run any case."""

    ours: Ours
    theirs: Any
    memory_BPD: Tensor

    @classmethod
    def prepare(cls, num_images: int, width: int) -> "Contest":
        torch.manual_seed(0)
        model = theirs(width)
        return cls(with_the_weights_of(model), model, torch.randn(num_images, PLACES, width))

    @torch.no_grad()
    def run_ours(self, case: str, length: int) -> Tensor:
        ways: dict[str, Strategy] = {
            CASES[0]: Greedy(max_length=length),
            CASES[1]: Beam(beam_size=5, max_length=length),
            CASES[2]: Sample(num=20, top_p=0.9, max_length=length),
        }
        way = ways[case]
        first_N = torch.full((len(self.memory_BPD) * way.latents.num,), VOCABULARY.bos_id)
        state = self.ours.decoder.start(torch.zeros(len(first_N), 1), self.memory_BPD)
        return way(self.ours, state, first_N, VOCABULARY).tokens_NL

    @torch.no_grad()
    def run_theirs(self, case: str, length: int) -> Tensor:
        ways: dict[str, dict[str, Any]] = {
            CASES[0]: {"do_sample": False},
            CASES[1]: {"do_sample": False, "num_beams": 5},
            CASES[2]: {"do_sample": True, "top_p": 0.9, "top_k": 0, "num_return_sequences": 20},
        }
        first_B1 = torch.full((len(self.memory_BPD), 1), VOCABULARY.bos_id)
        generated = self.theirs.generate(
            first_B1, encoder_hidden_states=self.memory_BPD, max_new_tokens=length, **ways[case]
        )
        return generated[:, 1:]


def speed(contest: Contest, case: str, length: int, rounds: int) -> dict[str, Any]:
    """Time both sides in turn, in CPU seconds: other work on the machine hardly counts."""
    ours, theirs = contest.run_ours(case, length), contest.run_theirs(case, length)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    jobs = {"ours": partial(contest.run_ours, case, length), "theirs": partial(contest.run_theirs, case, length)}
    of_ours, of_theirs = in_turn(jobs, rounds).values()
    our_seconds, their_seconds = statistics.median(of_ours), statistics.median(of_theirs)
    return {
        "captions": len(ours),
        "ours_seconds": our_seconds,
        "theirs_seconds": their_seconds,
        "ratio": their_seconds / our_seconds,
        "slowest_ratio": min(slow / fast for fast, slow in zip(of_ours, of_theirs, strict=True)),
        "same_captions": torch.equal(ours, theirs) if case != CASES[2] else None,
    }


def peak_growth(side: str, case: str, length: int, num_images: int, width: int, threads: int) -> float:
    """Return by how many MB a run raises this process's memory at its peak (Linux alone knows)."""
    torch.set_num_threads(threads)
    contest = Contest.prepare(num_images, width)
    run = contest.run_ours if side == "ours" else contest.run_theirs
    run(case, 2)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = _memory("VmRSS")
    except OSError:
        return float("nan")
    run(case, length)
    return (_memory("VmHWM") - before) / 1024


def _memory(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every case, print a table and write JSON."""
    parser = parser_with_out("Compare generation with Hugging Face's generate.", "generation.json")
    parser.add_argument("--images", type=int, default=16, help="images in the batch (16)")
    parser.add_argument("--length", type=int, default=20, help="tokens of each caption (20)")
    parser.add_argument(
        "--width", type=int, default=256, help="of the decoder, whose feedforward has four times it (256)"
    )
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side, in turn; medians count (5)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    contest = Contest.prepare(options.images, options.width)
    figures: dict[str, dict[str, Any]] = {}
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        for case in CASES:
            figures[case] = speed(contest, case, options.length, options.rounds)
            for side in ("ours", "theirs"):
                for length in (options.length, 2 * options.length):
                    settings = (side, case, length, options.images, options.width, options.threads)
                    figures[case][f"{side}_peak_mb_{length}_tokens"] = processes.apply(peak_growth, settings)
    show(figures, options)
    machine = {"processor": MACHINE, "threads": options.threads}
    sizes = {"images": options.images, "width": options.width}
    write_figures(options.out, {"machine": machine, **sizes, "cases": figures})


def show(figures: dict[str, dict[str, Any]], options: argparse.Namespace) -> None:
    """Print the figures as a table."""
    show_speed(
        figures,
        f"{options.images} images, {options.length} tokens a caption, width {options.width}, {options.threads} threads",
    )
    lengths = (options.length, 2 * options.length)
    columns = ("case", *(f"{side}, {length}" for side in ("ours", "theirs") for length in lengths))
    rows = [
        (case, *(f"{row[f'{side}_peak_mb_{n}_tokens']:.0f}" for side in ("ours", "theirs") for n in lengths))
        for case, row in figures.items()
    ]
    print_table(columns, rows, "Growth of memory at its peak, MB, by tokens a caption")


def show_speed(figures: dict[str, dict[str, Any]], title: str) -> None:
    """Print the times of both sides as a table."""
    columns = ("case", "captions", "ours, CPU s", "theirs, CPU s", "times faster", "at least", "same")
    rows = []
    for case, row in figures.items():
        same = {True: "yes", False: "no", None: "random"}[row["same_captions"]]
        numbers = [f"{row[key]:.2f}" for key in ("ours_seconds", "theirs_seconds", "ratio", "slowest_ratio")]
        rows.append((case, str(row["captions"]), *numbers, same))
    print_table(columns, rows, title)


if __name__ == "__main__":
    main()
