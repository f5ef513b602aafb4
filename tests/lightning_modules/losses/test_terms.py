import math

import pytest
import torch
from torch.distributions import Normal
from torch.nn.functional import cross_entropy

from lightning_modules.losses import caption_cross_entropy, free_bits, reconstruction_nll
from lightning_modules.losses.terms import to_unit_interval

PAD = 0


def _captions() -> tuple[torch.Tensor, torch.Tensor]:
    targets_NL = torch.tensor([[4, 2, 1, PAD, PAD], [3, 3, 5, 2, 1], [1, PAD, PAD, PAD, PAD]])
    return torch.randn(3, 5, 6), targets_NL


def test_cross_entropy_is_that_of_a_loop_over_captions() -> None:
    logits_NLV, targets_NL = _captions()
    expected = []
    for logits_LV, targets_L in zip(logits_NLV, targets_NL, strict=True):
        words = [i for i in range(5) if targets_L[i] != PAD]
        probabilities = [logits_LV[i].exp()[targets_L[i]] / logits_LV[i].exp().sum() for i in words]
        expected.append(-sum(math.log(probability) for probability in probabilities))
    nats_N, _ = caption_cross_entropy(logits_NLV[targets_NL != PAD], targets_NL, pad_id=PAD)
    torch.testing.assert_close(nats_N, torch.tensor(expected))


def test_cross_entropy_of_no_knowledge_is_the_logarithm_of_the_vocabulary() -> None:
    _, targets_NL = _captions()
    nats_N, _ = caption_cross_entropy(torch.zeros(9, 6), targets_NL, pad_id=PAD)
    torch.testing.assert_close(nats_N, torch.tensor([3, 5, 1]) * math.log(6))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_padding_changes_no_cross_entropy(label_smoothing: float) -> None:
    logits_NLV, targets_NL = _captions()
    logits_WV = logits_NLV[targets_NL != PAD]
    longer_NL = torch.cat([targets_NL, torch.full((3, 4), PAD)], dim=1)
    nats, with_padding = (
        caption_cross_entropy(logits_WV, targets, pad_id=PAD, label_smoothing=label_smoothing)
        for targets in (targets_NL, longer_NL)
    )
    assert torch.equal(with_padding.caption_N, nats.caption_N)
    assert torch.equal(with_padding.smoothed_N, nats.smoothed_N)


def test_smoothed_labels_ask_for_a_share_of_every_word() -> None:
    logits_NLV, targets_NL = _captions()
    logits_WV = logits_NLV[targets_NL != PAD]
    log_p_WV = logits_WV.log_softmax(dim=-1)
    labels_WV = torch.full((9, 6), 0.3 / 6)
    labels_WV[torch.arange(9), targets_NL[targets_NL != PAD]] += 0.7
    nats = caption_cross_entropy(logits_WV, targets_NL, pad_id=PAD, label_smoothing=0.3)
    torch.testing.assert_close(nats.smoothed_N.sum(), -(labels_WV * log_p_WV).sum())
    torch.testing.assert_close(nats.caption_N, caption_cross_entropy(logits_WV, targets_NL, pad_id=PAD).smoothed_N)


def test_cross_entropy_is_summed_in_full_precision() -> None:
    logits_NLV, targets_NL = _captions()
    halved_WV = logits_NLV[targets_NL != PAD].bfloat16()
    torch.testing.assert_close(
        caption_cross_entropy(halved_WV, targets_NL, pad_id=PAD),
        caption_cross_entropy(halved_WV.float(), targets_NL, pad_id=PAD),
        rtol=0,
        atol=0,
    )


NO_PAD = -1
"""The padding of captions of a single word, which need none."""


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_cross_entropy_and_its_gradient_are_those_of_pytorch(label_smoothing: float) -> None:
    logits_WV, targets_W, weight_W = 5 * torch.randn(7, 11), torch.randint(11, (7,)), torch.randn(7)
    ours_WV, theirs_WV = (logits_WV.clone().requires_grad_() for _ in range(2))
    nats = caption_cross_entropy(ours_WV, targets_W.unsqueeze(1), pad_id=NO_PAD, label_smoothing=label_smoothing)
    expected_W = cross_entropy(theirs_WV, targets_W, reduction="none", label_smoothing=label_smoothing)
    torch.testing.assert_close(nats.smoothed_N, expected_W)
    (nats.smoothed_N @ weight_W).backward()
    (expected_W @ weight_W).backward()
    torch.testing.assert_close(ours_WV.grad, theirs_WV.grad)


