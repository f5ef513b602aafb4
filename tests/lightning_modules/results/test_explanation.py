"""How a model comes to each word: what `explain` tells is what generation computes."""

import pytest
import torch

from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, VariationalCaptioner
from lightning_modules.generation import Greedy, Latent, Sample
from lightning_modules.networks.attentions import Attention
from lightning_modules.ranking.ranker import best_first
from lightning_modules.results.explanation import explained_words
from tests.tiny_run import build_tiny

CHOICES = [
    ("model/decoder=gru", "model/attention=luong"),
    ("model/decoder=lstm", "model/attention=multi_head"),
    ("model/decoder=transformer", "model/attention=multi_head"),
    ("model/decoder=transformer", "model/attention=none"),
    ("model/latents=spatial", "model/attention=luong"),
    ("model/latents=conditional", "tokenizer=bpe"),
]


@pytest.fixture(scope="module", params=CHOICES, ids=" ".join)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[VariationalCaptioner, CaptionBatch]:
    torch.manual_seed(0)
    captioner, datamodule = build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=request.param)
    return captioner.eval(), next(iter(datamodule.val_dataloader()))


@pytest.fixture
def captioner(built: tuple[VariationalCaptioner, CaptionBatch]) -> VariationalCaptioner:
    return built[0]


@pytest.fixture
def features_BPD(built: tuple[VariationalCaptioner, CaptionBatch]) -> torch.Tensor:
    return built[0].encode(built[1].images_BCHW)


@pytest.mark.parametrize("strategy", [Greedy(max_length=8), Sample(num=3, max_length=8), Latent(num=3, max_length=8)])
def test_words_are_as_likely_as_in_generation(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor, strategy: Greedy
) -> None:
    generated = captioner.generate(features_BPD, strategy)
    predictions = captioner.explain(features_BPD, generated.tokens_NL, generated.latents).predictions
    is_word_NL = generated.tokens_NL != captioner.tokenizer.vocabulary.pad_id
    torch.testing.assert_close(predictions.log_probability_NL.sum(dim=1), generated.log_probability_N)
    assert predictions.log_probability_NL[~is_word_NL].abs().sum() == 0
    assert (predictions.log_probability_NL <= predictions.likeliest_log_probability_NL).all()
    is_likeliest_NL = predictions.log_probability_NL == predictions.likeliest_log_probability_NL
    assert torch.equal(is_likeliest_NL, predictions.likeliest_NL == generated.tokens_NL)
    assert torch.equal(
        captioner.network.log_probability(
            _repeated(captioner, generated.latents, generated.tokens_NL), generated.tokens_NL
        ),
        predictions.log_probability_NL.sum(dim=1),
    )


