"""What a captioner says from codes: drawn, given, and with words that it must say."""

import re
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor

from lightning_modules import VariationalCaptioner
from lightning_modules.base import GeneratedBatch
from lightning_modules.generation import (
    Beam,
    ConstrainedBeam,
    DiverseBeam,
    Greedy,
    Latent,
    LatentSampling,
    Pool,
    Sample,
    Strategy,
    interpolate_styles,
    traverse_style,
)
from lightning_modules.losses import caption_cross_entropy
from lightning_modules.networks.attentions import Attention
from lightning_modules.networks.latents import SpatialGaussianLatents
from tests.tiny_run import build_tiny
from utils.seeding import generators_of

CHOICES: dict[str, tuple[str, ...]] = {
    "gru": ("model/latents=gaussian",),
    "transformer": ("model/latents=gaussian", "model/decoder=transformer"),
    "spatial": ("model/latents=spatial",),
    "bpe": ("model/latents=gaussian", "tokenizer=bpe", "model/decoder=transformer"),
}
STRATEGIES: dict[str, Strategy] = {
    "greedy": Greedy(max_length=9),
    "sample": Sample(num=3, max_length=9),
    "beam": Beam(num=2, max_length=9),
    "diverse beam": DiverseBeam(num=4, beam_size=4, num_groups=2, max_length=9),
    "constrained beam": ConstrainedBeam(words=["circle"], max_length=9),
    "latent": Latent(num=3, max_length=9),
    "latent, by beams": Latent(num=3, source="prior", beam_size=2, vary_content=True, max_length=9),
    "latent, stratified": Latent(num=3, source="prior", spread="stratified", max_length=9),
    "latent, clusters": Latent(num=3, source="prior", spread="clusters", max_length=9),
    "latent, sampled words that differ": Latent(num=3, max_draws=7, temperature=0.1, max_length=9),
    "pool": Pool(
        strategies={
            "beam": Beam(num=2, max_length=9),
            "sample": Sample(num=3, temperature=0.5, max_length=7),
            "latent": Latent(num=2, source="prior", vary_content=True, max_length=9),
        }
    ),
    "latent, those that differ most": Latent(
        num=2, max_draws=7, temperature=1.0, diversity=3.0, vary_content=True, max_length=9
    ),
}
SAMPLING = [name for name, strategy in STRATEGIES.items() if isinstance(strategy, Latent | Sample | Pool)]


@pytest.fixture(scope="module", params=CHOICES)
def captioner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VariationalCaptioner:
    torch.manual_seed(0)
    return build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=CHOICES[request.param])[0].eval()


@pytest.fixture(name="images_BCHW")
def _images() -> Tensor:
    return torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return STRATEGIES[request.param]


def _contains(caption: str, words: str) -> bool:
    return re.search(rf"\b{words.lower()}\b", caption) is not None


def test_generates_as_many_captions_as_required_image_by_image(
    captioner: VariationalCaptioner, images_BCHW: Tensor, strategy: Strategy
) -> None:
    generated = captioner.generate(captioner.encode(images_BCHW), strategy)
    assert [len(captions) for captions in generated.captions] == [strategy.num] * 3
    assert len(generated.tokens_NL) == len(generated.score_N) == len(generated.finished_N) == 3 * strategy.num
    assert captioner.tokenizer.decode_batch(generated.tokens_NL) == [
        text for texts in generated.captions for text in texts
    ]
    assert len(generated.latents.style.sample) == 3 * min(strategy.num, strategy.latents.num)


