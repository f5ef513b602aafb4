from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from captioning import CaptionPipeline
from captioning.pipeline import Description
from datamodules.image_files.keys import file_keys
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Beam, ConstrainedBeam, Greedy, Latent, Sample, Strategy, interpolate_styles
from lightning_modules.networks.latents import LatentCode
from lightning_modules.ranking import Candidates, Likelihood, Ranker
from tests.tiny_run import TinyRun, build_tiny, run_tiny

STRATEGIES: dict[str, Strategy] = {
    "greedy": Greedy(max_length=9),
    "sample": Sample(num=3, temperature=2.0, max_length=9),
    "latent": Latent(num=3, source="prior", vary_content=True, max_length=9),
    "latent, words that differ": Latent(num=3, max_draws=9, temperature=2.0, spread="stratified", max_length=9),
    "latent, those that differ most": Latent(num=3, max_draws=9, source="prior", spread="clusters", diversity=5.0),
}


@pytest.fixture(scope="module")
def pipeline(trained: TinyRun) -> CaptionPipeline:
    return CaptionPipeline.load(trained.best)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.effect_noise((50, 40), 90).convert("RGB").save(path)
    return path


def test_the_seed_decides_what_is_sampled(pipeline: CaptionPipeline, photo: Path) -> None:
    first = pipeline.describe(photo, num=4, seed=1)
    assert pipeline.describe(photo, num=4, seed=1).captions == first.captions
    others = [pipeline.describe(photo, num=4, seed=seed).captions for seed in (2, 3)]
    assert all(other[1:] != first.captions[1:] for other in others)


def test_the_first_caption_is_the_greedy_one(pipeline: CaptionPipeline, photo: Path) -> None:
    for seed in (0, 1):
        description = pipeline.describe(photo, num=3, seed=seed)
        (greedy,) = pipeline.captioner.generate(
            pipeline.captioner.encode(description.image_3HW[None]), Greedy(max_length=8)
        ).captions
        assert description.captions[0] == greedy[0]
        assert len(description.captions) == 3
    assert pipeline.describe(photo, num=1).captions == greedy


def test_settings_reach_the_sampler(pipeline: CaptionPipeline, photo: Path) -> None:
    bold = pipeline.describe(photo, num=6, temperature=5.0).captions
    assert pipeline.describe(photo, num=6).captions != bold
    for settings in ({"top_k": 1}, {"top_p": 1e-6}, {"filter_thres": 0.9999}):
        assert pipeline.describe(photo, num=6, temperature=5.0, **settings).captions != bold
    with pytest.raises(ValueError, match=r"top_p must be above 0 and at most 1, got 2"):
        pipeline.describe(photo, top_p=2.0)
    with pytest.raises(ValueError, match="num must be at least 1, got 0"):
        pipeline.describe(photo, num=0)


