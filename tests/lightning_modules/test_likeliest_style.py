"""Which mean of a mixture the likeliest caption has, against a search that is written from its definition."""

import math

import pytest
import torch
from torch import Tensor

from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Beam, Greedy, LatentSampling, Pool, Sample
from lightning_modules.inference import LikeliestStyle
from lightning_modules.networks.latents import MEAN, DiagonalGaussian, GaussianMixture, Given, Latents
from tests.tiny_run import build_tiny

MAX_LENGTH = 7
NUM_IMAGES, NUM_CODES, STYLE_DIM = 4, 3, 3  # the last is that of tiny models


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> VariationalCaptioner:
    """Its words depend on S: an untrained model would say the same from all."""
    torch.manual_seed(3)
    choices = ["model/latents=conditional_mixture"]
    folder = tmp_path_factory.mktemp("runs") / "mixture"
    built, _ = build_tiny(folder, f"model.latents.num_components={NUM_CODES}", choices=choices)
    module: VariationalCaptioner = built.eval()
    for parameter in module.network.combiner.parameters():
        parameter.data.mul_(8)
    for parameter in module.network.middle.parameters():
        parameter.data.mul_(3)
    return module


@pytest.fixture(scope="module")
def features_BPD(captioner: VariationalCaptioner) -> Tensor:
    return captioner.encode(
        torch.randint(256, (NUM_IMAGES, 3, captioner.image_size, captioner.image_size), dtype=torch.uint8)
    )


def latents_from(captioner: VariationalCaptioner, features_1PD: Tensor, style_S: Tensor) -> Latents:
    latents: Latents = captioner.network.latents(features_1PD, torch.tensor([0]), Given(style_S.unsqueeze(0)), MEAN)
    return latents


@torch.no_grad()
def by_definition(captioner: VariationalCaptioner, features_1PD: Tensor, mixture: GaussianMixture) -> int:
    """Generate greedily by Σ_k π_k P(w | mean k), reading all words again at each step; return the likeliest k."""
    vocabulary, network = captioner.tokenizer.vocabulary, captioner.network
    means_KS, weight_K = mixture.mean_NKZ[0], mixture.log_weight_NK[0].tolist()
    of_means = [latents_from(captioner, features_1PD, style_S) for style_S in means_KS]
    tokens: list[int] = []
    while len(tokens) < MAX_LENGTH and vocabulary.eos_id not in tokens:
        read_1L = torch.tensor([[*tokens, vocabulary.eos_id]])
        joint_KV = [
            weight + (network.log_probability(latents, torch.tensor([tokens])).item() if tokens else 0.0)
            + network.word_distributions(latents, read_1L)[-1].double()
            for weight, latents in zip(weight_K, of_means, strict=True)
        ]  # fmt: skip
        mixed_V = torch.stack(joint_KV).logsumexp(dim=0)
        forbidden = [*vocabulary.suppressed_ids, *([] if tokens else [vocabulary.eos_id])]
        mixed_V[forbidden] = -math.inf
        tokens.append(int(mixed_V.argmax()))
    nats = [network.log_probability(latents, torch.tensor([tokens])).item() for latents in of_means]
    return max(range(len(nats)), key=lambda code: weight_K[code] + nats[code])


def test_it_is_the_mean_that_the_greedy_caption_of_the_mixture_has(
    captioner: VariationalCaptioner, features_BPD: Tensor
) -> None:
    source = LikeliestStyle(captioner.network, features_BPD, captioner.tokenizer.vocabulary, MAX_LENGTH)
    chosen, heaviest = [], []
    for _ in range(8):
        weight_BK = torch.randn(NUM_IMAGES, NUM_CODES).log_softmax(dim=1)
        mean_BKS = 2 * torch.randn(NUM_IMAGES, NUM_CODES, STYLE_DIM)
        mixture = GaussianMixture(weight_BK, mean_BKS, torch.zeros_like(mean_BKS))
        twice = mixture.select(torch.arange(NUM_IMAGES).repeat_interleave(2))
        with torch.no_grad():
            style_NS = source(twice, twice)
        for image in range(NUM_IMAGES):
            of_image = mixture.select(torch.tensor([image]))
            code = by_definition(captioner, features_BPD[image : image + 1], of_image)
            assert torch.equal(style_NS[2 * image], mixture.mean_NKZ[image, code])
            chosen.append(code)
            heaviest.append(int(weight_BK[image].argmax()))
        assert torch.equal(style_NS[::2], style_NS[1::2])
    assert chosen != heaviest


def test_a_way_to_describe_that_is_shared_out_outweighs_the_heaviest_gaussian(
    captioner: VariationalCaptioner, features_BPD: Tensor
) -> None:
    features_1PD = features_BPD[:1]
    torch.manual_seed(0)
    one_S, other_S = 3 * torch.randn(2, STYLE_DIM)
    captions = [captioner.generate(features_1PD, style_NS=style.unsqueeze(0)).captions for style in (one_S, other_S)]
    assert captions[0][0][0].split()[0] != captions[1][0][0].split()[0]
    mixture = GaussianMixture(
        torch.tensor([[0.4, 0.3, 0.3]]).log(),
        torch.stack([one_S, other_S, other_S])[None],
        torch.zeros(1, NUM_CODES, STYLE_DIM),
    )
    assert torch.equal(mixture.mean[0], one_S)
    source = LikeliestStyle(captioner.network, features_1PD, captioner.tokenizer.vocabulary, MAX_LENGTH)
    with torch.no_grad():
        assert torch.equal(source(mixture, mixture)[0], other_S)


def test_captions_from_the_mean_follow_from_it(captioner: VariationalCaptioner, features_BPD: Tensor) -> None:
    style_BS = captioner.sample_latents(features_BPD).style.sample
    prior = captioner.sample_latents(features_BPD).style.prior
    assert isinstance(prior, GaussianMixture)
    tokenizer = captioner.tokenizer
    source = LikeliestStyle(captioner.network, features_BPD, tokenizer.vocabulary, tokenizer.max_length)
    with torch.no_grad():
        torch.testing.assert_close(style_BS, source(prior, prior))
    for strategy in (Greedy(max_length=8), Beam(max_length=8)):
        own = captioner.generate(features_BPD, strategy)
        assert own.captions == captioner.generate(features_BPD, strategy, style_NS=style_BS).captions
    pool = Pool(strategies={"greedy": Greedy(max_length=8), "sample": Sample(num=2, max_length=8)})
    latents = captioner.generate(features_BPD, pool).latents
    assert isinstance(latents, Latents)
    torch.testing.assert_close(latents.style.sample[::3], style_BS)


def test_one_gaussian_has_one_mean(captioner: VariationalCaptioner, features_BPD: Tensor) -> None:
    gaussian = DiagonalGaussian(torch.randn(NUM_IMAGES, STYLE_DIM), torch.zeros(NUM_IMAGES, STYLE_DIM))
    source = LikeliestStyle(captioner.network, features_BPD, captioner.tokenizer.vocabulary, MAX_LENGTH)
    assert source(gaussian, gaussian) is gaussian.mean


def test_nothing_of_it_is_asked_where_styles_are_drawn(
    captioner: VariationalCaptioner, features_BPD: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Tensor:
        raise AssertionError

    monkeypatch.setattr(LikeliestStyle, "__call__", refuse)
    captioner.sample_latents(features_BPD, LatentSampling(num=2, style_scale=1.0))
    captioner.generate(features_BPD, Sample(num=2, max_length=8))