def test_captions_have_the_probability_of_teacher_forcing_from_their_codes(
    captioner: VariationalCaptioner, images_BCHW: Tensor, strategy: Strategy
) -> None:
    generated, vocabulary, network = (
        captioner.generate(captioner.encode(images_BCHW), strategy),
        captioner.tokenizer.vocabulary,
        captioner.network,
    )
    num_latents = len(generated.latents.style.sample)
    rows = torch.arange(num_latents).repeat_interleave(len(generated.tokens_NL) // num_latents)
    first_N1 = torch.full((len(rows), 1), vocabulary.prefix[-1])
    words_NLE = network.embedding(torch.cat([first_N1, generated.tokens_NL[:, :-1]], dim=1))
    with torch.no_grad():
        hidden_NLH, _ = network.decoder_text.advance(words_NLE, network.start(generated.latents).select(rows))
        nats_N, _ = caption_cross_entropy(
            network.middle(hidden_NLH)[generated.tokens_NL != vocabulary.pad_id],
            generated.tokens_NL,
            pad_id=vocabulary.pad_id,
        )
    torch.testing.assert_close(generated.log_probability_N, -nats_N, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SAMPLING)
def test_what_an_image_samples_does_not_depend_on_those_beside_it(
    captioner: VariationalCaptioner, images_BCHW: Tensor, name: str
) -> None:
    features_BPD = captioner.encode(images_BCHW)
    together = captioner.generate(features_BPD, STRATEGIES[name], generators=generators_of([1, 2, 3]))
    for image, seed in ((2, 3), (0, 1)):
        alone = captioner.generate(features_BPD[image : image + 1], STRATEGIES[name], generators=generators_of([seed]))
        assert alone.captions[0] == together.captions[image]
        assert alone.by_image()[0].num_draws == together.by_image()[image].num_draws


def test_captions_are_drawn_until_enough_differ(captioner: VariationalCaptioner, images_BCHW: Tensor) -> None:
    features_BPD = captioner.encode(images_BCHW)

    def generate(num: int, max_draws: int | None) -> GeneratedBatch:
        latent = Latent(num=num, max_draws=max_draws, temperature=0.3, max_length=3)
        return captioner.generate(features_BPD, latent, generators=generators_of([1, 2, 3]))

    every, selected = generate(30, None), generate(4, 30)
    assert every.num_draws_B is None
    assert selected.num_draws_B is not None
    for drawn, kept, num_draws, style_FS, style_XS in zip(
        every.by_image(),
        selected.by_image(),
        selected.num_draws_B.tolist(),
        selected.latents.style.sample.chunk(3),
        every.latents.style.sample.chunk(3),
        strict=True,
    ):
        tokens = drawn.tokens_NL.tolist()
        different = [number for number, caption in enumerate(tokens) if caption not in tokens[:number]]
        assert kept.captions == [drawn.captions[number] for number in different[:4]]
        assert num_draws == different[3] + 1 == kept.num_draws
        assert torch.equal(style_FS, style_XS[different[:4]])


def test_draws_of_given_styles_add_up(captioner: VariationalCaptioner, images_BCHW: Tensor) -> None:
    latent = Latent(num=2, max_draws=5, temperature=3.0, max_length=9)
    style_NS = torch.randn(3, 2, 3).repeat_interleave(5, dim=1).flatten(0, 1)  # two of each image, five times
    generated = captioner.generate(captioner.encode(images_BCHW), latent, style_NS=style_NS)
    assert [len(captions) for captions in generated.captions] == [4, 4, 4]
    assert torch.equal(generated.latents.style.sample, style_NS.view(3, 2, 5, 3)[:, :, :2].reshape(12, 3))
    assert generated.num_draws_B is not None
    assert ((generated.num_draws_B >= 4) & (generated.num_draws_B <= 10)).all()
    with pytest.raises(ValueError, match="max_draws must be null where styles are given"):
        captioner.generate(captioner.encode(images_BCHW), latent, style_NS=torch.randn(6, 3))


@pytest.mark.parametrize("name", ["greedy", "beam", "diverse beam", "constrained beam"])
def test_an_images_captions_do_not_depend_on_those_beside_it(
    captioner: VariationalCaptioner, images_BCHW: Tensor, name: str
) -> None:
    together = captioner.generate(captioner.encode(images_BCHW), STRATEGIES[name])
    alone = [captioner.generate(captioner.encode(image_CHW[None]), STRATEGIES[name]) for image_CHW in images_BCHW]
    assert together.captions == [generated.captions[0] for generated in alone]
    torch.testing.assert_close(
        together.score_N, torch.cat([generated.score_N for generated in alone]), rtol=1e-4, atol=1e-4
    )


def test_every_caption_contains_the_required_words(captioner: VariationalCaptioner, images_BCHW: Tensor) -> None:
    beam = ConstrainedBeam(beam_size=6, num=2, max_length=16)
    for words in (["circle"], ["Purple", "grey square"], [["cyan"], [], ["small triangle", "green"]], []):
        generated = captioner.generate(captioner.encode(images_BCHW), beam, words=words)
        of_image = words if words and isinstance(words[0], list) else [words] * 3
        for captions, constraints in zip(generated.captions, of_image, strict=True):
            assert all(_contains(caption, word) for caption in captions for word in constraints)


def test_words_come_from_the_strategys_settings_or_from_the_call(
    captioner: VariationalCaptioner, images_BCHW: Tensor
) -> None:
    strategy = ConstrainedBeam(words=["circle"], max_length=9)
    assert all(
        _contains(captions[0], "circle")
        for captions in captioner.generate(captioner.encode(images_BCHW), strategy).captions
    )
    for captions in captioner.generate(captioner.encode(images_BCHW), strategy, words=["square"]).captions:
        assert _contains(captions[0], "square")
    free = captioner.generate(captioner.encode(images_BCHW), strategy, words=[])
    assert free.captions == captioner.generate(captioner.encode(images_BCHW), Beam(beam_size=10, max_length=9)).captions


def test_refuses_words_that_cannot_be_generated(captioner: VariationalCaptioner, images_BCHW: Tensor) -> None:
    beam = ConstrainedBeam(max_length=9)
    if captioner.tokenizer.vocabulary.unk_id is not None:
        with pytest.raises(ValueError, match=r"words: the model's vocabulary has no 'circel', .*; it has circle"):
            captioner.generate(captioner.encode(images_BCHW), beam, words=["red circel"])
    with pytest.raises(ValueError, match="words: expected words to generate, got ' '"):
        captioner.generate(captioner.encode(images_BCHW), beam, words=[" "])
    with pytest.raises(ValueError, match=r"expected words for each of 3 images, or one list for all, got 2 lists"):
        captioner.generate(captioner.encode(images_BCHW), beam, words=[["red"], ["red"]])
    with pytest.raises(ValueError, match=r"words need a strategy .* generation=constrained_beam; got Greedy"):
        captioner.generate(captioner.encode(images_BCHW), Greedy(), words=["red"])


def test_the_style_of_one_image_with_the_content_of_another(
    captioner: VariationalCaptioner, images_BCHW: Tensor
) -> None:
    own = captioner.sample_latents(captioner.encode(images_BCHW))
    swapped = captioner.generate(
        captioner.encode(images_BCHW), Greedy(max_length=9), style_NS=own.style.sample.roll(1, dims=0)
    )
    assert torch.equal(swapped.latents.style.sample, own.style.sample.roll(1, dims=0))
    torch.testing.assert_close(swapped.latents.content.sample, swapped.latents.content.posterior.mean)
    back = captioner.generate(captioner.encode(images_BCHW), Greedy(max_length=9), style_NS=own.style.sample)
    assert back.captions == captioner.generate(captioner.encode(images_BCHW), Greedy(max_length=9)).captions


def test_styles_between_and_along_and_as_numbers(captioner: VariationalCaptioner, images_BCHW: Tensor) -> None:
    style_BS = captioner.sample_latents(captioner.encode(images_BCHW)).style.sample
    for style_NS, num in (
        (interpolate_styles(style_BS, style_BS.roll(1, dims=0), 4), 4),
        (traverse_style(style_BS, 2, [-3, 0, 3]), 3),
        (torch.tensor([[0.5, -1.0, 2.0]] * 3), 1),
    ):
        generated = captioner.generate(captioner.encode(images_BCHW), Beam(num=2, max_length=9), style_NS=style_NS)
        assert [len(captions) for captions in generated.captions] == [2 * num] * 3
        assert torch.equal(generated.latents.style.sample, style_NS)


@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (0, 3), (3,)])
def test_refuses_styles_of_another_shape(
    captioner: VariationalCaptioner, images_BCHW: Tensor, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"expected styles of 3 numbers, equally many of each of the 3 images, got a"):
        captioner.generate(captioner.encode(images_BCHW), style_NS=torch.zeros(shape))


