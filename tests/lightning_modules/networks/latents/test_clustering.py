import pytest
import torch

from lightning_modules.networks.latents import Clustered, DiagonalGaussian, FromPosterior, FromPrior
from lightning_modules.networks.latents.clustering import k_means, medoids, spread_centres
from lightning_modules.networks.latents.sources import CODES_OF_CLUSTER
from utils.seeding import generators_of


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("num", [1, 2, 7])
def test_nothing_moves_any_more(num: int) -> None:
    for seed in range(10):
        code_XZ = torch.randn(60, 3, dtype=torch.double, generator=_generator(seed))
        centre_KZ, cluster_X = k_means(code_XZ, num, _generator(seed))
        for code_Z, cluster in zip(code_XZ, cluster_X.tolist(), strict=True):
            assert (code_Z - centre_KZ).norm(dim=1).argmin() == cluster
        for cluster, centre_Z in enumerate(centre_KZ):
            torch.testing.assert_close(centre_Z, code_XZ[cluster_X == cluster].mean(dim=0))


def test_groups_that_lie_apart_are_found() -> None:
    group_X = torch.randint(4, (200,))
    code_XZ = 100.0 * torch.eye(4, dtype=torch.double)[group_X] + torch.randn(200, 4, dtype=torch.double)
    for seed in range(20):
        cluster_X = k_means(code_XZ, 4, _generator(seed)).cluster_X
        assert len({*zip(group_X.tolist(), cluster_X.tolist(), strict=True)}) == 4


def test_centres_start_at_different_codes_far_ones_more_often() -> None:
    code_XZ = torch.tensor([[0.0], [0.0], [1.0], [3.0]])
    seconds = []
    for seed in range(2000):
        first, second = spread_centres(code_XZ, 2, _generator(seed)).squeeze(1).tolist()
        assert first != second
        if first == 0:
            seconds.append(second)
    assert seconds.count(3.0) / len(seconds) == pytest.approx(0.9, abs=5 * (0.09 / len(seconds)) ** 0.5)  # 9 : 1


def test_a_medoid_is_the_code_of_its_cluster_nearest_to_the_centre_the_largest_first() -> None:
    code_XZ = torch.randn(60, 3, dtype=torch.double)
    centre_KZ, cluster_X = k_means(code_XZ, 5, _generator())
    members = [[n for n, own in enumerate(cluster_X.tolist()) if own == cluster] for cluster in range(5)]
    expected = [
        min(members[cluster], key=lambda n: float((code_XZ[n] - centre_KZ[cluster]).norm()))
        for cluster in sorted(range(5), key=lambda cluster: -len(members[cluster]))
    ]
    assert medoids(code_XZ, 5, _generator()).tolist() == expected


def test_fewer_different_codes_than_clusters_are_all_found() -> None:
    code_XZ = torch.tensor([[0.0], [5.0], [5.0], [0.0], [0.0]], dtype=torch.double)
    for seed in range(10):
        chosen_K = medoids(code_XZ, 4, _generator(seed))
        assert len(chosen_K) == 4
        assert sorted(code_XZ[chosen_K[:2], 0].tolist()) == [0.0, 5.0]
    assert medoids(torch.ones(6, 2), 3, _generator()).shape == (3,)


@pytest.mark.parametrize("source", [FromPosterior, FromPrior])
def test_codes_are_the_middles_of_clusters_of_many(source: type[FromPosterior | FromPrior]) -> None:
    posterior = DiagonalGaussian(torch.randn(3, 2), torch.randn(3, 2))
    prior = DiagonalGaussian(torch.zeros(3, 2), torch.zeros(3, 2))
    rows = torch.arange(3).repeat_interleave(4)
    found_NZ = Clustered(source(1.5, generators_of([1, 2, 3])), generators_of([4, 5, 6]))(
        posterior.select(rows), prior.select(rows)
    )
    many = torch.arange(3).repeat_interleave(4 * CODES_OF_CLUSTER)
    drawn_NZ = source(1.5, generators_of([1, 2, 3]))(posterior.select(many), prior.select(many))
    for image, (code_XZ, generator) in enumerate(zip(drawn_NZ.chunk(3), generators_of([4, 5, 6]), strict=True)):
        assert torch.equal(found_NZ[4 * image : 4 * image + 4], code_XZ[medoids(code_XZ.double(), 4, generator)])


def test_middles_of_clusters_lie_further_apart_than_samples() -> None:
    gaussian = DiagonalGaussian(torch.zeros(500, 3), torch.zeros(500, 3))
    source = FromPosterior(1.0, generators_of(range(100)))
    nearest = [
        torch.stack([torch.pdist(code_XZ).min() for code_XZ in codes_NZ.split(5)]).mean()
        for codes_NZ in (Clustered(source, generators_of(range(100)))(gaussian, gaussian), source(gaussian, gaussian))
    ]
    assert nearest[0] > 1.3 * nearest[1]
