import pytest

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, generate_all, with_references
from evaluation.scoring import frequencies_of
from evaluation.trade_off import measure_trade_off
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Latent, Sample
from metrics import ImageCaptions, human_captions, score_captions
from tests.tiny_run import compose_train


def test_each_point_is_the_score_of_its_captions(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    whole = [
        ImageCaptions(image_id, [], [*captions])
        for image_id, captions in zip(split.image_ids, split.captions, strict=True)
    ]
    frequencies = frequencies_of(whole)
    curves = {
        "words": lambda temperature: Sample(num=3, temperature=temperature, max_length=9),
        "codes": lambda scale: Latent(num=3, max_draws=7, latent_scale=scale, max_length=9),
    }
    trade_off = measure_trade_off(
        captioner, batches, split, curves, [2.0, 0.5], num_captions=3, seed=4, frequencies=frequencies
    )
    assert (trade_off.num_images, trade_off.num_captions) == (6, 3)
    assert {name: [point.value for point in points] for name, points in trade_off.curves.items()} == {
        "words": [0.5, 2.0],
        "codes": [0.5, 2.0],
    }
    images = with_references(generate_all(captioner, batches, split, curves["words"](2.0), seed=4), split)
    scores = score_captions(images, frequencies=frequencies)
    point = trade_off.curves["words"][1]
    assert point.mean_cider_d == pytest.approx(scores["mean/CIDEr-D"])
    assert point.oracle_cider_d == pytest.approx(scores["oracle/CIDEr-D"])
    assert point.mutual_bleu_4 == pytest.approx(scores["B/mBLEU-4"])
    assert point.distinct == pytest.approx(scores["A/distinct"])
    assert point.mean_draws is None
    drawn = generate_all(captioner, batches, split, curves["codes"](2.0), seed=4)
    draws = [image.generated.num_draws for image in drawn]
    assert trade_off.curves["codes"][1].mean_draws == pytest.approx(sum(draws) / 6)
    human = human_captions(images, frequencies=frequencies)
    assert trade_off.human is not None
    assert trade_off.human.mean_cider_d == pytest.approx(human["mean/CIDEr-D"])
    assert trade_off.human.value is None


def test_curves_and_traversals_are_as_long_as_the_captions() -> None:
    settings = ["checkpoint=best.ckpt", "max_caption_length=22", "trade_off.curves.latent.max_length=9"]
    config = compose_train(settings, name="evaluate")
    assert config.trade_off.curves.sample.max_length == config.generation.max_length == 22
    assert config.trade_off.curves.latent.max_length == 9  # one's own counts
