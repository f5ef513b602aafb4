import inspect

import pytest
import torch

from lightning_modules.networks import middles
from lightning_modules.networks.middles import ResidualMiddle


@pytest.mark.parametrize("name", [name for name in middles.__all__ if not inspect.isabstract(getattr(middles, name))])
@pytest.mark.parametrize("in_dim", [6, 16])
def test_contract(name: str, in_dim: int) -> None:
    middle = getattr(middles, name)(in_dim=in_dim, vocab_size=9, hidden_size=16).eval()
    hidden_NLH = torch.randn(2, 3, in_dim)
    logits_NLV = middle(hidden_NLH)
    assert logits_NLV.shape == (2, 3, 9)
    torch.testing.assert_close(middle(hidden_NLH[1:, 2:]), logits_NLV[1:, 2:])


def test_a_residual_connection_is_around_each_layer() -> None:
    middle = ResidualMiddle(in_dim=4, vocab_size=9, hidden_size=4, num_layers=3)
    for parameter in middle.layers.parameters():
        parameter.data.fill_(-1.0 if parameter.dim() == 1 else 0.0)  # the layers' outputs are zero, after their ReLU
    hidden_NLH = torch.randn(2, 3, 4)
    torch.testing.assert_close(middle(hidden_NLH), middle.to_vocabulary(hidden_NLH))


def test_by_hand() -> None:
    middle = ResidualMiddle(in_dim=1, vocab_size=2, hidden_size=1, num_layers=2)
    values = ([[2.0]], [1.0], [[-1.0]], [9.0], [[1.0], [2.0]], [0.0, 0.5])
    for parameter, value in zip(middle.parameters(), values, strict=True):
        parameter.data = torch.tensor(value)
    # 1 + relu(2 + 1) = 4; 4 + relu(-4 + 9) = 9; -1 + relu(-2 + 1) = -1; -1 + relu(1 + 9) = 9
    torch.testing.assert_close(middle(torch.tensor([[[1.0], [-1.0]]])), torch.tensor([[[9.0, 18.5], [9.0, 18.5]]]))


def test_dropout_is_of_training_alone() -> None:
    middle = ResidualMiddle(in_dim=16, vocab_size=9, hidden_size=16, dropout=0.5)
    hidden_NLH = torch.randn(2, 3, 16)
    assert not torch.allclose(middle(hidden_NLH), middle(hidden_NLH))
    middle.eval()
    torch.testing.assert_close(middle(hidden_NLH), middle(hidden_NLH))
