"""Several captioners as one: the mean of their word probabilities, whatever they are."""

import re
import sys
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from lightning_modules import CaptioningModule, Ensemble, VariationalCaptioner
from lightning_modules.generation import (
    Beam,
    ConstrainedBeam,
    DiverseBeam,
    Greedy,
    Latent,
    LatentSampling,
    Sample,
    Strategy,
)
from lightning_modules.inference import sample_latents
from lightning_modules.ranking import Candidates, Consensus, TrainingIndex
from tests.tiny_run import ROOT, build_tiny
from utils.seeding import generators_of

STRATEGIES: dict[str, Strategy] = {
    "greedy": Greedy(max_length=9),
    "sample": Sample(num=3, max_length=9),
    "beam": Beam(num=2, max_length=9),
    "diverse beam": DiverseBeam(num=4, beam_size=4, num_groups=2, max_length=9),
    "constrained beam": ConstrainedBeam(words=["circle"], max_length=9),
    "latent, those that differ most": Latent(
        num=2, max_draws=5, temperature=1.0, diversity=3.0, vary_content=True, max_length=9
    ),
}
DRAWN = ("sample", "latent, those that differ most")


@pytest.fixture(scope="module")
def gru(tmp_path_factory: pytest.TempPathFactory) -> VariationalCaptioner:
    torch.manual_seed(0)
    return build_tiny(tmp_path_factory.mktemp("runs") / "gru", choices=["model/latents=gaussian"])[0].eval()


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> VariationalCaptioner:
    """Another decoder, latents without pooling, and images of another size."""
    torch.manual_seed(1)
    choices = ["model/latents=spatial", "model/decoder=transformer", "model/image_decoder=none"]
    folder = tmp_path_factory.mktemp("runs") / "transformer"
    return build_tiny(folder, "data.image_size=40", choices=choices)[0].eval()


@pytest.fixture(scope="module")
def my_lab() -> ModuleType:
    """A family of models of someone else's."""
    sys.path.insert(0, str(ROOT / "tests/extensions/packages"))
    try:
        import my_lab.colour_captioner
    finally:
        sys.path.pop(0)
    return my_lab.colour_captioner


@pytest.fixture(scope="module")
def ensemble(gru: VariationalCaptioner, transformer: VariationalCaptioner) -> Ensemble:
    return Ensemble([gru, transformer])


@pytest.fixture(name="images_BCHW")
def _images() -> Tensor:
    return torch.randint(256, (3, 3, 40, 40), dtype=torch.uint8)


def _coloured(my_lab: ModuleType, like: CaptioningModule) -> CaptioningModule:
    captioner: CaptioningModule = my_lab.ColourCaptioner(
        hidden_size=4,
        optimizer={},
        generation={"_target_": "lightning_modules.generation.Greedy"},
        tokenizer=like.tokenizer.to_json(),
        image_size=32,
    )
    return captioner


def _seen(member: CaptioningModule, images_BCHW: Tensor) -> Tensor:
    """Return a member's own features of images, which are made as large as its own."""
    size = [member.image_size, member.image_size]
    return member.encode(v2.functional.resize(images_BCHW, size, v2.InterpolationMode.BICUBIC, antialias=True))


@pytest.mark.parametrize("name", STRATEGIES)
def test_equal_members_generate_what_one_does(gru: VariationalCaptioner, images_BCHW: Tensor, name: str) -> None:
    twice, strategy = Ensemble([gru, deepcopy(gru)]), STRATEGIES[name]
    expected = gru.generate(_seen(gru, images_BCHW), strategy, generators=generators_of([1, 2, 3]))
    generated = twice.generate(twice.encode(images_BCHW), strategy, generators=generators_of([1, 2, 3]))
    assert generated.captions == expected.captions
    assert torch.equal(generated.tokens_NL, expected.tokens_NL)
    torch.testing.assert_close(generated.log_probability_N, expected.log_probability_N)
    torch.testing.assert_close(generated.score_N, expected.score_N)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_probability_of_each_word_is_the_mean_of_the_members(
    ensemble: Ensemble, gru: VariationalCaptioner, transformer: VariationalCaptioner, images_BCHW: Tensor, name: str
) -> None:
    members, strategy = (gru, transformer), STRATEGIES[name]
    features_B1X = ensemble.encode(images_BCHW)
    generated = ensemble.generate(features_B1X, strategy, generators=generators_of([1, 2, 3]))
    by_member = [
        member.explain(_seen(member, images_BCHW), generated.tokens_NL, codes).predictions.log_probability_NL
        for member, codes in zip(members, generated.latents.codes, strict=True)
    ]
    mean_NL = torch.stack(by_member).double().exp().mean(dim=0).log()
    explained = ensemble.explain(features_B1X, generated.tokens_NL, generated.latents)
    torch.testing.assert_close(explained.predictions.log_probability_NL.double(), mean_NL, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generated.log_probability_N.double(), mean_NL.sum(dim=1), rtol=1e-4, atol=1e-5)
    if name == "greedy":  # no word is forbidden but the special ones
        assert torch.equal(explained.predictions.likeliest_NL, generated.tokens_NL)


