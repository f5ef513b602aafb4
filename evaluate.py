"""Evaluate a checkpoint: generate captions of a split, score them, and write a report that one can look at.

python evaluate.py checkpoint=best.ckpt [group=option …] [key=value …]
"""

from omegaconf import DictConfig

from launch.app import hydra_main


@hydra_main("evaluate")
def main(config: DictConfig) -> None:
    """Run one evaluation."""
    from evaluation.run import evaluate  # here: these import torch, which help and mistakes need not wait for
    from launch.checks import refuse_foreign_metrics
    from launch.prediction_trainer import build_prediction_trainer
    from launch.setting_types import refuse_wrong_settings

    refuse_wrong_settings(config)
    refuse_foreign_metrics(config)
    evaluate(config, build_prediction_trainer(config))


if __name__ == "__main__":
    main()
