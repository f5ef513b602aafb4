"""Train a model: compose the config, fit, test, and return the metric that a sweep optimizes.

python train.py [group=option …] [key=value …]
"""

from omegaconf import DictConfig

from launch.app import hydra_main


@hydra_main("train")
def main(config: DictConfig) -> float | None:
    """Run one training job."""
    from launch.training import train  # here: it imports torch, which help and mistakes need not wait for

    return train(config)


if __name__ == "__main__":
    main()