def test_each_member_draws_codes_of_its_own(ensemble: Ensemble, images_BCHW: Tensor) -> None:
    features_B1X = ensemble.encode(images_BCHW)
    generated = ensemble.generate(features_B1X, STRATEGIES["sample"], generators=generators_of([1, 2, 3]))
    alone = ensemble.generate(features_B1X[2:], STRATEGIES["sample"], generators=generators_of([3]))
    assert alone.captions[0] == generated.captions[2]
    sampling = LatentSampling(num=3, style_scale=1.0, content_scale=1.0)
    for member, codes in zip(ensemble.members, generated.latents.codes, strict=True):
        own = sample_latents(
            member.network.latents, _seen(member, images_BCHW), sampling, generators=generators_of([1, 2, 3])
        )
        torch.testing.assert_close(codes.style.sample, own.style.sample)


def test_likelihood_is_the_mean_over_common_draws(
    ensemble: Ensemble, gru: VariationalCaptioner, transformer: VariationalCaptioner, images_BCHW: Tensor
) -> None:
    tokens_NL = ensemble.generate(ensemble.encode(images_BCHW)).tokens_NL
    nats_NB = ensemble.log_likelihood(ensemble.encode(images_BCHW), tokens_NL, 2, generators_of([1, 2, 3]))
    for image in range(3):
        words_MKNL = []
        for member in (gru, transformer):
            latents = sample_latents(
                member.network.latents,
                _seen(member, images_BCHW[image : image + 1]),
                LatentSampling(num=2, style_scale=1.0, content_scale=1.0),
                generators=generators_of([image + 1]),
            )
            rows = torch.arange(2).repeat_interleave(len(tokens_NL))
            words = member.network.word_predictions(latents.select(rows), tokens_NL.repeat(2, 1)).log_probability_NL
            words_MKNL.append(words.detach().double().unflatten(0, (2, -1)))
        nats_KN = torch.stack(words_MKNL).exp().mean(dim=0).log().sum(dim=2)
        expected_N = nats_KN.exp().mean(dim=0).log()
        torch.testing.assert_close(nats_NB[:, image].double(), expected_N, rtol=1e-4, atol=1e-4)


def test_another_family_is_a_member_as_well(gru: VariationalCaptioner, my_lab: ModuleType, images_BCHW: Tensor) -> None:
    ensemble = Ensemble([_coloured(my_lab, gru), gru])
    features_B1X = ensemble.encode(images_BCHW)
    generated = ensemble.generate(features_B1X, Beam(num=2, max_length=9))
    assert [len(captions) for captions in generated.captions] == [2, 2, 2]
    explained = ensemble.explain(features_B1X, generated.tokens_NL, generated.latents)
    assert explained.attention_NLP is None  # one of them cannot tell
    torch.testing.assert_close(explained.predictions.log_probability_NL.sum(dim=1), generated.log_probability_N)


