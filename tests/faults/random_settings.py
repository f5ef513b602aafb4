"""Settings of the trainer, drawn at random: all the ways in which a run can end, or be cut into epochs and steps."""

import random

from tests.faults.killing import BASE

STOPPING = (
    "{{_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss, patience: {patience}, "
    "min_delta: {min_delta}, check_on_train_epoch_end: false}}"
)
AVERAGE = "+callbacks.average={_target_: callbacks.MovingAverage, decay: 0.9}"


def draw_settings(
    draw: random.Random, *, scheduler: str | None = None, is_validated_more: bool = False
) -> tuple[str, ...]:
    """Return the settings of a tiny run of 5 to 20 batches.

    Args:
        draw: Decides.
        scheduler: `model/scheduler`; None for any.
        is_validated_more: Whether the run is compared with one that has one validation more, at the end that it was
            given: then early stopping never has its say, and every step is logged, as Lightning does at an end.
    """
    steps = draw.randint(4, 14)
    limits = draw.choice(
        [
            ["trainer.max_epochs=3"],
            ["trainer.max_epochs=3", f"trainer.max_steps={steps}"],
            ["trainer.max_epochs=-1", f"trainer.max_steps={steps}"],
        ]
    )
    validation = draw.choice(
        [
            [],
            ["trainer.val_check_interval=2"],
            ["trainer.val_check_interval=0.5"],
            ["trainer.check_val_every_n_epoch=null", f"trainer.val_check_interval={draw.choice([4, 7])}"],
            ["trainer.check_val_every_n_epoch=2"],
            ["trainer.limit_val_batches=0", "~callbacks.early_stopping"],
        ]
    )
    stopping = STOPPING.format(
        patience=99 if is_validated_more else draw.choice([1, 2, 9]), min_delta=draw.choice([0, 100])
    )
    return (
        *[setting for setting in BASE if "early_stopping" not in setting and "max_epochs" not in setting],
        f"+callbacks.early_stopping={stopping}",
        f"model/scheduler={scheduler or draw.choice(['constant', 'one_cycle', 'warmup_cosine'])}",
        "optimized_metric=null",
        *limits,
        *validation,
        *([AVERAGE] if draw.random() < 0.3 else []),
        f"trainer.limit_train_batches={draw.choice(['null', 'null', '3', '0.7'])}",
        f"trainer.accumulate_grad_batches={draw.choice([1, 1, 2, 3])}",
        f"trainer.log_every_n_steps={1 if is_validated_more else draw.choice([1, 1, 2])}",
        f"callbacks.resume_checkpoints.every_n_steps={draw.choice(['null', 1, 2, 3])}",
    )


def draw_limits(draw: random.Random, num_batches: int, *, is_validated_more: bool) -> list[str]:
    """Return settings that end a run of so many batches earlier; by a callback, its end is validated."""
    batches = draw.randint(1, max(1, num_batches - 1))
    if is_validated_more:
        return [f"+callbacks.stop={{_target_: tests.faults.witness.StopAfter, batch: {batches}}}"]
    return draw.choice([[f"trainer.max_steps={batches}"], [f"trainer.max_epochs={draw.randint(1, 2)}"]])
