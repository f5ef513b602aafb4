"""The networks: plain torch modules, one folder a stage of the model."""

from lightning_modules.networks.captioner import Captioner, CaptionerOutput, WordPredictions

__all__ = ["Captioner", "CaptionerOutput", "WordPredictions"]