def test_codes_are_drawn_as_the_strategy_says(captioner: VariationalCaptioner, images_BCHW: Tensor) -> None:
    def codes(num: int = 400, **settings: float | bool) -> tuple[Tensor, Tensor]:
        latents = captioner.sample_latents(captioner.encode(images_BCHW), LatentSampling(num=num, **settings))
        return latents.style.sample.view(3, num, -1), latents.content.sample.view(3, num, -1)

    style_BNS, content_BNC = codes(style_scale=0.7, from_prior=True)
    assert style_BNS.mean(dim=(0, 1)).abs().max() < 0.2
    assert (style_BNS.std(dim=(0, 1)) - 0.7).abs().max() < 0.1
    mean_BNS, mean_BNC = codes(num=2)
    assert torch.equal(mean_BNS[:, 0], mean_BNS[:, 1])
    assert torch.equal(mean_BNC[:, 0], mean_BNC[:, 1])
    style_BNS, content_BNC = codes(style_scale=1.0)
    assert (style_BNS.std(dim=1) > 0).all()
    style_BNS, content_BNC = codes(content_scale=1.0)
    assert (style_BNS.std(dim=1) < 1e-5).all()
    style_BNS, _ = codes(num=256, style_scale=1.0, from_prior=True, strata=256)
    strata_BNS = (torch.special.ndtr(style_BNS) * 256).long().sort(dim=1).values
    assert (strata_BNS == torch.arange(256).view(1, -1, 1)).all()
    style_BNS, _ = codes(num=40, style_scale=1.0, from_prior=True, clustered=True)
    assert ((style_BNS.unsqueeze(2) == style_BNS.unsqueeze(1)).all(dim=3).sum(dim=2) == 1).all()
    assert (content_BNC.std(dim=1) > 1e-3).all()