def _repeated(captioner: VariationalCaptioner, latents: object, tokens_NL: torch.Tensor) -> object:
    num = len(latents.style.sample)
    return latents.select(torch.arange(num).repeat_interleave(len(tokens_NL) // num))


def test_attention_is_what_the_decoder_saw_step_by_step(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    generated = captioner.generate(features_BPD, Sample(num=2, max_length=8))
    explanation = captioner.explain(features_BPD, generated.tokens_NL, generated.latents)
    looks = [module for module in captioner.modules() if isinstance(module, Attention)]
    if not looks:
        assert explanation.attention_NLP is None
        return
    rows, columns = explanation.grid
    assert rows * columns == features_BPD.shape[1] == explanation.attention_NLP.shape[-1]
    is_word_NL = generated.tokens_NL != captioner.tokenizer.vocabulary.pad_id
    torch.testing.assert_close(explanation.attention_NLP.sum(dim=-1), is_word_NL.float())
    seen: list[torch.Tensor] = []
    hooks = [look.register_forward_hook(lambda look, given, _: seen.append(look.weights(*given))) for look in looks]
    state = captioner.network.start(_repeated(captioner, generated.latents, generated.tokens_NL))
    token_N = torch.full((len(generated.tokens_NL),), captioner.tokenizer.vocabulary.prefix[-1])
    for t in range(generated.tokens_NL.shape[1]):
        seen.clear()
        _, state = captioner.network.step(token_N, state)
        token_N = generated.tokens_NL[:, t]
        expected_NP = torch.cat(seen, dim=1).mean(dim=1)
        torch.testing.assert_close(explanation.attention_NLP[:, t][is_word_NL[:, t]], expected_NP[is_word_NL[:, t]])
    for hook in hooks:
        hook.remove()


def test_a_ranked_order_keeps_each_caption_with_its_latents(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    generated = captioner.generate(features_BPD, Latent(num=3, latent_scale=3.0, max_length=8))
    ranked = best_first(generated, torch.rand(len(generated.tokens_NL)))
    explanation = captioner.explain(features_BPD, ranked.tokens_NL, ranked.latents)
    torch.testing.assert_close(explanation.predictions.log_probability_NL.sum(dim=1), ranked.log_probability_N)


def test_without_latents_they_are_the_images_means_and_attention_can_be_left_out(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    generated = captioner.generate(features_BPD, Greedy(max_length=8))
    explanation = captioner.explain(features_BPD, generated.tokens_NL, attention=False)
    torch.testing.assert_close(explanation.predictions.log_probability_NL.sum(dim=1), generated.log_probability_N)
    assert explanation.attention_NLP is None
    with pytest.raises(ValueError, match=r"equally many captions of each of \d samples of the latents, got 1"):
        captioner.explain(features_BPD, generated.tokens_NL[:1])


def test_words_are_told_with_their_probability_and_grid(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    generated = captioner.generate(features_BPD, Sample(num=4, max_length=8))
    explanation = captioner.explain(features_BPD, generated.tokens_NL, generated.latents)
    explained = explained_words(captioner.tokenizer, generated.tokens_NL, explanation)
    texts = [text for of_image in generated.captions for text in of_image]
    for words, text, nats, finished in zip(
        explained, texts, generated.log_probability_N.tolist(), generated.finished_N.tolist(), strict=True
    ):
        assert "".join(" " * word.spaced + word.text for word in words).strip() == text
        assert sum(word.log_probability for word in words) == pytest.approx(nats, rel=1e-4)
        assert (words[-1].text == "") is finished
        assert all(0 < word.probability <= 1 for word in words)
        for word in words:
            assert (word.attention_HW is None) is (explanation.attention_NLP is None)
            if word.attention_HW is not None:
                assert word.attention_HW.shape == explanation.grid
                assert word.attention_HW.sum().item() == pytest.approx(1, abs=1e-5)


def test_places_that_form_no_grid_have_no_attention_to_lay_over_an_image(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated = captioner.generate(features_BPD, Greedy(max_length=8))
    monkeypatch.setattr(captioner.network.encoder, "positions", 6)
    explanation = captioner.explain(features_BPD, generated.tokens_NL, generated.latents)
    assert explanation.grid is None
    words = [
        word
        for of_caption in explained_words(captioner.tokenizer, generated.tokens_NL, explanation)
        for word in of_caption
    ]
    assert {word.attention_HW for word in words} == {None}


def test_the_means_of_captions_latents_do_not_depend_on_chance(
    built: tuple[VariationalCaptioner, CaptionBatch], features_BPD: torch.Tensor
) -> None:
    captioner, batch = built
    style = captioner.latents_of_captions(features_BPD, batch.references, latent_scale=0).style
    assert torch.equal(style.sample, style.posterior.mean)
    own_BS = captioner.sample_latents(features_BPD).style.sample
    image_of_caption_N = torch.arange(len(own_BS)).repeat_interleave(torch.tensor([*map(len, batch.references)]))
    alike = torch.allclose(style.sample, own_BS[image_of_caption_N])
    assert alike is not captioner.latents_read_captions


def test_other_families_say_that_they_cannot() -> None:
    assert not CaptioningModule.can_explain

    class Silent(CaptioningModule):
        def encode(self, images_BCHW):
            return images_BCHW

        def generate(self, features_BPD, strategy=None, **settings):
            raise NotImplementedError

    with pytest.raises(ValueError, match="Silent cannot explain its captions"):
        Silent().explain(torch.zeros(1), torch.zeros(1, 1))
    assert not Silent().latents_read_captions
