"""The flow through the whole network, with each option that changes it."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from datamodules.tokenizers import Vocabulary
from lightning_modules.losses import caption_cross_entropy, reconstruction_nll
from lightning_modules.networks import Captioner
from lightning_modules.networks.captioner import CaptionerOutput, logits_of_captions
from lightning_modules.networks.decoders import Decoder
from tests.lightning_modules.networks.tiny_captioner import (
    BOS,
    CLS,
    EOS,
    PAD,
    VOCABULARY,
    WITH_CLS,
    tiny_captioner,
    tiny_images,
)

FLOWS: list[tuple[str, ...]] = [
    (),
    ("model/decoder=lstm",),
    ("model/attention=luong",),
    ("model/decoder=transformer",),
    ("model/decoder=transformer", "model/latents=spatial"),
    ("model/attention=luong", "model/latents=spatial"),
    ("model/relaxation=expected",),
]
RELAXATIONS = ["expected", "gumbel"]
IMAGE_OF_CAPTION_N = torch.tensor([0, 0, 1])
EVERY = torch.arange(3)


def _captions(vocabulary: Vocabulary, padding: int = 0) -> Tensor:
    words = [[5, 6, 7, 8, EOS], [9, 5, EOS, PAD, PAD], [13, EOS, PAD, PAD, PAD]]
    return torch.tensor([[*vocabulary.prefix, *row, *[PAD] * padding] for row in words])


def _run(captioner: Captioner, tokens_NL: Tensor, reconstruct_R: Tensor = EVERY) -> CaptionerOutput:
    """Run the network on two images, with the noise that a fixed seed gives."""
    torch.manual_seed(3)
    features_BPD = captioner.encoder(tiny_images(2))
    return captioner(features_BPD, tokens_NL, IMAGE_OF_CAPTION_N, reconstruct_R=reconstruct_R)


def _logits(output: CaptionerOutput) -> Tensor:
    """The logits of all captions, 0 at padding: `logits_NLV`."""
    return logits_of_captions(output.logits_WV, output.targets_NL != PAD, torch.arange(len(output.targets_NL)))


@pytest.fixture(params=FLOWS, ids=" ".join)
def choices(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@pytest.mark.parametrize("vocabulary", [VOCABULARY, WITH_CLS])
def test_the_word_after_each_is_predicted_and_the_prefix_never(vocabulary: Vocabulary) -> None:
    output = _run(tiny_captioner(vocabulary=vocabulary), _captions(vocabulary))
    assert output.logits_WV.shape == (5 + 3 + 2, vocabulary.size)
    assert output.targets_NL.tolist() == [[5, 6, 7, 8, EOS], [9, 5, EOS, PAD, PAD], [13, EOS, PAD, PAD, PAD]]
    assert not {BOS, CLS} & {*output.targets_NL.flatten().tolist()}
    assert output.reconstruction_RCHW is not None
    assert output.reconstruction_RCHW.shape[:2] == (3, 3)


@pytest.mark.parametrize("vocabulary", [VOCABULARY, WITH_CLS])
def test_teacher_forcing_is_the_computation_of_generation(choices: tuple[str, ...], vocabulary: Vocabulary) -> None:
    captioner, tokens_NL = tiny_captioner(*choices, vocabulary=vocabulary).eval(), _captions(vocabulary)
    output = _run(captioner, tokens_NL)
    state = captioner.start(output.latents)
    for t in range(5):
        logits_NV, state = captioner.step(tokens_NL[:, t + len(vocabulary.prefix) - 1], state)
        said_N = output.targets_NL[:, t] != PAD
        torch.testing.assert_close(logits_NV[said_N], _logits(output)[said_N, t])


def test_a_word_is_predicted_from_those_before_it_alone(choices: tuple[str, ...]) -> None:
    blind = () if "model/latents=spatial" in choices else ("model/latents=gaussian",)  # S reads no caption
    captioner, tokens_NL = tiny_captioner(*choices, *blind).eval(), _captions(VOCABULARY)
    before = _run(captioner, tokens_NL)
    tokens_NL[:, 3:] = torch.where(tokens_NL[:, 3:] == PAD, PAD, 11)
    after = _run(captioner, tokens_NL)
    torch.testing.assert_close(_logits(after)[:, :3], _logits(before)[:, :3])
    assert not torch.allclose(_logits(after)[:, 3:], _logits(before)[:, 3:])


def test_longer_padding_changes_no_loss_and_no_gradient(choices: tuple[str, ...]) -> None:
    found = []
    for padding in (0, 4):
        torch.manual_seed(1)
        captioner = tiny_captioner(*choices).eval()  # without the noise of training, which longer padding would shift
        output = _run(captioner, _captions(VOCABULARY, padding))
        assert output.reconstruction_RCHW is not None
        caption_N, _ = caption_cross_entropy(output.logits_WV, output.targets_NL, pad_id=PAD)
        reconstruction_R = reconstruction_nll(
            output.reconstruction_RCHW, torch.full_like(output.reconstruction_RCHW, 0.5)
        )
        (caption_N.sum() + reconstruction_R.sum()).backward()
        gradients = {name: p.grad for name, p in captioner.named_parameters() if p.grad is not None}
        found.append((caption_N, reconstruction_R, gradients))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)


def test_reading_without_padding_changes_no_loss_and_no_gradient(
    choices: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for read in (None, Decoder.read):  # the decoder's own, and that of decoders that read padding
        torch.manual_seed(1)
        captioner = tiny_captioner(*choices).eval()
        if read is not None:
            monkeypatch.setattr(type(captioner.decoder_text), "read", read)
        output = _run(captioner, _captions(VOCABULARY)[[1, 0, 2]])
        assert output.reconstruction_RCHW is not None
        caption_N, _ = caption_cross_entropy(output.logits_WV, output.targets_NL, pad_id=PAD)
        (caption_N.sum() + output.reconstruction_RCHW.square().sum()).backward()
        gradients = {name: p.grad for name, p in captioner.named_parameters() if p.grad is not None}
        found.append((output.logits_WV, output.reconstruction_RCHW, gradients))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)


def test_logits_of_captions_are_put_side_by_side() -> None:
    logits_WV = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    is_word_NL = torch.tensor([[True, True, False], [False, False, False], [True, False, False]])
    logits_RLV = logits_of_captions(logits_WV, is_word_NL, torch.tensor([2, 1, 0]))
    nothing = [0, 0]
    assert logits_RLV.tolist() == [[[5, 6], nothing, nothing], [nothing] * 3, [[1, 2], [3, 4], nothing]]


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_reconstruction_alone_trains_the_words(relaxation: str) -> None:
    choices = ("model/latents=gaussian", f"model/relaxation={relaxation}", "model.relaxation.teacher_forcing_ratio=0")
    captioner = tiny_captioner(*choices)
    output = _run(captioner, _captions(VOCABULARY))
    assert output.reconstruction_RCHW is not None
    reconstruction_nll(output.reconstruction_RCHW, torch.rand_like(output.reconstruction_RCHW)).mean().backward()
    for stage in ("middle", "decoder_text", "combiner", "latents", "encoder", "embedding"):
        grads = [parameter.grad for parameter in getattr(captioner, stage).parameters()]
        assert all(grad is not None and grad.isfinite().all() for grad in grads), stage
        assert sum(grad.abs().sum().item() for grad in grads if grad is not None) > 0, stage


def test_only_the_captions_that_were_asked_for_are_reconstructed() -> None:
    captioner = tiny_captioner("model/relaxation=expected").eval()
    every = _run(captioner, _captions(VOCABULARY)).reconstruction_RCHW
    some = _run(captioner, _captions(VOCABULARY), reconstruct_R=torch.tensor([2, 0])).reconstruction_RCHW
    assert every is not None
    assert some is not None
    torch.testing.assert_close(some, every[[2, 0]])


def test_an_image_is_reconstructed_from_certain_words_as_from_finished_sentences() -> None:
    captioner, tokens_NL = tiny_captioner().eval(), _captions(VOCABULARY)
    captioner.relaxation.forward = lambda logits_NLV, targets_NL, step: one_hot(
        tokens_NL[:, 1:], VOCABULARY.size
    ).float()
    reconstruction_RCHW = _run(captioner, tokens_NL).reconstruction_RCHW
    assert reconstruction_RCHW is not None
    torch.testing.assert_close(captioner.reconstruct(tokens_NL[:, 1:]), reconstruction_RCHW)


def test_the_training_step_reaches_the_relaxation() -> None:
    captioner, steps = tiny_captioner(), []
    captioner.relaxation.register_forward_pre_hook(lambda module, args: steps.append(args[2]))
    captioner(
        captioner.encoder(tiny_images(2)), _captions(VOCABULARY), IMAGE_OF_CAPTION_N, reconstruct_R=EVERY, step=41
    )
    assert steps == [41]


def test_without_image_decoder_nothing_is_reconstructed() -> None:
    captioner = tiny_captioner("model/image_decoder=none")
    assert _run(captioner, _captions(VOCABULARY)).reconstruction_RCHW is None
    with pytest.raises(ValueError, match=r"no image decoder \(model/image_decoder=none\), so it cannot reconstruct"):
        captioner.reconstruct(_captions(VOCABULARY))


def test_the_names_of_both_decoders_and_no_others_begin_with_decoder() -> None:
    captioner = tiny_captioner("model/attention=luong")
    stages = {name.split(".")[0] for name in captioner.state_dict() if "decoder_" in name}
    assert stages == {"decoder_text", "decoder_image"}
    others = {name.split(".")[0] for name in captioner.state_dict()} - stages
    assert {"encoder", "latents", "combiner", "embedding", "middle"} <= others


def test_generation_goes_on_from_selected_states(choices: tuple[str, ...]) -> None:
    captioner = tiny_captioner(*choices).eval()
    output = _run(captioner, _captions(VOCABULARY))
    state = captioner.start(output.latents)
    rows = torch.tensor([2, 2, 0])
    tokens_N = torch.tensor([4, 5, 6])
    logits_NV, _ = captioner.step(tokens_N[rows], state.select(rows))
    torch.testing.assert_close(logits_NV, captioner.step(tokens_N, state)[0][rows])
