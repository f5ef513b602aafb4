import torch
from torch import Tensor

from lightning_modules.networks.relaxations.relaxation import Relaxation
from lightning_modules.schedules import Schedule, as_schedule
from utils.require import require


class StraightThroughGumbel(Relaxation):
    """One sampled word each: one-hot on the way forward, its softmax relaxation on the way back.

    Straight-through Gumbel-softmax (Jang, Gu and Poole 2017, section 2.2). In evaluation the likeliest word stands
    in for a sampled one.

    Args:
        temperature: Of the relaxation: low is close to discrete but has a noisy gradient. A number or a schedule.
        teacher_forcing_ratio: See `Relaxation`.

    Raises:
        ValueError: The share is not in [0, 1), or the temperature at some step is not positive.
    """

    def __init__(self, *, temperature: float | Schedule = 1.0, teacher_forcing_ratio: float = 0.75) -> None:
        super().__init__(teacher_forcing_ratio=teacher_forcing_ratio)
        self.temperature = as_schedule(temperature)

    def relax(self, logits_NLV: Tensor, step: int) -> Tensor:
        temperature = self.temperature(step)
        require(temperature > 0, "model.relaxation.temperature", "positive", f"{temperature} at step {step}")
        noise_NLV = -torch.log(torch.empty_like(logits_NLV).exponential_()) if self.training else 0.0
        soft_NLV = ((logits_NLV + noise_NLV) / temperature).softmax(dim=-1)
        hard_NLV = torch.zeros_like(soft_NLV).scatter(-1, soft_NLV.argmax(dim=-1, keepdim=True), 1.0)
        return hard_NLV + soft_NLV - soft_NLV.detach()
