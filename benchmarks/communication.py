"""What a training step costs in one and in two processes, what share of it is communication, and which options pay.

    python benchmarks/communication.py [--images 32] [--steps 3] [--out communication.json]

Two processes on this machine train the model of `experiment=flickr8k` on made-up batches, each on its own, and exchange
gradients by gloo on the loopback address. Seconds are those of a process's CPU, so that both may share a core; each
option is measured in the same processes, in turn. What 8 and 64 processes would exchange is reckoned, not measured: a
ring all-reduce sends 2 (p − 1) / p times the gradients' bytes (Patarasuk and Yuan 2009).
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import in_turn, parser_with_out, print_table, write_figures
from benchmarks.training_steps import Sizes, captioner_of, made_up_batch, recipe, step_of, tokenizer_of
from datamodules.batch import CaptionBatch
from utils.devices import keep_freed_memory

ALONE, IN_TWO = "one process", "two processes"
OPTIONS: dict[str, dict[str, Any]] = {
    IN_TWO: {},
    "two, gradient_as_bucket_view": {"gradient_as_bucket_view": True},
    "two, static_graph": {"static_graph": True},
    "two, bf16 compression": {"hook": default_hooks.bf16_compress_hook},
}
RECKONED = (2, 8, 64)
NETWORK = 10e9  # bytes a second, of a network of 100 Gbit/s and of its use by 80 %


class LossOf(nn.Module):
    """Lets `DistributedDataParallel` see a training step as a forward pass."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: CaptionBatch) -> Tensor:
        loss: Tensor = self.module.training_step(batch, 0)
        return loss


def measure(rank: int, folder: str, images: int, steps: int) -> None:
    """Measure all ways in one of two processes, and write this process's seconds of each."""
    torch.set_num_threads(1)
    keep_freed_memory()
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.manual_seed(0)
    sizes = Sizes(images=images)
    tokenizer, config = tokenizer_of(sizes.words), recipe(sizes)
    batch = made_up_batch(tokenizer.vocabulary, sizes)
    alone = LossOf(captioner_of(config, tokenizer))
    jobs = {ALONE: step_of(alone, lambda: alone(batch), config.model.optimizer, torch.bfloat16)}
    jobs[ALONE]()
    seconds = in_turn(jobs, steps)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    for name, options in OPTIONS.items():
        settings = {**options}
        hook = settings.pop("hook", None)
        wrapped = DistributedDataParallel(LossOf(captioner_of(config, tokenizer)), **settings)
        if hook is not None:
            wrapped.register_comm_hook(None, hook)
        jobs[name] = step_of(wrapped, lambda w=wrapped: w(batch), config.model.optimizer, torch.bfloat16)  # type: ignore[misc]
        jobs[name]()
    seconds |= in_turn({name: jobs[name] for name in OPTIONS}, steps)
    num_bytes = 4 * sum(p.numel() for p in alone.parameters() if p.requires_grad)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    Path(folder, f"{rank}.json").write_text(json.dumps({"bytes": num_bytes, "cpu_seconds": medians}), "utf-8")
    dist.destroy_process_group()


def sent_by_each(num_bytes: int, processes: int) -> float:
    """Return the bytes that each process sends in a ring all-reduce."""
    return 2 * (processes - 1) / processes * num_bytes


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = parser_with_out("Measure data-parallel training steps.", "communication.json")
    parser.add_argument("--images", type=int, default=32, help="images of each process's batch (32)")
    parser.add_argument("--steps", type=int, default=3, help="steps of each way, of which the median counts (3)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(measure, (folder, options.images, options.steps), nprocs=2, start_method="fork")
        found = [json.loads(Path(folder, f"{rank}.json").read_text("utf-8")) for rank in range(2)]
    seconds = {name: statistics.mean(one["cpu_seconds"][name] for one in found) for name in found[0]["cpu_seconds"]}
    rows = [(name, f"{value:.3f}", f"{1 - seconds[ALONE] / value:.1%}") for name, value in seconds.items()]
    print_table(("a step", "CPU seconds of a process", "share beyond one process's"), rows)
    sent = {processes: sent_by_each(found[0]["bytes"], processes) for processes in RECKONED}
    for processes, value in sent.items():
        print(
            f"{processes} processes: each sends {value / 1e6:.1f} MB a step, {1e3 * value / NETWORK:.1f} ms at 10 GB/s"
        )
    figures = {"torch": torch.__version__, "images": options.images, "cpu_seconds": seconds, "bytes_sent": sent}
    write_figures(options.out, figures)


if __name__ == "__main__":
    main()
