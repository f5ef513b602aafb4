"""Captioned images in tar shards: written, indexed and read."""

from datamodules.shards.webdataset_datamodule import WebDatasetDataModule

__all__ = ["WebDatasetDataModule"]