def test_the_global_random_state_stays_as_it_was(pipeline: CaptionPipeline, photo: Path) -> None:
    before = torch.get_rng_state()
    pipeline.describe(photo, num=3, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_each_caption_is_reconstructed(pipeline: CaptionPipeline, photo: Path) -> None:
    description = pipeline.describe(photo, num=3)
    assert description.image_3HW.shape == (3, 32, 32)
    assert description.reconstruction_N3HW is not None
    assert description.reconstruction_N3HW.shape == (3, 3, 32, 32)
    greedy = pipeline.captioner.generate(pipeline.captioner.encode(description.image_3HW[None]), Greedy(max_length=8))
    torch.testing.assert_close(description.reconstruction_N3HW[0], pipeline.captioner.reconstruct(greedy.tokens_NL)[0])


def test_describes_an_image_in_styles(photo: Path, tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", choices=["model/latents=gaussian"])  # images have styles of their own
    pipeline = CaptionPipeline.load(run.best)
    Image.new("RGB", (9, 9), "red").save(tmp_path / "red.jpg")
    own, other = pipeline.style_of(photo), pipeline.style_of(tmp_path / "red.jpg")
    assert own.shape == (3,)
    assert not torch.allclose(own, other)
    generated = pipeline.describe_in_styles(photo, interpolate_styles(own[None], other[None], 4))
    assert len(generated.captions) == 4
    assert generated.captions[0] == pipeline.describe(photo, num=1).captions[0]
    assert generated.reconstruction_N3HW is not None
    assert len(generated.reconstruction_N3HW) == 4
    beam = pipeline.describe_in_styles(photo, torch.stack([own, other]), strategy=Beam(num=2))
    assert len(beam.captions) == 4


def test_refuses_what_is_no_image(pipeline: CaptionPipeline, tmp_path: Path) -> None:
    (tmp_path / "words.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"words.jpg: not a usable image"):
        pipeline.describe(tmp_path / "words.jpg")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Noise of three shapes, one of them twice."""
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"{number}.png" for number in range(3)]
    for path, size in zip(paths, ((50, 40), (32, 32), (20, 70)), strict=True):
        Image.effect_noise(size, 90).convert("RGB").save(path)
    return [*paths, paths[0]]


def _columns(description: Description) -> list[tuple[float, ...]]:
    return [*zip(description.log_probabilities, description.scores, description.finished, strict=True)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_generated_of_an_image_is_the_same_alone_and_beside_others(
    pipeline: CaptionPipeline, photos: list[Path], name: str
) -> None:
    together = pipeline.describe_batch(photos, [STRATEGIES[name]], seed=4)
    assert [description.path for description in together] == photos
    assert together[0].captions == together[3].captions
    for path, description in zip(photos, together, strict=True):
        (alone,) = pipeline.describe_batch([path], [STRATEGIES[name]], seed=4)
        assert description.captions == alone.captions
        assert description.num_draws == alone.num_draws
        torch.testing.assert_close(_columns(description), _columns(alone), rtol=1e-4, atol=1e-4)
        assert torch.equal(description.image_3HW, alone.image_3HW)
        torch.testing.assert_close(description.reconstruction_N3HW, alone.reconstruction_N3HW, rtol=1e-4, atol=1e-4)


def test_the_seed_decides_what_is_drawn_of_a_batch(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    strategies = [STRATEGIES["sample"], STRATEGIES["latent"]]
    first, again, other = (pipeline.describe_batch(photos, strategies, seed=seed) for seed in (1, 1, 2))
    assert [d.captions for d in first] == [d.captions for d in again]
    assert all(one.captions[:3] != two.captions[:3] for one, two in zip(first, other, strict=True))


def test_draws_of_strategies_that_select_add_up(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    names = ("sample", "latent, words that differ", "latent, those that differ most")
    alone = [pipeline.describe_batch(photos, [STRATEGIES[name]], seed=4) for name in names]
    together = pipeline.describe_batch(photos, [STRATEGIES[name] for name in names], seed=4)
    for sampled, different, most, description in zip(*alone, together, strict=True):
        assert sampled.num_draws is None
        assert different.num_draws is not None
        assert 3 <= different.num_draws <= 9
        assert most.num_draws == 9
        assert description.num_draws == different.num_draws + 9


def test_captions_come_in_the_order_of_the_strategies(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    strategies = [STRATEGIES["latent"], Beam(num=2, max_length=9), STRATEGIES["sample"]]
    together = pipeline.describe_batch(photos, strategies, seed=4)
    each = [pipeline.describe_batch(photos, [strategy], seed=4) for strategy in strategies]
    for number, description in enumerate(together):
        parts = [generated[number] for generated in each]
        assert [len(part.captions) for part in parts] == [3, 2, 3]
        assert description.captions == [caption for part in parts for caption in part.captions]
        assert _columns(description) == [column for part in parts for column in _columns(part)]
        assert torch.equal(_reconstruction_of(description), torch.cat([_reconstruction_of(part) for part in parts]))


def _reconstruction_of(description: Description) -> Tensor:
    assert description.reconstruction_N3HW is not None
    return description.reconstruction_N3HW


def test_all_columns_belong_to_the_captions(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    beam, captioner = Beam(num=3, max_length=5), pipeline.captioner
    descriptions = pipeline.describe_batch(photos, [Greedy(max_length=5), beam])
    images_BCHW = torch.stack([description.image_3HW for description in descriptions])
    greedy, beams = (
        captioner.generate(captioner.encode(images_BCHW), strategy) for strategy in (Greedy(max_length=5), beam)
    )
    for number, description in enumerate(descriptions):
        rows = slice(3 * number, 3 * number + 3)
        assert description.captions == [*greedy.captions[number], *beams.captions[number]]
        for ours, column in (
            (description.log_probabilities, "log_probability_N"),
            (description.scores, "score_N"),
            (description.finished, "finished_N"),
        ):
            assert ours == [getattr(greedy, column)[number].item(), *getattr(beams, column)[rows].tolist()]
        tokens_NL = [greedy.tokens_NL[number : number + 1], beams.tokens_NL[rows]]
        reconstructed = torch.cat([captioner.reconstruct(tokens) for tokens in tokens_NL])
        torch.testing.assert_close(_reconstruction_of(description), reconstructed, rtol=1e-4, atol=1e-4)


def test_styles_are_made_of_the_images_own(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    given: list[Tensor] = []

    def own_and_next(style: LatentCode) -> Tensor:
        style_BS = style.sample
        given.append(style_BS)
        return torch.stack([style_BS, style_BS.roll(-1, dims=0)], dim=1).flatten(0, 1)

    descriptions = pipeline.describe_batch(photos, [Greedy(max_length=9), Beam(max_length=9)], styles=own_and_next)
    own_BS = torch.stack([pipeline.style_of(path) for path in photos])
    torch.testing.assert_close(given[0], own_BS, rtol=1e-4, atol=1e-5)
    assert len(given) == 1
    for number, description in enumerate(descriptions):
        styles = own_BS[[number, (number + 1) % len(photos)]]
        greedy, beams = (
            pipeline.describe_in_styles(photos[number], styles, strategy=strategy).captions
            for strategy in (Greedy(max_length=9), Beam(max_length=9))
        )
        assert description.captions == [*greedy, *beams]


class ByText(Ranker):
    """Puts the captions into alphabetical order, wherever they stand."""

    def __init__(self) -> None:
        self.seen: list[Candidates] = []

    def __call__(self, captioner: VariationalCaptioner, candidates: Candidates) -> Tensor:
        self.seen.append(candidates)
        captions = [caption for of_image in candidates.generated.captions for caption in of_image]
        order = sorted({*captions}, reverse=True)
        return torch.tensor([float(order.index(caption)) for caption in captions])


def test_a_ranker_brings_the_captions_of_each_strategy_into_its_order(
    pipeline: CaptionPipeline, photos: list[Path]
) -> None:
    strategies, ranker = [STRATEGIES["sample"], STRATEGIES["latent"], Beam(num=2, max_length=9)], ByText()
    plain = pipeline.describe_batch(photos, strategies, seed=4)
    ranked = pipeline.describe_batch(photos, strategies, seed=4, ranker=ranker)
    assert len(ranker.seen) == 3
    for one, other in zip(plain, ranked, strict=True):
        order = [n for part in (range(3), range(3, 6), range(6, 8)) for n in sorted(part, key=one.captions.__getitem__)]
        assert other.captions == [one.captions[number] for number in order]
        assert other.log_probabilities == [one.log_probabilities[number] for number in order]
        assert other.finished == [one.finished[number] for number in order]
        torch.testing.assert_close(_reconstruction_of(other), _reconstruction_of(one)[order], rtol=1e-4, atol=1e-4)
        for part in (slice(0, 3), slice(3, 6), slice(6, 8)):
            assert other.scores[part] == sorted(other.scores[part], reverse=True)
    for candidates in ranker.seen:
        assert torch.equal(candidates.images_BCHW, torch.stack([d.image_3HW for d in plain]))
        torch.testing.assert_close(candidates.features_BPD, pipeline.captioner.encode(candidates.images_BCHW))
        assert candidates.keys is not None
        assert candidates.keys().tolist() == [[*file_keys(path)] for path in photos]  # by which a copy is known


def test_a_rankers_scores_are_told(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    strategies = [Greedy(max_length=9), STRATEGIES["sample"]]
    for description in pipeline.describe_batch(photos, strategies, ranker=Likelihood(length_penalty=0)):
        assert description.scores == description.log_probabilities


def test_words_may_differ_between_images(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    beam, constraints = ConstrainedBeam(beam_size=4, max_length=12), [["circle"], ["square"], [], ["red"]]
    descriptions = pipeline.describe_batch(photos, [beam], words=constraints)
    for description, words in zip(descriptions, constraints, strict=True):
        assert all(word in description.captions[0].split() for word in words)


def test_nothing_is_reconstructed_unless_required_and_possible(
    pipeline: CaptionPipeline, photos: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def refuse(tokens_NL: Tensor) -> Tensor:
        raise AssertionError("not to be reconstructed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.captioner, "reconstruct", refuse)
        descriptions = pipeline.describe_batch(photos, [Greedy(max_length=9)], reconstruct=False)
    assert [description.reconstruction_N3HW for description in descriptions] == [None] * len(photos)
    choices = ["model/image_decoder=none"]
    blind = CaptionPipeline(build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=choices)[0])
    descriptions = blind.describe_batch(photos, [Greedy(max_length=9)])
    assert [description.reconstruction_N3HW for description in descriptions] == [None] * len(photos)


def test_a_batch_leaves_the_global_random_state_as_it_was(pipeline: CaptionPipeline, photos: list[Path]) -> None:
    before = torch.get_rng_state()
    pipeline.describe_batch(photos, [*STRATEGIES.values()], ranker=Likelihood())
    assert torch.equal(torch.get_rng_state(), before)
