"""Any captioned images: a folder of images, and annotations in any of the field's formats."""

from datamodules.images.images_datamodule import ImagesDataModule

__all__ = ["ImagesDataModule"]
