"""Word calibration on human captions, against each word predicted by itself."""

from pathlib import Path

import pytest
import torch

from datamodules.split import CaptionSplit
from evaluation.calibration import FROM_CAPTION, FROM_IMAGE, SplitCalibration
from evaluation.generate_split import EncodedBatch, encode_images
from lightning_modules import VariationalCaptioner
from metrics import reliability_table
from tests.tiny_run import build_tiny


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> tuple[VariationalCaptioner, CaptionSplit]:
    """A model whose posterior reads captions, and listens to them."""
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp("runs") / "run"
    captioner, datamodule = build_tiny(folder, choices=["model/latents=conditional"])
    with torch.no_grad():
        to_vocabulary = captioner.network.middle.to_vocabulary
        to_vocabulary.weight.mul_(8)  # predictions that differ from place to place
        to_vocabulary.bias[captioner.tokenizer.vocabulary.eos_id] += 3  # and that are right at the end, at times
    return captioner.eval(), datamodule.splits["train"]


def test_each_word_is_predicted_from_those_before_it(reader: tuple[VariationalCaptioner, CaptionSplit]) -> None:
    captioner, split = reader
    calibration = SplitCalibration(captioner, split, num_bins=5)
    batches = [*encode_images(captioner, split, num_images=3, batch_size=2)]
    for batch in batches:
        calibration.add(batch)
    found = calibration.results()
    assert [*found] == [FROM_IMAGE, FROM_CAPTION]
    for name, table in found.items():
        confidences, correct = [], []
        for number in range(3):
            features_1PD = captioner.encode(split.load_image(number)[None])
            for caption in split.captions[number]:
                latents = (
                    captioner.sample_latents(features_1PD)
                    if name == FROM_IMAGE
                    else captioner.latents_of_captions(features_1PD, [[caption]], latent_scale=0)
                )
                state = captioner.network.start(latents)
                before, *words = captioner.tokenizer.encode(caption)
                for word in words:
                    logits_1V, state = captioner.network.step(torch.tensor([before]), state)
                    probability, likeliest = logits_1V.softmax(dim=-1).max(dim=-1)
                    confidences.append(probability.item())
                    correct.append(likeliest.item() == word)
                    before = word
        assert 0 < sum(correct) < len(correct)
        expected = reliability_table(torch.tensor(confidences), torch.tensor(correct), 5)
        torch.testing.assert_close(table, expected, equal_nan=True, rtol=1e-4, atol=1e-5)
    assert found[FROM_IMAGE].calibration_error != found[FROM_CAPTION].calibration_error


def test_a_posterior_that_reads_no_captions_has_one_table(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    calibration = SplitCalibration(captioner, split, num_bins=15)
    calibration.add(batches[0])
    assert [*calibration.results()] == [FROM_IMAGE]


@pytest.mark.parametrize(("num_bins", "can_explain"), [(0, True), (15, False)])
def test_nothing_is_measured_where_it_is_not_asked_for_or_cannot_be(
    num_bins: int,
    can_explain: bool,
    captioner: VariationalCaptioner,
    split: CaptionSplit,
    batches: list[EncodedBatch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(captioner), "can_explain", can_explain)
    calibration = SplitCalibration(captioner, split, num_bins)
    calibration.add(batches[0])
    assert calibration.results() == {}
