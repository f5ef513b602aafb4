"""Whether a run of several hosts goes on by itself when one of them is lost, under torchrun.

    python benchmarks/elastic.py [--out elastic.json]

Two agents of torchrun meet on the loopback address, as those of two hosts would, each with one process of `train.py` on
the CPU with tiny sizes. In the second of two runs one agent and its process are killed in the middle of training and an
agent is started in its place: the other one starts its process anew, and both go on from the last checkpoint. Both runs
must end with the same weights, bit for bit. Exit code 1 if they do not.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.ddp import TINY
from benchmarks.measuring import ROOT, parser_with_out, write_figures

LONGEST = 1800.0  # seconds, on a busy machine
FAULT_STEP = 5
# Agents that share their store tell one that comes later not where the processes meet: it waits in vain (PyTorch 2.15).
OWN_STORE = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
POLL = 0.2
SETTINGS = (
    *(setting for setting in TINY if not setting.startswith(("trainer.devices", "data.num_train"))),
    "trainer.devices=1",
    "trainer.num_nodes=2",
    "trainer.strategy=ddp",
    "trainer.max_epochs=2",
    "trainer.precision=32-true",
    "data.num_train=16",
    "callbacks.resume_checkpoints.every_n_steps=2",
    *(f"~callbacks.{name}" for name in ("style_grid", "traversals", "latent_scatter", "latent_projector")),
    "test=false",
    "logger=none",
)


class LoseHost(Callback):
    """Kills the agent of the last process and that process, once, as the loss of their host would.

    Args:
        told: A file that is made at that moment.
    """

    def __init__(self, told: str) -> None:
        self.told = Path(told)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        is_last = trainer.global_rank == trainer.world_size - 1
        if is_last and trainer.global_step == FAULT_STEP and not self.told.exists():
            self.told.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


class Job:
    """A run on two agents.

    Args:
        folder: For the run and what the agents print.
        overrides: Further settings of `train.py`.
    """

    def __init__(self, folder: Path, overrides: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.overrides = overrides
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.agents = [self.start(number) for number in range(2)]

    def start(self, number: int) -> subprocess.Popen[bytes]:
        """Start an agent."""
        agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
        meet = ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{self.port}", f"--rdzv-id={self.folder.name}"]
        here = ["--local-addr=127.0.0.1", "--max-restarts=3", str(ROOT / "train.py")]
        places = [f"hydra.run.dir={self.folder / 'run'}", f"cache_dir={self.folder.parent / 'cache'}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": "lo"}
        environment |= OWN_STORE
        with (self.folder / f"agent-{number}.txt").open("ab") as output:
            return subprocess.Popen(
                [*agent, *meet, *here, *SETTINGS, *places, *self.overrides],
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self, told: Path | None = None) -> list[int | None]:
        """Wait for both agents, starting one that was killed anew; return their exit codes, None for one that hung."""
        deadline, brought_back = time.monotonic() + LONGEST, False
        while time.monotonic() < deadline and any(agent.poll() is None for agent in self.agents):
            lost = [number for number, agent in enumerate(self.agents) if agent.poll() == -signal.SIGKILL]
            if told is not None and told.exists() and lost and not brought_back:
                self.agents[lost[0]] = self.start(lost[0])
                brought_back = True
            time.sleep(POLL)
        codes = [agent.poll() for agent in self.agents]
        for agent in self.agents:
            if agent.poll() is None:
                os.killpg(agent.pid, signal.SIGKILL)
        return codes

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the weights at the end of training."""
        checkpoint = torch.load(self.folder / "run" / "checkpoints" / "last.ckpt", weights_only=True)
        found: dict[str, torch.Tensor] = checkpoint["state_dict"]
        return found

    def text(self) -> str:
        """Return what both agents and their processes have printed."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("agent-*.txt")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both, compare, and write the figures."""
    parser = parser_with_out("Check that runs under torchrun go on after a host is lost.", "elastic.json")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole = Job(folder / "whole")
        codes = {"whole": whole.end()}
        told = folder / "told"
        lost = Job(folder / "lost", [f"+callbacks.lost={{_target_: benchmarks.elastic.LoseHost, told: {told}}}"])
        codes["lost"] = lost.end(told)
        if any(code != 0 for pair in codes.values() for code in pair):
            raise SystemExit(f"agents ended with {codes}: {whole.text()[-2000:]}\n---\n{lost.text()[-4000:]}")
        before, after = whole.weights(), lost.weights()
        same = before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
        went_on = [line for line in lost.text().splitlines() if "going on with" in line]
    figures = {"codes": codes, "killed": told.name, "same_weights": same, "went_on": len(went_on)}
    print(*went_on[:1], f"the same weights: {same}", sep="\n")
    write_figures(options.out, figures)
    if not same or not went_on:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
