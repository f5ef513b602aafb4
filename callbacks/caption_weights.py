"""Lets human captions count by how much they agree with the others of their image."""

from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_modules import FacetModule


class CaptionWeights(Callback):
    """Before training, gives batches weights of their captions where the model asks for some (`model/loss/weights`).

    What they are made of is computed once, by one process of each host, and kept in `cache_dir`.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is None or not isinstance(pl_module, FacetModule) or pl_module.caption_weights is None:
            return
        if trainer.local_rank == 0:
            datamodule.consensus()
        trainer.strategy.barrier("consensus computed")
        datamodule.weigh_captions(pl_module.caption_weights)
