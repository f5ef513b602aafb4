"""Training of networks that have been trained before: which parts of them, and how fast."""

from lightning_modules.fine_tuning.fine_tuned_module import DecayToStart, FineTunedModule, parameter_groups
from lightning_modules.fine_tuning.trained_parameters import train_only

__all__ = ["DecayToStart", "FineTunedModule", "parameter_groups", "train_only"]
