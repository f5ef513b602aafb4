from collections.abc import Callable

import numpy as np
import pytest
import torch

from metrics.probes import Probed, is_held_out, linear_probe, mlp_probe

PROBES = [linear_probe, mlp_probe]
Probe = Callable[..., Probed]


@pytest.fixture
def bits() -> np.ndarray:
    return np.random.default_rng(0).integers(2, size=(400, 2))


@pytest.mark.parametrize("probe", PROBES)
def test_a_label_on_a_line_is_told(probe: Probe, bits: np.ndarray) -> None:
    labels_N = bits @ [2, 1]  # four corners, of which each has a line to the others
    probed = probe(1e-3 * bits + 5, labels_N, np.arange(400))
    assert probed == (1, probed.majority, 4, 200)
    assert probed.majority == pytest.approx(1 / 4, abs=0.1)


def test_exclusive_or_is_told_by_a_hidden_layer_alone(bits: np.ndarray) -> None:
    labels_N = bits[:, 0] ^ bits[:, 1]
    assert mlp_probe(bits, labels_N, np.arange(400)).accuracy == 1
    assert linear_probe(bits, labels_N, np.arange(400)).accuracy < 0.8


@pytest.mark.parametrize("probe", PROBES)
def test_noise_tells_nothing(probe: Probe, bits: np.ndarray) -> None:
    codes_NZ = np.random.default_rng(1).normal(size=(400, 3))
    assert probe(codes_NZ, bits[:, 0], np.arange(400)).accuracy == pytest.approx(0.5, abs=0.1)


def test_the_majority_is_that_of_the_half_that_is_known() -> None:
    labels_N = np.arange(100) % 4 // 3  # a quarter are 1
    held_out_N = is_held_out(np.arange(100), seed=5)
    probed = linear_probe(np.zeros((100, 2)), labels_N, np.arange(100), seed=5)
    assert probed.accuracy == probed.majority == (labels_N[held_out_N] == 0).mean()
    assert probed.num_samples == 50


def test_groups_are_held_out_as_wholes_by_seed() -> None:
    groups_N = np.array([7, 7, 3, 9, 9, 9, 5, 1])
    held_out_N = is_held_out(groups_N, seed=0)
    assert len(set(groups_N[held_out_N])) == 2
    assert not set(groups_N[held_out_N]) & set(groups_N[~held_out_N])
    assert held_out_N.tolist() == is_held_out(groups_N, seed=0).tolist()
    assert len({tuple(is_held_out(np.arange(20), seed=seed)) for seed in range(5)}) == 5


@pytest.mark.parametrize("probe", PROBES)
def test_a_half_of_one_class_is_no_error(probe: Probe) -> None:
    assert probe(np.eye(2), np.array([0, 1]), np.arange(2)) == (0, 0, 2, 1)


@pytest.mark.parametrize("probe", PROBES)
def test_random_states_stay_as_they_were(probe: Probe, bits: np.ndarray) -> None:
    np.random.seed(1)
    before, state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    first = probe(bits, bits[:, 0], np.arange(400))
    assert np.random.get_state()[1].tolist() == state  # type: ignore[index]
    assert torch.equal(torch.get_rng_state(), before)
    np.random.seed(2)
    assert probe(bits, bits[:, 0], np.arange(400)) == first


def test_what_cannot_be_probed_is_refused(bits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="got 3 labels and 400 groups of 400 codes"):
        linear_probe(bits, bits[:3, 0], np.arange(400))
    with pytest.raises(ValueError, match="expected finite codes"):
        linear_probe(np.full((4, 2), np.inf), np.arange(4), np.arange(4))
    with pytest.raises(ValueError, match="at least two groups"):
        linear_probe(bits, bits[:, 0], np.zeros(400))
