"""The order that scores give; and every option of `conf/ranking` ranks what a tiny captioner says."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from datamodules.split import CaptionSplit
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Beam, Latent, Sample, Strategy
from lightning_modules.inference import GeneratedBatch
from lightning_modules.losses import caption_cross_entropy
from lightning_modules.networks.latents import Latents
from lightning_modules.networks.latents.latents import sample_latent
from lightning_modules.networks.latents.sources import MEAN
from lightning_modules.ranking import Candidates, Ranker, best_first
from tests.tiny_run import ROOT, build_tiny

NUM = 4
OPTIONS = sorted(path.stem for path in (ROOT / "conf/ranking").glob("*.yaml"))


def _generated(*, captions_of_code: int = 1, places_of: str = "image") -> GeneratedBatch:
    """Four captions of each of three images; every number tells which caption or code it belongs to."""
    num_captions = 3 * NUM
    codes = num_captions // captions_of_code
    places = {"image": 3, "code": codes}[places_of]
    return GeneratedBatch(
        [[f"{image}{caption}" for caption in range(NUM)] for image in range(3)],
        10 * torch.arange(num_captions).unsqueeze(1) + torch.arange(5),
        -torch.arange(num_captions).float(),
        torch.zeros(num_captions),
        torch.arange(num_captions) % 3 == 0,
        Latents(
            sample_latent(torch.randn(codes, 6), MEAN),
            sample_latent(torch.randn(codes, 4), MEAN),
            torch.randn(places, 2, 7),
        ),
        torch.tensor([4, 7, 5]),
    )


def _order(score_N: Tensor) -> list[int]:
    """Return the captions' numbers in their new order, by Python's stable sort."""
    scores = score_N.tolist()
    images = [range(first, first + NUM) for first in range(0, len(scores), NUM)]
    return [n for numbers in images for n in sorted(numbers, key=lambda n: scores[n], reverse=True)]


def _places_that_a_caption_sees(latents: Latents) -> Tensor:
    each = len(latents.style.sample) // len(latents.memory_MPD)
    return latents.memory_MPD.repeat_interleave(each, dim=0)


def test_captions_and_all_that_belongs_to_them_stand_by_falling_score() -> None:
    generated, score_N = _generated(), torch.tensor([0.0, 3, 1, 2, 5, -1, 0, 7, 1, 2, 3, 4])
    ranked = best_first(generated, score_N)
    assert ranked.captions == [["01", "03", "02", "00"], ["13", "10", "12", "11"], ["23", "22", "21", "20"]]
    order = [1, 3, 2, 0, 7, 4, 6, 5, 11, 10, 9, 8]
    assert (ranked.tokens_NL[:, 0] // 10).tolist() == order
    assert ranked.log_probability_N.tolist() == [-number for number in order]
    assert ranked.score_N.tolist() == [3, 2, 1, 0, 7, 5, 0, -1, 4, 3, 2, 1]
    assert ranked.finished_N.tolist() == [number % 3 == 0 for number in order]
    assert torch.equal(ranked.latents.style.sample, generated.latents.style.sample[order])
    assert [image.num_draws for image in ranked.by_image()] == [4, 7, 5]
    assert [image.first(1).num_draws for image in ranked.by_image()] == [4, 7, 5]


def test_equal_scores_stay_in_their_order() -> None:
    generated = _generated()
    assert best_first(generated, torch.full((12,), 2.0)).captions == generated.captions
    ranked = best_first(generated, torch.tensor([1.0, 2, 1, 2, 0, 0, 0, 1, 3, 3, 2, 3]))
    assert ranked.captions == [["01", "03", "00", "02"], ["13", "10", "11", "12"], ["20", "21", "23", "22"]]


@pytest.mark.parametrize("captions_of_code", [1, 2, 4])
@pytest.mark.parametrize("places_of", ["image", "code"])
def test_each_caption_keeps_its_code_and_its_places(captions_of_code: int, places_of: str) -> None:
    generated = _generated(captions_of_code=captions_of_code, places_of=places_of)
    for _ in range(5):
        score_N = torch.randint(3, (12,)).float()
        before, after = generated.latents, best_first(generated, score_N).latents
        code_of_caption = [number // captions_of_code for number in _order(score_N)]
        for part_before, part_after in ((before.style, after.style), (before.content, after.content)):
            assert torch.equal(part_after.sample, part_before.sample[code_of_caption])
            assert torch.equal(part_after.posterior.mean, part_before.posterior.mean[code_of_caption])
            assert torch.equal(part_after.kl, part_before.kl[code_of_caption])
        seen_before, seen_after = _places_that_a_caption_sees(before), _places_that_a_caption_sees(after)
        assert torch.equal(seen_after, seen_before[code_of_caption])


@pytest.mark.parametrize("latents", ["pooled", "spatial"])
@pytest.mark.parametrize(
    "strategy",
    [
        Sample(num=4, max_length=9),
        Beam(num=4, max_length=9),
        Latent(num=4, vary_content=True, max_length=9),
        Latent(num=4, max_draws=9, temperature=1.0, vary_content=True, max_length=9),
    ],
    ids=["sample", "beam", "latent", "latent, selected"],
)
def test_ranked_captions_have_the_probability_of_teacher_forcing_from_their_codes(
    latents: str, strategy: Strategy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    choices = ["model/latents=spatial"] if latents == "spatial" else []
    captioner = build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=choices)[0].eval()
    images_BCHW = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)
    ranked = best_first(captioner.generate(captioner.encode(images_BCHW), strategy), torch.randn(12))
    vocabulary, network = captioner.tokenizer.vocabulary, captioner.network
    first_N1 = torch.full((12, 1), vocabulary.prefix[-1])
    with torch.no_grad():
        words_NLE = network.embedding(torch.cat([first_N1, ranked.tokens_NL[:, :-1]], dim=1))
        hidden_NLH, _ = network.decoder_text.advance(words_NLE, network.start(ranked.latents))
        nats_N, _ = caption_cross_entropy(
            network.middle(hidden_NLH)[ranked.tokens_NL != vocabulary.pad_id],
            ranked.tokens_NL,
            pad_id=vocabulary.pad_id,
        )
    torch.testing.assert_close(ranked.log_probability_N, -nats_N, rtol=1e-4, atol=1e-4)
    assert captioner.tokenizer.decode_batch(ranked.tokens_NL) == [text for texts in ranked.captions for text in texts]


def _composed(option: str, folder: Path) -> DictConfig:
    index = {"consensus": "index", "diverse": "index", "mix": "rankers.consensus.index"}.get(option)
    files = [f"ranking.{index}={folder / 'index.npz'}"] if index else []
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", [f"+ranking={option}", *files]).ranking


@pytest.mark.parametrize("option", OPTIONS)
def test_option_composes_builds_and_ranks(
    option: str, captioner: VariationalCaptioner, training: CaptionSplit, candidates: Candidates, tmp_path: Path
) -> None:
    config = _composed(option, tmp_path)
    if option == "none":
        assert config == {}
        return
    ranker = instantiate(config)
    assert isinstance(ranker, Ranker)
    ranker.prepare(captioner, lambda: training)
    score_N = ranker(captioner, candidates)
    assert score_N.shape == candidates.generated.score_N.shape
    assert score_N.dtype == torch.float32
    assert score_N.isfinite().all()
    assert score_N.unique().numel() > 1
    ranked = best_first(candidates.generated, score_N)
    assert [sorted(texts) for texts in ranked.captions] == [sorted(texts) for texts in candidates.generated.captions]
    assert (ranked.score_N.view(3, NUM).diff(dim=1) <= 0).all()
