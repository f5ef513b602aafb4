from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, encode_images
from evaluation.interpretability import CaptionCodes, codes_of_captions, disentanglement_of, probe_codes
from lightning_modules import VariationalCaptioner
from metrics.disentanglement import mig
from metrics.factor import Factor
from metrics.probes import linear_probe
from tests.tiny_run import build_tiny


class KnownData:
    """Eight images, of which it is known whether they are dark and big; captions are short or long."""

    def image_factors(self, image_ids: list[int]) -> list[Factor]:
        ids = np.array(image_ids) - 100
        return [
            Factor("dark", ("no", "yes"), ids % 2),
            Factor("big", ("no", "yes"), ids // 2 % 2),
            Factor("there", ("no",), 0 * ids),
            Factor("both", ("no", "yes"), ids % 2 * (ids // 2 % 2), is_generative=False),
        ]

    def caption_factors(self, captions: list[str]) -> list[Factor]:
        return [Factor("length", ("short", "long"), np.array([int(len(caption) > 1) for caption in captions]))]


@pytest.fixture
def codes() -> CaptionCodes:
    """Style is whether the caption is long, content the two factors of the image; three captions of each image."""
    number_N = np.arange(8).repeat(3)
    captions = ["a", "long", "b"] * 8
    style_NS = torch.tensor([[float(len(caption) > 1)] for caption in captions])
    content_NC = torch.from_numpy(np.stack([number_N % 2, number_N // 2 % 2], axis=1)).float()
    return CaptionCodes(style_NS, content_NC, number_N, captions)


@pytest.fixture
def known_split() -> CaptionSplit:
    class Split:
        image_ids = range(100, 108)

    return Split()  # type: ignore[return-value]


def test_each_code_tells_what_it_knows(codes: CaptionCodes, known_split: CaptionSplit) -> None:
    probed = probe_codes(codes, KnownData(), known_split, seed=1)  # type: ignore[arg-type]
    assert [(factor.name, factor.of) for factor in probed] == [
        ("length", "caption"),
        ("dark", "image"),
        ("big", "image"),
        ("both", "image"),
    ]
    length, dark, big, _ = probed
    assert (length.style_linear, length.style_mlp) == (1, 1)
    assert length.content_linear == length.majority == pytest.approx(2 / 3)
    assert (dark.content_linear, big.content_linear, dark.content_mlp) == (1, 1, 1)
    assert dark.style_linear < 1
    alone = linear_probe(codes.style_NS.double().numpy(), codes.number_N % 2, codes.number_N, seed=1)
    assert (dark.style_linear, dark.majority) == (alone.accuracy, alone.majority)


def test_disentanglement_is_against_generative_factors(codes: CaptionCodes, known_split: CaptionSplit) -> None:
    found = disentanglement_of(codes, KnownData(), known_split, seed=1)  # type: ignore[arg-type]
    assert found["content"]["mig"] == pytest.approx(1)
    assert found["content"]["modularity"] == pytest.approx(1)
    assert found["style"]["mig"] == pytest.approx(0)
    factors_NF = np.stack([codes.number_N % 2, codes.number_N // 2 % 2], axis=1)
    assert found["style"]["mig"] == mig(codes.style_NS.double().numpy(), factors_NF)
    assert found.keys() == {"style", "content"}


def test_fewer_than_two_factors_have_no_disentanglement(codes: CaptionCodes, known_split: CaptionSplit) -> None:
    class OneFactor(KnownData):
        def image_factors(self, image_ids: list[int]) -> list[Factor]:
            return []

    assert disentanglement_of(codes, OneFactor(), known_split, seed=1) == {}  # type: ignore[arg-type]


def test_codes_are_those_that_the_loss_draws_in_any_batches(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=["model/latents=conditional"])
    captioner.eval()
    split = datamodule.splits["train"]
    found = []
    for batch_size in (6, 4):
        torch.manual_seed(batch_size)  # the global state has no say
        batches = [*encode_images(captioner, split, num_images=6, batch_size=batch_size)]
        before = torch.get_rng_state()
        found.append(codes_of_captions(captioner, batches, split, seed=3))
        assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(found[0].style_NS, found[1].style_NS)
    torch.testing.assert_close(found[0].content_NC, found[1].content_NC)
    assert found[0].captions == [caption for captions in split.captions[:6] for caption in captions]
    assert found[0].number_N.tolist() == [number for number in range(6) for _ in split.captions[number]]


def test_a_model_that_reads_no_captions_has_a_style_of_each_image(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    codes = codes_of_captions(captioner, batches, split, seed=0)
    for batch in batches:
        own_BS = captioner.sample_latents(batch.features_BPD).style.sample
        for number, own_S in zip(batch.numbers, own_BS, strict=True):
            of_image = codes.style_NS[codes.number_N == number]
            torch.testing.assert_close(of_image, own_S.expand_as(of_image))


def test_what_a_data_set_knows_by_default(tmp_path: Path) -> None:
    class Photographs(CaptionDataModule):
        def load_splits(self) -> dict:
            return {}

    datamodule = Photographs(tokenizer=None, image_size=32)
    assert datamodule.image_factors([1, 2]) == []
    assert datamodule.caption_factors(["a dog"])[0].name == "length"
    assert datamodule.is_true("a dog", 1) is None
    assert datamodule.read_back(torch.zeros(1, 3, 8, 8)) is None
    assert not datamodule.fact_attributes()
