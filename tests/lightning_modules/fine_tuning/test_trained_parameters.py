import pytest
from torch import nn

from lightning_modules.fine_tuning import train_only


def test_only_parameters_that_fit_a_pattern_and_were_trained_are_trained() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    network[2].bias.requires_grad_(False)
    train_only(network, ["1.*", "2.*"])
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trained == {"1.weight", "1.bias", "2.weight"}
    with pytest.raises(ValueError, match=r"no parameter that is trained fits '0\.\*'; expected .* below 1, 2"):
        train_only(network, ["1.*", "0.*"])
