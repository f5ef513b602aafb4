"""Write the images and captions of any data set as tar shards, which `data=webdataset` reads.

python write_shards.py out=FOLDER [data=option …] [key=value …]
"""

from omegaconf import DictConfig

from launch.app import hydra_main


@hydra_main("write_shards")
def main(config: DictConfig) -> None:
    """Write the shards of one data set."""
    from launch.shards import write  # here: it imports torch, which help and mistakes need not wait for

    write(config)


if __name__ == "__main__":
    main()
