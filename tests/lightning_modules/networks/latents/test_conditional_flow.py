import torch
from torch import nn
from torch.autograd.functional import jacobian
from torch.func import jacrev, vmap

from lightning_modules.networks.latents.conditional_flow import AffineCoupling, ConditionalFlow


def random_flow(dim: int = 3, num_layers: int = 4, seed: int = 0) -> ConditionalFlow:
    """A flow far from the identity, in double precision but for what it rounds itself."""
    torch.manual_seed(seed)
    flow = ConditionalFlow(dim=dim, context_dim=5, hidden_size=16, num_layers=num_layers)
    for coupling in flow.couplings:
        assert isinstance(coupling, AffineCoupling)
        nn.init.normal_(coupling.scale_and_shift.weight, std=0.4)
        nn.init.normal_(coupling.scale_and_shift.bias, std=0.4)
    return flow


def test_noise_comes_back_from_its_code() -> None:
    flow, noise_NZ, context_NF = random_flow(), torch.randn(50, 3), torch.randn(50, 5)
    code_NZ = flow(noise_NZ, context_NF)
    assert (code_NZ - noise_NZ).abs().max() > 1
    torch.testing.assert_close(flow.inverse(code_NZ, context_NF)[0], noise_NZ, rtol=1e-4, atol=1e-4)


def test_the_determinant_is_that_of_the_jacobian() -> None:
    flow, code_NZ, context_NF = random_flow(), torch.randn(20, 3), torch.randn(20, 5)
    _, log_det_N = flow.inverse(code_NZ, context_NF)
    jacobian_NZZ = vmap(jacrev(lambda code, context: flow.inverse(code, context)[0]))(code_NZ, context_NF)
    torch.testing.assert_close(log_det_N, torch.linalg.slogdet(jacobian_NZZ).logabsdet, rtol=1e-4, atol=1e-4)
    coupling = flow.couplings[0]
    assert isinstance(coupling, AffineCoupling)
    _, forward_N = coupling(code_NZ[:1], context_NF[:1])
    forward_ZZ = jacobian(lambda code: coupling(code, context_NF[:1])[0], code_NZ[:1])[0, :, 0]
    torch.testing.assert_close(forward_N[0], torch.linalg.slogdet(forward_ZZ).logabsdet)


def test_a_coupling_keeps_half_of_the_dimensions_and_two_change_all() -> None:
    flow, noise_NZ, context_NF = random_flow(num_layers=2), torch.randn(9, 3), torch.randn(9, 5)
    once_NZ, _ = flow.couplings[0](noise_NZ, context_NF)
    assert (once_NZ == noise_NZ).all(dim=0).tolist() == [True, False, True]
    twice_NZ, _ = flow.couplings[1](once_NZ, context_NF)
    assert (twice_NZ != noise_NZ).all()


def test_a_new_flow_is_a_gaussian_of_the_image() -> None:
    flow = ConditionalFlow(dim=3, context_dim=5, hidden_size=8, num_layers=3)
    noise_NZ, context_NF = torch.randn(9, 3), torch.randn(9, 5)
    mean_NZ, log_variance_NZ = flow.gaussian(context_NF).chunk(2, dim=1)
    expected_NZ = mean_NZ + (0.5 * log_variance_NZ).exp() * noise_NZ
    torch.testing.assert_close(flow(noise_NZ, context_NF), expected_NZ)
