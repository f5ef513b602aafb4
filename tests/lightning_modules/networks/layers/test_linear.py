"""The linear layer gives what PyTorch's gives, wherever its products come from."""

import pytest
import torch
from torch import nn

from lightning_modules.networks.layers.linear import Linear


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
def test_the_product_is_pytorchs(bias: bool, shape: tuple[int, ...]) -> None:
    layer, plain, x = Linear(3, 5, bias=bias), nn.Linear(3, 5, bias=bias), torch.randn(shape)
    plain.load_state_dict(layer.state_dict())
    expected = plain(x)
    torch.testing.assert_close(layer(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected)
        torch.testing.assert_close(layer(x.expand(2, *shape)[1]), expected)


def test_only_products_without_gradients_are_onednns(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = Linear(3, 5), torch.randn(4, 3)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with torch.no_grad():
        assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))
