"""A linear layer that generates and evaluates faster on some CPUs."""

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """PyTorch's, but without gradients its products of 32-bit floats are oneDNN's on a CPU.

    PyTorch takes those of MKL there, which uses half the width of AMD's registers: captions took up to 1.5 times as
    long. With gradients, in bfloat16 and on other devices there is nothing to gain.
    """

    def forward(self, input: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or not self._by_onednn(input):
            return super().forward(input)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, "none", [], "")
        return product

    def _by_onednn(self, input: Tensor) -> bool:
        return (
            not torch.is_grad_enabled()
            and input.device.type == "cpu"
            and input.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and torch.backends.mkldnn.is_available()
        )