def test_half_precision_logits_get_a_gradient_like_themselves() -> None:
    logits_WV, targets_W = torch.randn(7, 11).bfloat16(), torch.randint(11, (7,))
    ours_WV, theirs_WV = logits_WV.clone().requires_grad_(), logits_WV.float().requires_grad_()
    nats_N, _ = caption_cross_entropy(ours_WV, targets_W.unsqueeze(1), pad_id=NO_PAD)
    expected_W = cross_entropy(theirs_WV, targets_W, reduction="none")
    assert nats_N.dtype == torch.float32
    torch.testing.assert_close(nats_N, expected_W)
    nats_N.sum().backward()
    expected_W.sum().backward()
    assert ours_WV.grad is not None
    assert theirs_WV.grad is not None
    assert ours_WV.grad.dtype == torch.bfloat16
    torch.testing.assert_close(ours_WV.grad, theirs_WV.grad.bfloat16())


def test_impossible_words_leave_no_nan() -> None:
    logits_WV = torch.tensor([[0.0, 0.0, -float("inf")]], requires_grad=True)
    nats_N, _ = caption_cross_entropy(logits_WV, torch.tensor([[0]]), pad_id=NO_PAD)
    assert nats_N.item() == pytest.approx(math.log(2))
    nats_N.sum().backward()
    assert logits_WV.grad is not None
    torch.testing.assert_close(logits_WV.grad, torch.tensor([[-0.5, 0.5, 0.0]]))


def test_no_words_have_no_nats() -> None:
    logits_WV = torch.zeros(0, 5, requires_grad=True)
    nats = caption_cross_entropy(logits_WV, torch.zeros(0, 1, dtype=torch.long), pad_id=NO_PAD, label_smoothing=0.2)
    assert nats.caption_N.shape == nats.smoothed_N.shape == (0,)
    nats.smoothed_N.sum().backward()
    assert logits_WV.grad is not None


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_reconstruction_is_the_negative_log_likelihood_of_a_normal_distribution(scale: float) -> None:
    reconstructed, images = torch.rand(4, 3, 5, 5), torch.rand(4, 3, 5, 5)
    expected_N = -Normal(reconstructed, scale).log_prob(images).flatten(1).sum(dim=1)
    torch.testing.assert_close(reconstruction_nll(reconstructed, images, scale=scale), expected_N)


def test_reconstruction_with_the_default_scale_is_pi_times_the_squared_error() -> None:
    images = torch.rand(2, 3, 4, 4)
    assert reconstruction_nll(images, images).tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    off_by_half = reconstruction_nll(images + 0.5, images)
    assert off_by_half.tolist() == pytest.approx([math.pi * 48 * 0.25] * 2)
    expected_N = -Normal(images + 0.5, 1 / math.sqrt(2 * math.pi)).log_prob(images).flatten(1).sum(dim=1)
    torch.testing.assert_close(off_by_half, expected_N)


def test_reconstruction_refuses_shapes_that_would_broadcast() -> None:
    with pytest.raises(AssertionError):
        reconstruction_nll(torch.rand(2, 3, 4, 4), torch.rand(2, 1, 4, 4))


def test_free_bits_by_hand() -> None:
    kl_Z = torch.tensor([0.1, 0.5, 2.0])
    assert free_bits(kl_Z, 0.0).item() == pytest.approx(2.6)
    assert free_bits(kl_Z, 0.3).item() == pytest.approx(0.3 + 0.5 + 2.0)
    assert free_bits(kl_Z, 1.0).item() == pytest.approx(1.0 + 1.0 + 2.0)


def test_free_bits_leave_no_gradient_below_them() -> None:
    kl_Z = torch.tensor([0.2, 3.0], requires_grad=True)
    free_bits(kl_Z, 0.5).backward()
    assert kl_Z.grad is not None
    assert kl_Z.grad.tolist() == [0.0, 1.0]


def test_images_are_averaged_down() -> None:
    images_BCHW = torch.tensor([0, 255, 255, 255], dtype=torch.uint8).view(1, 1, 2, 2).expand(2, 3, 2, 2)
    assert to_unit_interval(images_BCHW, size=1).tolist() == [[[[0.75]]] * 3] * 2
    assert to_unit_interval(images_BCHW, size=2)[0, 0].tolist() == [[0.0, 1.0], [1.0, 1.0]]
