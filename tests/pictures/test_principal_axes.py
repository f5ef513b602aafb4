import torch

from pictures.principal_axes import principal_plane


def _cloud() -> torch.Tensor:
    return torch.randn(50, 4) @ torch.diag(torch.tensor([0.5, 3.0, 0.1, 2.0])) @ torch.randn(4, 4) + 5


def test_axes_are_the_eigenvectors_of_the_covariance() -> None:
    points_NZ = _cloud()
    plane = principal_plane(points_NZ)
    values_Z, vectors_ZZ = torch.linalg.eigh(points_NZ.double().T.cov())
    expected_Z2 = vectors_ZZ[:, [3, 2]]
    torch.testing.assert_close((plane.axes_Z2 * expected_Z2).sum(dim=0).abs(), torch.ones(2).double())
    torch.testing.assert_close(plane.share_2, values_Z[[3, 2]] / values_Z.sum())
    projected_N2 = plane.project(points_NZ)
    torch.testing.assert_close(projected_N2.mean(dim=0), torch.zeros(2).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(projected_N2.var(dim=0), values_Z[[3, 2]])


def test_signs_do_not_depend_on_the_order_of_the_points() -> None:
    points_NZ = _cloud()
    axes_Z2 = principal_plane(points_NZ).axes_Z2
    torch.testing.assert_close(principal_plane(points_NZ.flip(0)).axes_Z2, axes_Z2)
    largest_2 = axes_Z2.gather(0, axes_Z2.abs().argmax(dim=0, keepdim=True))
    assert (largest_2 > 0).all()


def test_signs_are_those_of_an_earlier_plane() -> None:
    points_NZ = _cloud()
    axes_Z2 = principal_plane(points_NZ).axes_Z2
    earlier_Z2 = -axes_Z2 + 0.01 * torch.randn(4, 2)
    torch.testing.assert_close(principal_plane(points_NZ, earlier_Z2).axes_Z2, -axes_Z2)


def test_no_random_number_is_drawn() -> None:
    points_NZ = _cloud()
    before = torch.get_rng_state()
    principal_plane(points_NZ)
    assert torch.equal(torch.get_rng_state(), before)


def test_of_one_dimension_there_is_one_axis() -> None:
    plane = principal_plane(torch.tensor([[1.0], [3.0]]))
    assert plane.axes_Z2.tolist() == [[1.0, 0.0]]
    assert plane.share_2.tolist() == [1.0, 0.0]
    assert plane.project(torch.tensor([[3.0]])).tolist() == [[1.0, 0.0]]


def test_points_that_are_one_share_no_variance() -> None:
    assert principal_plane(torch.ones(3, 2)).share_2.tolist() == [0.0, 0.0]
