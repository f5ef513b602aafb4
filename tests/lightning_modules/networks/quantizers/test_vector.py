"""The codebook of moving averages, as computed by hand; dead codes; and the same codebook on two processes."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lightning_modules.networks.quantizers import VectorQuantizer
from tests.two_processes import on_two_processes

NEVER = 10**6


def _plain(**settings: float) -> VectorQuantizer:
    """Return a quantizer of three codes that reads two numbers as they are, and has started at known vectors."""
    quantizer = VectorQuantizer(width=2, num_codes=3, code_dim=2, **settings)  # type: ignore[arg-type]
    with torch.no_grad():
        quantizer.projection.weight.copy_(torch.eye(2))
        quantizer.projection.bias.zero_()
        quantizer.codebook_KE.copy_(torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]))
        quantizer.sums_KE.copy_(quantizer.codebook_KE)
        quantizer.started.fill_(True)
    return quantizer.train()


def test_codebook_and_counts_of_two_steps_are_as_computed_by_hand() -> None:
    quantizer = _plain(decay=0.5, restart_every=NEVER)
    quantized = quantizer(torch.tensor([[[1.0, 1.0], [9.0, 1.0]], [[3.0, 1.0], [0.0, 8.0]]]), 1)
    assert quantized.codes_BP.tolist() == [[0, 1], [0, 2]]
    assert quantized.vectors_BPE.tolist() == [[[0, 0], [10, 0]], [[0, 0], [0, 10]]]  # those before the step
    assert quantized.cost_B.tolist() == [2 + 2, 10 + 4]
    assert quantizer.counts_K.tolist() == [1.5, 1, 1]  # half of 1, and half of what fell to each
    assert quantizer.sums_KE.tolist() == [[2, 1], [9.5, 0.5], [0, 9]]
    expected_KE = torch.tensor([[2 / 1.5, 1 / 1.5], [9.5, 0.5], [0, 9]])
    torch.testing.assert_close(quantizer.codebook_KE, expected_KE, rtol=1e-4, atol=1e-4)
    quantizer(torch.tensor([[[1.0, 1.0], [1.0, 1.0]]]), 2)
    assert quantizer.counts_K.tolist() == [1.75, 0.5, 0.5]
    assert quantizer.sums_KE.tolist() == [[2, 1.5], [4.75, 0.25], [0, 4.5]]
    torch.testing.assert_close(quantizer.codebook_KE[0], torch.tensor([2, 1.5]) / 1.75, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(quantizer.codebook_KE[1], torch.tensor([9.5, 0.5]), rtol=1e-4, atol=1e-4)


def _residual(**settings: float) -> VectorQuantizer:
    """Return a quantizer of two codebooks of two codes each, which has started at known vectors."""
    quantizer = VectorQuantizer(width=2, num_codes=2, num_codebooks=2, code_dim=2, **settings)  # type: ignore[arg-type]
    with torch.no_grad():
        quantizer.projection.weight.copy_(torch.eye(2))
        quantizer.projection.bias.zero_()
        quantizer.codebook_KE.copy_(torch.tensor([[0.0, 0.0], [10.0, 0.0], [1.0, 0.0], [0.0, 2.0]]))
        quantizer.sums_KE.copy_(quantizer.codebook_KE)
        quantizer.started.fill_(True)
    return quantizer.train()


def test_each_further_codebook_codes_what_those_before_left_over() -> None:
    quantizer = _residual(decay=0.5, restart_every=NEVER)
    quantized = quantizer(torch.tensor([[[9.0, 2.0], [1.0, 1.0], [10.0, 2.0]]]), 1)
    assert quantized.codes_BP.tolist() == [[1, 1, 0, 0, 1, 1]]  # (−1, 2) is left over of the first, (0, 2) of the last
    assert quantized.vectors_BPE.tolist() == [[[10, 2], [1, 0], [10, 2]]]
    assert quantized.cost_B.tolist() == [((5 + 2 + 4) + (1 + 1 + 0)) / 2]  # of the first vectors, and of the sums
    assert quantizer.counts_K.tolist() == [1, 1.5, 1, 1.5]
    assert quantizer.sums_KE.tolist() == [[0.5, 0.5], [14.5, 2], [1, 0.5], [-0.5, 3]]
    assert torch.equal(quantizer.vectors(quantized.codes_BP)[0, 0], quantizer.codebook_KE[1] + quantizer.codebook_KE[3])


def test_a_second_codebook_starts_and_restarts_from_what_the_first_left_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # what is drawn follows the run's seed
    torch.manual_seed(0)
    quantizer = VectorQuantizer(width=3, num_codes=4, num_codebooks=2, code_dim=2, decay=0.0, least_usage=0.5).train()
    grid_BPD = torch.randn(2, 20, 3)
    errors = [quantizer(grid_BPD, step).cost_B.sum().item() for step in range(6)]
    assert errors[-1] < errors[0]
    quantizer.eval()
    z_BPE, both_BPE = quantizer.projection(grid_BPD), quantizer(grid_BPD, 0).vectors_BPE
    first_BPE = quantizer.codebook_KE[quantizer.codes(grid_BPD)[:, ::2]]
    assert (z_BPE - both_BPE).square().sum() < 0.5 * (z_BPE - first_BPE).square().sum()
    far = _residual(decay=0.0, restart_every=1, least_usage=0.5)
    assert far(torch.tensor([[[0.0, 2.0], [10.0, 2.0], [0.0, 3.0]]]), 1).logged["dead_codes"] == 1
    assert far.codebook_KE[2].tolist() in ([0, pytest.approx(2, abs=1e-3)], [0, pytest.approx(3, abs=1e-3)])


def test_a_dead_code_moves_to_a_feature_of_the_batch_and_only_when_it_is_time() -> None:
    quantizer = _plain(decay=0.5, restart_every=3, least_usage=0.5)
    grid_BPD = torch.tensor([[[1.0, 1.0], [9.0, 1.0], [9.0, -1.0]]])
    dead = [float(quantizer(grid_BPD, step).logged["dead_codes"]) for step in (1, 2)]
    assert dead == [0, 1]  # counts of ½, then of ¼, where the mean is 1½
    assert quantizer.codebook_KE[2].tolist() == pytest.approx([0, 10], abs=1e-3)
    assert quantizer(grid_BPD, 3).logged["dead_codes"] == 1
    (distance,) = torch.cdist(quantizer.codebook_KE[2:], grid_BPD[0]).min(dim=-1).values.tolist()
    assert distance < 1e-3


def test_it_starts_from_vectors_of_the_first_batch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # what is drawn follows the run's seed
    torch.manual_seed(0)
    quantizer = VectorQuantizer(width=3, num_codes=8, code_dim=2).train()
    grid_BPD = torch.randn(2, 10, 3)
    quantizer(grid_BPD, 0)
    z_ME = quantizer.projection(grid_BPD).detach().flatten(0, 1)
    assert quantizer.started
    assert (
        torch.cdist(quantizer.codebook_KE, z_ME).min(dim=-1).values < 0.03
    ).all()  # a hundredth on its way to a mean
    before = quantizer.codebook_KE.clone()
    quantizer(grid_BPD + 5, 1)
    moved_K = (quantizer.codebook_KE - before).norm(dim=1)
    assert moved_K.median() < 0.05  # the nearest ones by some hundredths of their way, the others not at all
    few = VectorQuantizer(width=3, num_codes=8, code_dim=2).train()
    few(torch.randn(1, 3, 3), 0)  # fewer vectors than codes
    assert few.started


def test_gradients_pass_through_to_the_features_as_they_come() -> None:
    quantizer = _plain()
    grid_BPD = torch.randn(2, 4, 2, requires_grad=True)
    weights = torch.randn(2, 4, 2)
    (quantizer(grid_BPD, 1).vectors_BPE * weights).sum().backward()
    torch.testing.assert_close(grid_BPD.grad, weights)


@pytest.mark.parametrize("num_codebooks", [1, 2])
def test_two_processes_have_the_codebook_of_one_with_all_images(num_codebooks: int, tmp_path: Path) -> None:
    """Also where one has fewer images, and where codes are restarted."""
    grids = [torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(step)) for step in range(6)]
    features = [grid + (5 if step > 2 else 0) for step, grid in enumerate(grids)]

    def trained(rows: slice) -> dict[str, Tensor]:
        torch.manual_seed(0)
        quantizer = VectorQuantizer(
            width=3,
            num_codes=6,
            num_codebooks=num_codebooks,
            code_dim=2,
            decay=0.5,
            restart_every=2,
            least_usage=0.5,
        ).train()
        dead = [quantizer(grid_BPD[rows], step).logged["dead_codes"] for step, grid_BPD in enumerate(features)]
        return {"dead": torch.stack(dead), **quantizer.state_dict()}

    alone = trained(slice(None))
    first, second = on_two_processes(lambda rank: trained(slice(rank, None, 2)), tmp_path)
    assert alone["dead"][::2].sum() > 0  # where codes are restarted
    for name, expected in alone.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("num_codes", 1, "at least 2"),
        ("num_codebooks", 0, "at least 1"),
        ("decay", 1.0, "from 0 to below 1"),
        ("least_usage", -0.1, "from 0 to below 1"),
        ("restart_every", 0, "at least 1"),
    ],
)
def test_refuses_numbers_out_of_range(name: str, value: float, expected: str) -> None:
    with pytest.raises(ValueError, match=rf"model.quantizer.{name} must be {expected}, got {value}"):
        VectorQuantizer(width=2, **{name: value})  # type: ignore[arg-type]