def test_captions_are_read_at_once_as_they_are_word_by_word(
    ensemble: Ensemble, my_lab: ModuleType, images_BCHW: Tensor
) -> None:
    features_B1X = ensemble.encode(images_BCHW)
    tokens_NL = ensemble.generate(features_B1X, STRATEGIES["sample"]).tokens_NL[:5]
    image_of_caption_N = torch.tensor([0, 0, 0, 1, 2])  # not equally many of each
    colour = _coloured(my_lab, ensemble.members[0])
    mixed = Ensemble([*ensemble.members, colour])  # one of which reads word by word
    nats_WV = mixed.word_distributions(mixed.encode(images_BCHW), tokens_NL, image_of_caption_N)
    features_N1X = mixed.encode(images_BCHW)[image_of_caption_N]
    predictions = mixed.explain(features_N1X, tokens_NL).predictions
    is_word_NL = tokens_NL != mixed.tokenizer.vocabulary.pad_id
    nats_W = nats_WV.gather(1, tokens_NL[is_word_NL].unsqueeze(1)).squeeze(1)
    torch.testing.assert_close(nats_W, predictions.log_probability_NL[is_word_NL], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(nats_WV.logsumexp(dim=1), torch.zeros(len(nats_WV)), rtol=0, atol=1e-5)


def test_attention_is_the_mean_where_all_look_at_the_same_places(
    ensemble: Ensemble, gru: VariationalCaptioner, images_BCHW: Tensor
) -> None:
    tokens_NL = gru.generate(_seen(gru, images_BCHW)).tokens_NL
    assert ensemble.explain(ensemble.encode(images_BCHW), tokens_NL).attention_NLP is None  # of two grids
    other = deepcopy(gru)
    with torch.no_grad():
        for parameter in other.network.decoder_text.parameters():
            parameter.mul_(3)
    both = Ensemble([gru, other])
    explained = both.explain(both.encode(images_BCHW), tokens_NL)
    each = [member.explain(_seen(member, images_BCHW), tokens_NL).attention_NLP for member in (gru, other)]
    torch.testing.assert_close(explained.attention_NLP, (each[0] + each[1]) / 2)
    assert explained.grid == gru.network.encoder.grid
    with pytest.raises(ValueError, match="equally many captions of each of 3 samples"):
        both.explain(both.encode(images_BCHW), tokens_NL[:2])


def test_images_are_encoded_once_for_members_of_one_encoder(
    ensemble: Ensemble, gru: VariationalCaptioner, images_BCHW: Tensor
) -> None:
    other = deepcopy(gru)
    with torch.no_grad():
        other.network.middle.requires_grad_(False).apply(lambda part: [p.mul_(2) for p in part.parameters(False)])
    both = Ensemble([gru, other])
    assert both.encode(images_BCHW).shape[-1] == _seen(gru, images_BCHW)[0].numel()
    torch.testing.assert_close(both.reconstruct(torch.tensor([[9]])).shape, gru.reconstruct(torch.tensor([[9]])).shape)
    assert not ensemble.can_reconstruct
    with pytest.raises(ValueError, match="cannot reconstruct"):
        ensemble.reconstruct(torch.tensor([[9]]))


def test_neighbours_are_found_by_the_vectors_of_all_members(
    ensemble: Ensemble,
    gru: VariationalCaptioner,
    transformer: VariationalCaptioner,
    images_BCHW: Tensor,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pooled_BD = ensemble.pooled_features(ensemble.encode(images_BCHW))
    each = [_seen(member, images_BCHW).mean(dim=1) for member in (gru, transformer)]
    expected_BD = torch.cat([vectors / vectors.norm(dim=1, keepdim=True) for vectors in each], dim=1)
    torch.testing.assert_close(pooled_BD, expected_BD)
    training = build_tiny(tmp_path_factory.mktemp("runs") / "data")[1].splits["train"]
    TrainingIndex.make(ensemble, training).save(tmp_path / "index.npz")
    ranker = Consensus(index=tmp_path / "index.npz", num_nearest=2)
    ranker.prepare(ensemble, None)
    features_B1X = ensemble.encode(images_BCHW)
    candidates = Candidates(images_BCHW, features_B1X, ensemble.generate(features_B1X, STRATEGIES["beam"]))
    assert ranker(ensemble, candidates).shape == (6,)
    with pytest.raises(ValueError, match="another encoder"):
        ranker.prepare(gru, None)


def test_other_words_and_styles_are_refused(
    ensemble: Ensemble, gru: VariationalCaptioner, tmp_path_factory: pytest.TempPathFactory, images_BCHW: Tensor
) -> None:
    folder = tmp_path_factory.mktemp("runs") / "other"
    other = build_tiny(folder, "tokenizer.min_count=4", choices=["tokenizer=word"])[0]
    sizes = f"{len(gru.tokenizer.tokens)} and {len(other.tokenizer.tokens)} tokens"
    with pytest.raises(ValueError, match=re.escape(f"a.ckpt and b.ckpt: their tokenizers differ ({sizes})")):
        Ensemble([gru, other], ["a.ckpt", "b.ckpt"])
    with pytest.raises(ValueError, match="no style of its own"):
        ensemble.generate(ensemble.encode(images_BCHW), style_NS=torch.zeros(3, 3))
    with pytest.raises(ValueError, match="at least one captioner"):
        Ensemble([])
