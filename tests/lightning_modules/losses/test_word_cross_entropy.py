import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_modules.losses import word_cross_entropy as module
from lightning_modules.losses.word_cross_entropy import word_cross_entropy


@pytest.fixture(params=[1, 3, 100], ids="{} words a chunk".format)
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", request.param * 11)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_values_and_gradients_are_those_of_pytorch(label_smoothing: float) -> None:
    logits_WV, targets_W, weight_W = 5 * torch.randn(7, 11), torch.randint(11, (7,)), torch.randn(7)
    ours_WV, theirs_WV = (logits_WV.clone().requires_grad_() for _ in range(2))
    nats = word_cross_entropy(ours_WV, targets_W)
    smoothed_W = nats.word_W.lerp(nats.uniform_W, label_smoothing)
    expected_W = cross_entropy(theirs_WV, targets_W, reduction="none", label_smoothing=label_smoothing)
    torch.testing.assert_close(smoothed_W, expected_W)
    (smoothed_W @ weight_W).backward()
    (expected_W @ weight_W).backward()
    torch.testing.assert_close(ours_WV.grad, theirs_WV.grad)


@pytest.mark.usefixtures("chunks")
def test_half_precision_logits_are_summed_in_full_precision_and_get_a_gradient_like_themselves() -> None:
    logits_WV, targets_W = torch.randn(7, 11).bfloat16(), torch.randint(11, (7,))
    ours_WV, theirs_WV = logits_WV.clone().requires_grad_(), logits_WV.float().requires_grad_()
    nats_W = word_cross_entropy(ours_WV, targets_W).word_W
    expected_W = cross_entropy(theirs_WV, targets_W, reduction="none")
    assert nats_W.dtype == torch.float32
    torch.testing.assert_close(nats_W, expected_W)
    nats_W.sum().backward()
    expected_W.sum().backward()
    assert ours_WV.grad is not None
    assert theirs_WV.grad is not None
    assert ours_WV.grad.dtype == torch.bfloat16
    torch.testing.assert_close(ours_WV.grad, theirs_WV.grad.bfloat16())


def test_impossible_words_cost_infinitely_much_and_leave_no_nan() -> None:
    logits_WV = torch.tensor([[0.0, 0.0, -float("inf")]], requires_grad=True)
    nats = word_cross_entropy(logits_WV, torch.tensor([0]))
    assert nats.word_W.item() == pytest.approx(torch.tensor(2.0).log().item())
    nats.word_W.sum().backward()
    assert logits_WV.grad is not None
    torch.testing.assert_close(logits_WV.grad, torch.tensor([[-0.5, 0.5, 0.0]]))


def test_no_words_have_no_nats() -> None:
    logits_WV = torch.zeros(0, 5, requires_grad=True)
    nats = word_cross_entropy(logits_WV, torch.zeros(0, dtype=torch.long))
    assert nats.word_W.shape == nats.uniform_W.shape == (0,)
    nats.word_W.sum().backward()
    assert logits_WV.grad is not None
