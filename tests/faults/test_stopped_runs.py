"""Runs that the system asks to stop, on a machine of one's own and on SLURM."""

import os
import signal
from pathlib import Path

import pytest

import train
from tests.faults.child import log_of
from tests.faults.killing import BASE, compare, dying, read_losses, run

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
def test_sigterm_saves_and_says_how_to_go_on(undisturbed: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    never = "callbacks.resume.every_n_steps=null"
    assert run(run_dir, [*BASE, never], **dying(IN_THE_SECOND_EPOCH, signal.SIGTERM)) == train.STOPPED_BY_SIGTERM
    said = log_of(run_dir).read_text()
    assert f"go on with: python train.py resume={run_dir}" in said
    assert "Traceback" not in said
    steps = len(read_losses(run_dir))
    assert 5 < steps < 10
    assert run(run_dir, resume=True) == 0, log_of(run_dir).read_text()
    assert compare(undisturbed, run_dir) == (15, [])  # no step was lost, and none made twice


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
    assert stopped == train.STOPPED_BY_SIGTERM, log_of(run_dir).read_text()
    assert asked.read_text() == "requeue 17\n"
    assert run(run_dir, BASE, **job, SLURM_RESTART_COUNT="1") == 0, log_of(run_dir).read_text()
    assert compare(undisturbed, run_dir) == (15, [])
