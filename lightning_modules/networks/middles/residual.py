"""Shape legend: N captions, L tokens, I input width, H hidden width, V vocabulary."""

import torch
from torch import Tensor, nn

from lightning_modules.networks.layers.dropout import Dropout
from lightning_modules.networks.layers.linear import Linear
from lightning_modules.networks.middles.middle import Middle


class ResidualMiddle(Middle):
    """A stack of fully connected layers with a residual connection around each; its output are word logits.

    Args:
        in_dim: Width of the decoder's state.
        vocab_size: Number of words.
        hidden_size: Width of each layer.
        num_layers: Layers with a residual connection.
        dropout: Share of each layer's activations, and of the last state's, set to zero in training.
    """

    def __init__(
        self, *, in_dim: int, vocab_size: int, hidden_size: int = 256, num_layers: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.input_projection = nn.Identity() if in_dim == hidden_size else Linear(in_dim, hidden_size)
        self.layers = nn.ModuleList(Linear(hidden_size, hidden_size) for _ in range(num_layers))
        self.dropout = Dropout(dropout)
        self.to_vocabulary = Linear(hidden_size, vocab_size)

    def forward(self, hidden_NLI: Tensor) -> Tensor:
        x_NLH = self.input_projection(hidden_NLI)
        for layer in self.layers:
            x_NLH = x_NLH + self.dropout(torch.relu(layer(x_NLH)))
        return self.to_vocabulary(self.dropout(x_NLH))
