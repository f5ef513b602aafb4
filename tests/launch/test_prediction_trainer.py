import pytest

from launch.prediction_trainer import build_prediction_trainer
from tests.tiny_run import compose_train


def test_a_job_of_a_sweep_has_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launch.devices.in_sweep", lambda: True)
    settings = ["checkpoint=best.ckpt", "trainer.accelerator=cpu"]
    build_prediction_trainer(compose_train([*settings, "trainer.devices=1"], name="evaluate"))
    with pytest.raises(
        ValueError, match=r"trainer.devices=2 cannot start its processes as scripts; set trainer.devices=1$"
    ):
        build_prediction_trainer(compose_train([*settings, "trainer.devices=2"], name="evaluate"))