@pytest.mark.parametrize("source", ["posterior", "prior"])
def test_discrete_styles_of_an_image_differ_by_request(
    images_BCHW: Tensor, tmp_path: Path, source: Literal["posterior", "prior"]
) -> None:
    choices = ["model/latents=categorical_style"]
    captioner = build_tiny(tmp_path / "run", "model.latents.num_codes=3", choices=choices)[0].eval()
    features_BPD = captioner.encode(images_BCHW)
    distinct, any_style = (Latent(num=9, source=source, distinct=distinct, max_length=9) for distinct in (True, False))

    def styles(features_BPD: Tensor, seeds: list[int], strategy: Latent) -> Tensor:
        generated = captioner.generate(features_BPD, strategy, generators=generators_of(seeds))
        assert [len(captions) for captions in generated.captions] == [9] * len(features_BPD)
        assert generated.latents is not None
        return generated.latents.style.sample.unflatten(0, (-1, 9))

    style_BNS = styles(features_BPD, [5, 6, 7], distinct)
    assert [len(style_NS.unique(dim=0)) for style_NS in style_BNS] == [9, 9, 9]  # all that there are
    assert max(len(style_NS.unique(dim=0)) for style_NS in styles(features_BPD, [5, 6, 7], any_style)) < 9
    assert torch.equal(styles(features_BPD[1:2], [6], distinct)[0], style_BNS[1])
    with pytest.raises(ValueError, match=r"distinct needs at least as many .* an image, 10, .* got 3\^2 = 9"):
        captioner.generate(features_BPD, Latent(num=10, distinct=True, max_length=9))


def test_an_images_places_are_prepared_once_for_all_of_its_captions(
    captioner: VariationalCaptioner, images_BCHW: Tensor
) -> None:
    looks = [module for module in captioner.modules() if isinstance(module, Attention)]
    seen: list[int] = []
    hooks = [look.register_forward_pre_hook(lambda module, args: seen.append(len(args[1]))) for look in looks]
    own_places = isinstance(captioner.network.latents, SpatialGaussianLatents)  # drawn with the content of each caption
    for strategy, num in ((Sample(num=7, max_length=5), 7), (Beam(max_length=5), 1), (DiverseBeam(max_length=5), 1)):
        captioner.generate(captioner.encode(images_BCHW), strategy)
        assert {*seen} == {3 * num if own_places else 3}
        seen.clear()
    for hook in hooks:
        hook.remove()
