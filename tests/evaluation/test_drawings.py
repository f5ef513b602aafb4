"""Drawings of references: what is reported of them is what they are."""

from pathlib import Path

import pytest
import torch

from datamodules.caption_datamodule import CaptionDataModule
from evaluation.drawings import DrawnReferences, measure_drawings
from evaluation.generate_split import EncodedBatch, encode_images
from lightning_modules import CaptioningModule, load_captioner
from lightning_modules.drawing import generators_of_drawings
from lightning_modules.generation import Greedy, SampledDrawing
from lightning_modules.ranking import CaptionOfDrawing
from metrics import DrawingFacts, code_figures, marginal_distance, retrieval
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import TinyRun, build_tiny

NUM, SEED = 3, 5
DRAWING = SampledDrawing(top_p=None, temperature=2.0)


@pytest.fixture(scope="module")
def captioner(trained_dalle: TinyRun) -> CaptioningModule:
    return load_captioner(trained_dalle.best)


@pytest.fixture(scope="module")
def datamodule(tmp_path_factory: pytest.TempPathFactory) -> CaptionDataModule:
    return build_tiny(tmp_path_factory.mktemp("data") / "run")[1]


@pytest.fixture(scope="module")
def batches(captioner: CaptioningModule, datamodule: CaptionDataModule) -> list[EncodedBatch]:
    """Six images in batches of four and two."""
    return [*encode_images(captioner, datamodule.splits["train"], num_images=6, batch_size=4)]


@pytest.fixture(scope="module")
def measured(
    captioner: CaptioningModule, datamodule: CaptionDataModule, batches: list[EncodedBatch]
) -> DrawnReferences:
    return measure_drawings(
        captioner,
        batches,
        datamodule,
        datamodule.splits["train"],
        DRAWING,
        num=NUM,
        ranker=CaptionOfDrawing(),
        frequencies=None,
        max_length=8,
        batch_size=4,
        num_shown=5,
        seed=SEED,
    )


def test_the_figures_are_those_of_drawings_made_one_by_one(
    captioner: CaptioningModule,
    datamodule: CaptionDataModule,
    batches: list[EncodedBatch],
    measured: DrawnReferences,
) -> None:
    split = datamodule.splits["train"]
    captions = [max(split.captions[i], key=lambda text: len(captioner.tokenizer.encode(text))) for i in range(6)]
    tokens_NL = captioner.tokenizer.tokens_after_prefix(captions)
    firsts, pictures, recalls = [], [], []
    for i, caption in enumerate(captions):
        drawn = captioner.draw([caption] * NUM, DRAWING, generators=generators_of_drawings(SEED, [caption], NUM))
        features_MP1 = captioner.features_of_codes(drawn.codes_RP)
        own = captioner.log_likelihood(features_MP1, tokens_NL[i : i + 1], 1, [torch.Generator()] * NUM)[0]
        read = datamodule.read_back(drawn.images_RCHW)
        assert read is not None
        firsts.append(drawn.codes_RP[own.argmax()])
        pictures.append(read[int(own.argmax())])
        recalls.append([picture.compare(split.image_ids[i]).recall for picture in read])
    facts = DrawingFacts()
    facts.update(pictures, torch.tensor([*split.image_ids][:6]), captions)
    expected = {name: value.item() for name, value in facts.compute().items()}
    found = [picture.compare(image_id) for picture, image_id in zip(pictures, split.image_ids, strict=False)]
    for attribute in datamodule.fact_attributes():
        expected[f"drawing_distance/{attribute.name}"] = marginal_distance(found, attribute)
    expected["drawing_facts_mean"] = sum(map(sum, recalls)) / (6 * NUM)
    expected["drawing_facts_oracle"] = sum(map(max, recalls)) / 6
    codes_NP = torch.stack(firsts)
    originals_NP = torch.cat([batch.features_BPD for batch in batches]).squeeze(-1)
    for name, codes in (("retrieval", originals_NP), ("cycle", codes_NP)):
        score_NN = captioner.log_likelihood(captioner.features_of_codes(codes), tokens_NL, 1, [torch.Generator()] * 6)
        expected |= {f"{name}/{key}": value for key, value in retrieval(score_NN.numpy(), range(6)).items()}
    for name, codes in (("codes", originals_NP), ("drawn_codes", codes_NP)):
        expected |= {
            f"{name}/{key}": value.item() for key, value in code_figures(codes, captioner.num_codes).named().items()
        }
    recaptions = captioner.generate(captioner.features_of_codes(codes_NP), Greedy(max_length=8)).captions
    truths = [datamodule.is_true(texts[0], split.image_ids[i]) for i, texts in enumerate(recaptions)]
    expected["cycle/caption_truth"] = sum(map(bool, truths)) / 6
    scores = {name: value for name, value in measured.scores.items() if name != "cycle/CIDEr-D"}
    assert scores == pytest.approx(expected, abs=1e-6)
    assert 0 <= measured.scores["cycle/CIDEr-D"] <= 10
    assert [image.caption for image in measured.shown] == captions[:5]
    assert [image.recaption for image in measured.shown] == [texts[0] for texts in recaptions[:5]]


def test_images_are_shown_with_their_drawings_best_first(
    datamodule: CaptionDataModule, measured: DrawnReferences
) -> None:
    assert len(measured.shown) == 5
    for number, image in enumerate(measured.shown):
        assert torch.equal(image.image_3HW, datamodule.splits["train"].load_image(number))
        scores = [picture.score for picture in image.pictures]
        assert len(scores) == NUM
        assert scores == sorted(scores, key=lambda score: -(score or 0))
        assert 1 <= (image.rank or 0) <= 6


def test_the_whole_path_ends_in_a_report(trained_dalle: TinyRun, tmp_path: Path) -> None:
    settings = ("drawings.num=2", "drawings.num_shown=2", "drawing.guidance=3", "self_retrieval.num_images=2")
    scores = evaluate_tiny(tmp_path / "report", trained_dalle.best, *settings, choices=("generation=greedy",))
    names = {"drawing_truth", "drawing_facts", "drawing_exact", "drawing_facts_oracle", "cycle/CIDEr-D"}
    names |= {"cycle/caption_truth", "cycle/recall@1", "retrieval/median-rank", "codes/used", "drawn_codes/perplexity"}
    names |= {"PSNR", "reconstruction_facts", "caption_truth", "self-retrieval/recall@1"}
    assert names <= scores.keys()
    page = (tmp_path / "report/report.html").read_text()
    assert page.count("Drawn from: ") == 2 * 2
    assert "drawings are of the longest reference of each of the first 2 images, 2 of each" in page
