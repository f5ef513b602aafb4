"""Runs that the system asks to stop, on a machine of one's own and on SLURM."""

import os
import re
import signal
from pathlib import Path

import pytest

from callbacks.stop_signals import StopSignals
from launch import stopping
from tests.faults.child import log_of
from tests.faults.killing import BASE, compare, differing_points, dying, points_of, read_losses, run
from tests.faults.witness import TO_PARENT

IN_THE_SECOND_EPOCH = 45  # an event, as the witness counts them
SLURM = {
    "SLURM_JOB_ID": "17",
    "SLURM_JOB_NAME": "facet",
    "SLURM_NTASKS": "1",
    "SLURM_NODEID": "0",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_JOB_NODELIST": "here",
}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "ctrl_c"])
def test_a_stopped_run_saves_and_says_how_to_go_on(number: signal.Signals, undisturbed: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run, lr=0.1"
    never = "callbacks.resume_checkpoints.every_n_steps=null"
    assert run(run_dir, [*BASE, never], **dying(IN_THE_SECOND_EPOCH, number)) == 128 + number
    printed = log_of(run_dir).read_text()
    command = f"python train.py resume=\"'{run_dir}'\""
    by = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C"}[number]
    assert re.search(f"stopped by {by} at step [678]; go on with: {re.escape(command)}\n", printed)
    assert "Traceback" not in printed
    steps = len(read_losses(run_dir))
    assert 5 < steps < 10
    assert run(run_dir, resume=True) == 0, log_of(run_dir).read_text()
    assert compare(undisturbed, run_dir) == (15, [])  # no step was lost, and none made twice
    assert differing_points(points_of(undisturbed), points_of(run_dir)) == []


@pytest.mark.slow
def test_processes_that_are_forks_stop_with_the_first_one(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    forks = ["trainer.devices=2", "trainer.strategy=ddp_fork", "data.batch_size=2"]
    asked = {**dying(IN_THE_SECOND_EPOCH, signal.SIGINT), TO_PARENT: "yes"}
    assert run(run_dir, [*BASE, *forks], **asked) == stopping.STOPPED_BY_CTRL_C, log_of(run_dir).read_text()
    assert log_of(run_dir).read_text().count("go on with: ") == 1
    assert (run_dir / "checkpoints" / "last.ckpt").exists()


def test_a_second_ctrl_c_ends_the_process_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signals = StopSignals()
        signals.listen()
        signal.raise_signal(signal.SIGINT)
        if signals.stop:
            signal.raise_signal(signal.SIGINT)
        os._exit(7)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGINT
    assert "Ctrl-C again ends it at once" in capfd.readouterr().err


@pytest.mark.slow
def test_slurm_puts_the_job_in_the_queue_again_and_it_goes_on(undisturbed: Path, tmp_path: Path) -> None:
    run_dir, asked = tmp_path / "run", tmp_path / "asked"
    scontrol = tmp_path / "bin" / "scontrol"
    scontrol.parent.mkdir()
    # SLURM ends the job when it is to run again
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nkill -TERM $PPID\n')
    scontrol.chmod(0o755)
    job = {**SLURM, "PATH": f"{scontrol.parent}:{os.environ['PATH']}"}
    stopped = run(run_dir, BASE, **job, **dying(IN_THE_SECOND_EPOCH, signal.SIGUSR1))
    assert stopped == stopping.STOPPED_BY_SIGTERM, log_of(run_dir).read_text()
    assert asked.read_text() == "requeue 17\n"
    assert run(run_dir, BASE, **job, SLURM_RESTART_COUNT="1") == 0, log_of(run_dir).read_text()
    assert compare(undisturbed, run_dir) == (15, [])
