"""Words that are predicted for an image: what attention reads of them, and what trains them."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from lightning_modules import VariationalCaptioner
from lightning_modules.losses import PredictedWordsTerm
from lightning_modules.networks import CaptionerOutput
from lightning_modules.networks.memories import PredictedWords, WordLogits
from tests.lightning_modules.networks.tiny_captioner import tiny_captioner
from tests.tiny_run import build_tiny, run_tiny, scalars

CHOICES = ("model/memory=predicted_words", "model/loss/terms=predicted_words", "model/image_decoder=none")


def _words(**settings: float) -> PredictedWords:
    return PredictedWords(width=3, memory_dim=5, word_ids=[7, 4, 9, 2], num_words=3, **settings)


def test_the_likeliest_words_are_read_as_much_as_they_are_likely() -> None:
    words = _words(num_places=2).eval()
    logits_BA, memory_BKW = words(torch.randn(4, 6, 3))
    assert words.ids_A.tolist() == [7, 4, 9]
    assert memory_BKW.shape == (4, 2, 5)
    for logits_A, memory_KW in zip(logits_BA, memory_BKW, strict=True):
        likeliest = logits_A.argsort(descending=True)[:2]
        expected = words.embedding.weight[likeliest] * logits_A[likeliest].sigmoid().unsqueeze(1)
        torch.testing.assert_close(memory_KW, expected)


def test_words_are_hidden_as_a_whole_in_training() -> None:
    words = _words(num_places=3, dropout=0.0, word_dropout=0.5).train()
    features_BPD = torch.randn(1, 6, 3).expand(400, -1, -1)
    _, memory_BKW = words(features_BPD)
    is_hidden_BK = (memory_BKW == 0).all(dim=-1)
    assert is_hidden_BK.float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(memory_BKW[~is_hidden_BK], words.eval()(features_BPD)[1][~is_hidden_BK])


@pytest.mark.parametrize("settings", [{"num_places": 0}, {"num_words": 0}])
def test_refuses_to_predict_nothing(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"model\.memory\.num_\w+ must be at least 1, got 0"):
        PredictedWords(**{"width": 3, "memory_dim": 5, "word_ids": [7], **settings})


def _output(words: WordLogits | None) -> CaptionerOutput:
    network = tiny_captioner()
    targets_NL = torch.tensor([[4, 9, 4], [0, 0, 0], [9, 0, 0], [7, 2, 0]])
    features_BPD = torch.randn(4, network.encoder.positions, network.encoder.width)
    latents = network.latents(features_BPD, torch.arange(4))._replace(words=words)
    return CaptionerOutput(
        torch.zeros(6, 14), targets_NL, latents, None, torch.zeros(4), torch.zeros(6, 2), features_BPD
    )


def test_the_term_is_cross_entropy_with_the_share_of_the_captions_that_have_a_word() -> None:
    logits_MA = torch.randn(2, 3)
    output = _output(WordLogits(logits_MA, torch.tensor([7, 4, 9])))
    plain_N = PredictedWordsTerm(gamma=0.0)(output)
    share_MA = torch.tensor([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5]])
    expected_M = binary_cross_entropy_with_logits(logits_MA, share_MA, reduction="none").sum(dim=1)
    torch.testing.assert_close(plain_N.view(2, 2).mean(dim=1), expected_M)
    p_A = logits_MA[0].sigmoid()
    absent_A = -p_A.square() * (1 - p_A).log()
    torch.testing.assert_close(PredictedWordsTerm(gamma=2.0)(output)[1], absent_A.sum())


def test_the_term_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="is of what model/memory=predicted_words predicts; add it"):
        PredictedWordsTerm()(_output(None))


def test_a_run_predicts_words_and_explains_captions_by_the_image_alone(tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "test=false", choices=[*CHOICES, "model/decoder=transformer", "metrics=rouge"])
    curves = scalars(run.events)
    assert {"train/nats/predicted_words", "val/nats/predicted_words", "val/rouge_score/rougeL"} <= curves.keys()
    captioner, datamodule = build_tiny(tmp_path / "built", choices=[*CHOICES, "model/decoder=transformer"])
    assert isinstance(captioner, VariationalCaptioner)
    batch = next(iter(datamodule.val_dataloader()))
    features_BPD = captioner.eval().encode(batch.images_BCHW)
    places = captioner.sample_latents(features_BPD).memory_MPD.shape[1]
    assert places == features_BPD.shape[1] + captioner.network.latents.words.num_places
    generated = captioner.generate(features_BPD)
    explained = captioner.explain(features_BPD, generated.tokens_NL)
    assert explained.attention_NLP is not None
    assert explained.attention_NLP.shape[-1] == features_BPD.shape[1]
    is_word_NL = generated.tokens_NL != captioner.tokenizer.vocabulary.pad_id
    torch.testing.assert_close(explained.attention_NLP.sum(dim=-1), is_word_NL.float())


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("model/latents=spatial", "what SpatialGaussianLatents leaves out"),
        ("model/attention=none", "read by attention"),
    ],
)
def test_refuses_a_model_that_cannot_read_them(choice: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        build_tiny(tmp_path / "run", choices=[*CHOICES, choice])
