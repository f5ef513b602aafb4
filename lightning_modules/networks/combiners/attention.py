import torch
from torch import Tensor, nn

from lightning_modules.networks.combiners.combiner import Combiner


class AttentionCombiner(Combiner):
    """Style asks, content answers: S queries `num_slots` slots read from C by scaled dot-product attention.

    Slots are keys and values at once (Vaswani et al. 2017, equation 1, one head); the query is added to the answer,
    so that style also reaches the context when the slots are alike. Shape legend: K slots.
    """

    def __init__(self, *, style_dim: int, content_dim: int, context_dim: int = 256, num_slots: int = 8) -> None:
        super().__init__()
        self.context_dim = context_dim
        self.num_slots = num_slots
        self.query = nn.Linear(style_dim, context_dim)
        self.slots = nn.Linear(content_dim, num_slots * context_dim)

    def forward(self, style_NS: Tensor, content_NC: Tensor) -> Tensor:
        query_NX = self.query(style_NS)
        slots_NKX = self.slots(content_NC).unflatten(-1, (self.num_slots, self.context_dim))
        scores_NK = torch.einsum("nx,nkx->nk", query_NX, slots_NKX) / self.context_dim**0.5
        return query_NX + torch.einsum("nk,nkx->nx", scores_NK.softmax(dim=-1), slots_NKX)
