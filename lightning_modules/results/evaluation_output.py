"""What models that caption images hand over to callbacks, and to the summary of a run."""

from typing import NamedTuple

from lightning_modules.networks.latents import Latents
from lightning_modules.results.generated import GeneratedBatch


class Example(NamedTuple):
    """A generated caption beside a human one of the same image, for the summary of a run."""

    generated: str
    reference: str


class EvaluationOutput(NamedTuple):
    """What a validation or test step hands to the callbacks.

    Attributes:
        generated: The captions that the model's own strategy generates.
        latents: Those that the loss saw, of each reference caption; None for a model without.
    """

    generated: GeneratedBatch
    latents: Latents | None = None
