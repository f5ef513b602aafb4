import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from evaluation.report.contents import (
    Confusion,
    ExplainedImage,
    Interpretability,
    ProbedFactor,
    Report,
    ShownCaption,
    ShownImage,
    StyledCaption,
    StyleTransfer,
    StyleWords,
    Swaps,
    TradeOff,
    TradeOffPoint,
    Traversal,
)
from evaluation.report.drawn import DrawnImage, DrawnPicture
from evaluation.report.page import render
from lightning_modules.results.explained_captions import ExplainedCaption
from lightning_modules.results.explanation import ExplainedWord
from metrics import FactAttribute, WordOdds, reliability_table

HOSTILE = "<script>alert('1')</script> & \"two\" {{ 7 * 7 }}"
VOID = {"meta", "img", "br", "wbr"}


class Page(HTMLParser):
    """What a browser would find in a page: tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))  # as in SVG: nothing is left open

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def _shown_image(name: str, num_captions: int = 8, size: int = 32) -> ShownImage:
    captions = [
        ShownCaption(f"{name} caption {i}", 2 - i / num_captions, -10.5 - i, i != 1) for i in range(num_captions)
    ]
    image_3HW = torch.randint(256, (3, size, size), dtype=torch.uint8)
    return ShownImage(name, image_3HW, torch.rand(3, 16, 16), captions, [f"{name} said {i}" for i in range(5)], 1.5)


def _sayings(number: int, reconstructed: bool = True) -> list[StyledCaption]:
    return [StyledCaption(f"saying {i}", torch.rand(3, 16, 16) if reconstructed else None) for i in range(number)]


def _explained(*texts: str) -> ExplainedCaption:
    words = [ExplainedWord(text, True, -1.0, torch.rand(4, 4)) for text in texts]
    return ExplainedCaption(" ".join(texts), words, -1.0 * len(texts), finished=False)


def _interpretability() -> Interpretability:
    probes = [
        ProbedFactor("manner", "caption", 3, 0.4, 0.987, 0.995, 0.41, 0.43),
        ProbedFactor("pattern", "image", 4, 0.25, 0.26, 0.27, 0.876, 0.888),
    ]
    transfer = {"all": StyleTransfer(10, 0.7, 0.6, 0.5), "loud": StyleTransfer(4, 0.75, None, None)}
    return Interpretability(1234, 6170, probes, {"style": {"mig": 0.125}}, transfer)


def _confusion(name: str) -> Confusion:
    icons = [np.full((4, 4, 4), level, dtype=np.uint8) for level in (50, 200)]
    return Confusion(FactAttribute(name, ("red", "blue"), icons), np.array([[1234, 2, 0], [1, 5, 3], [0, 0, 0]]))


def _drawn(caption: str, num: int) -> DrawnImage:
    pictures = [DrawnPicture(torch.rand(3, 16, 16), -81.25 - i, -12.5 - i) for i in range(num)]
    return DrawnImage("ship.jpg", torch.zeros(3, 16, 16, dtype=torch.uint8), caption, pictures, "a blue bird", 3)


def _report() -> Report:
    image_3HW = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    points = [TradeOffPoint(t, 0.5 - 0.1 * t, 0.8, 0.9 - 0.4 * t, 0.5) for t in (0.5, 1.0)]
    return Report(
        title="flickr8k, test: latent",
        facts={"checkpoint": "best.ckpt", "images": "1,000"},
        scores={"coco/CIDEr-D": 0.5312, "B/mBLEU-4": 0.5, "PSNR": 14.25},
        human={"coco/CIDEr-D": 0.877},
        notes=["METEOR is left out: no Java"],
        gallery={"Best": [_shown_image("dog.jpg")], "Worst": [_shown_image("cat.jpg")]},
        trade_off=TradeOff({"sample": points}, TradeOffPoint(None, 0.9, 1.2, 0.2, 1.0), 1000, 20),
        traversals=[Traversal(image_3HW, 7, [-2.0, 0.0, 2.0], _sayings(3))],
        swaps=Swaps([image_3HW, image_3HW], [_sayings(2), _sayings(2)]),
        explained=[ExplainedImage("bird.jpg", image_3HW, [_explained("one", "bird"), _explained("wings")])],
        reliability={"calibration/ECE": reliability_table(torch.tensor([0.75, 0.5]), torch.tensor([1, 1]), 4)},
        style_words=[
            StyleWords(7, (-2.0, 2.0), [WordOdds("flying", 2.0, 3.25, 17, 2)], [], 40),
        ],
        interpretability=_interpretability(),
        confusions=[_confusion("colour"), _confusion("size")],
        drawings=[_drawn("a red bird", 2)],
        config="model:\n  size: 3",
    )


def test_everything_is_shown() -> None:
    report = _report()
    page = Page(render(report))
    text = " ".join(page.text.split())
    shown = [report.title, *report.facts, *report.facts.values(), *report.notes, "model:", *report.gallery]
    shown += ["coco/CIDEr-D", "53.1", "87.7", "B/mBLEU-4", "0.500", "PSNR", "14.250", "sample", "human", "1,000 images"]
    shown += ["Dimension 7", "−2", "+2", "saying 2", "200.0", "unfinished", "3 more", "References (5)"]
    shown += [
        "bird.jpg",
        "bird37%",
        "wings",
        "ECE 0.375, 2 words",
        "0.25 to 0.50",
        "40 captions each",
        "flying1723.2",
    ]
    shown += ["no word of its own"]
    shown += ["original, ship.jpg", "a red bird", "−81.2; −12.5", "−82.2; −13.5", "rank 3, captioned: a blue bird"]
    shown += ["What reconstructions show", "colour: 99.5 % right", "1,234"]
    shown += ["6,170 human captions of 1,234 images", "manner", "98.7", "99.5", "pattern", "87.6", "loud", "75.0"]
    for image in (*report.gallery["Best"], *report.gallery["Worst"]):
        shown += [image.name, *(generated.caption for generated in image.captions), *image.references]
    assert [words for words in shown if words not in text] == []
    assert text.count("unfinished") == 2 + 2
    assert not page.open


def test_parts_come_in_the_order_of_a_reader_who_looks() -> None:
    text = Page(render(_report())).text
    parts = [
        "1,000",
        "Accuracies",
        "Further up",
        "Gallery",
        "Worst",
        "Drawings",
        "What reconstructions show",
        "Captions word by word",
        "Reliability",
        "Words by",
        "Latent trav",
        "Style swaps",
        "the codes know",
        "All settings",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_what_captions_contain_is_text() -> None:
    image = _shown_image(HOSTILE)._replace(references=[HOSTILE])
    hostile = replace(
        _report(),
        title=HOSTILE,
        facts={HOSTILE: HOSTILE},
        notes=[HOSTILE],
        scores={HOSTILE: 1.0},
        gallery={HOSTILE: [image]},
        traversals=[Traversal(image.image_3HW, 0, [1.0], [StyledCaption(HOSTILE, image.reconstruction_3HW)])],
        trade_off=TradeOff({HOSTILE: []}, None, 1, 1),
        explained=[ExplainedImage(HOSTILE, image.image_3HW, [_explained(HOSTILE)])],
        drawings=[_drawn(HOSTILE, 1)._replace(name=HOSTILE, recaption=HOSTILE)],
        style_words=[StyleWords(0, (-1.0, 1.0), [WordOdds(HOSTILE, 1.0, 2.0, 1, 0)], [], 1)],
        config=f"</pre>{HOSTILE}",
    )
    html = render(hostile)
    page = Page(html)
    assert page.count("script") == 0
    assert page.text.count(HOSTILE) >= 10
    assert any(attributes.get("alt") == f"Reconstructed from: {HOSTILE}" for _, attributes in page.tags)
    assert "</pre>&lt;script" not in html


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = render(_report())
    page = Page(html)
    loading = ("src", "href", "xlink:href", "srcset", "action", "data", "poster")
    loaded = [attributes[name] or "" for _, attributes in page.tags for name in loading if name in attributes]
    assert len(loaded) > 10
    assert all(link.startswith(("data:image/", "#")) for link in loaded)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))
    assert not re.search(r"@import|@font-face", html)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "embed"})


def test_images_have_words_and_the_page_a_language() -> None:
    page = Page(render(_report()))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    # gallery, traversal, swaps with their heads, explained, drawings
    assert len(images) == 2 * 2 + 4 + (2 + 2 + 4) + (1 + 2) + (1 + 2)
    assert all(attributes["alt"] for attributes in images)
    assert ("html", {"lang": "en"}) in page.tags
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert len(ids) == len({*ids})


def test_a_model_that_reconstructs_nothing_has_captions_alone() -> None:
    image = _shown_image("dog.jpg")._replace(reconstruction_3HW=None)
    pixels_3HW = image.image_3HW
    report = replace(
        _report(),
        gallery={"Best": [image]},
        traversals=[Traversal(pixels_3HW, 1, [0.0, 1.0], _sayings(2, reconstructed=False))],
        swaps=Swaps([pixels_3HW], [_sayings(1, reconstructed=False)]),
        explained=[],
        drawings=[],
    )
    page = Page(render(report))
    assert page.count("img") == 1 + 1 + 2
    assert "reconstructs" not in page.text
    assert "saying 1" in page.text


def test_what_was_not_measured_is_not_there() -> None:
    bare = replace(_report(), human={}, notes=[], gallery={}, trade_off=None, traversals=[], swaps=None)
    bare = replace(
        bare, explained=[], reliability={}, style_words=[], interpretability=None, confusions=[], drawings=[]
    )
    page = Page(render(bare))
    assert (page.count("img"), page.count("svg"), page.count("h2")) == (0, 0, 2)
    assert "human" not in page.text


@pytest.mark.parametrize(("num_captions", "more"), [(5, None), (6, "1 more"), (20, "15 more")])
def test_captions_beyond_the_first_five_unfold(num_captions: int, more: str | None) -> None:
    page = Page(render(replace(_report(), gallery={"Best": [_shown_image("dog.jpg", num_captions)]})))
    assert re.findall(r"\d+ more\b(?! )", page.text) == ([] if more is None else [more])
    assert page.count("ol") == (1 if more is None else 2)


def test_repeated_captions_are_counted() -> None:
    generated = ShownCaption("a dog", 1.0, -3.0, True)
    image = _shown_image("dog.jpg")._replace(
        captions=[generated, generated._replace(log_probability=-4.5), generated, generated]
    )
    page = Page(render(replace(_report(), gallery={"Best": [image]}, traversals=[], swaps=None)))
    assert page.text.count("a dog") == 1
    assert "× 4" in page.text
    assert [attributes["title"] for tag, attributes in page.tags if tag == "li" and "title" in attributes] == [
        "log P = −4.5 to −3.0 nats"
    ]


def test_captions_without_words_or_merit_are_shown() -> None:
    silent = _shown_image("dog.jpg")._replace(captions=[ShownCaption("", 0.0, -1.0, True)])
    page = Page(render(replace(_report(), gallery={"Worst": [silent]})))
    assert "no words" in page.text
    assert any("--share: 0.0%" in (attributes.get("style") or "") for _, attributes in page.tags)


@pytest.mark.parametrize("missing", ["explained", "reliability"])
def test_explanations_and_reliability_are_shown_each_without_the_other(missing: str) -> None:
    without = replace(_report(), **{missing: [] if missing == "explained" else {}})
    text = Page(render(without)).text
    assert ("Captions word by word" in text) is (missing != "explained")
    assert ("Reliability of word" in text) is (missing != "reliability")


def test_a_model_without_attention_has_its_words_explained() -> None:
    words = [ExplainedWord("bird", False, -0.1, None)]
    blind = ExplainedImage("bird.jpg", torch.zeros(3, 8, 8), [ExplainedCaption("bird", words, -0.1, True)])
    text = Page(render(replace(_report(), explained=[blind]))).text
    assert "bird90%" in text
    assert "No attention to show" in text


def test_draws_are_told_where_captions_were_selected() -> None:
    report = _report()
    assert report.trade_off is not None
    assert "draws" not in Page(render(report)).text
    low, high = report.trade_off.curves["sample"]
    curves = {"latent": [low._replace(mean_draws=12.25), high._replace(mean_draws=40)]}
    selected = replace(report, trade_off=report.trade_off._replace(curves=curves), scores={"draws/mean": 7.5})
    text = Page(render(selected)).text
    assert all(shown in text for shown in ("draws", "12.2", "40.0", "draws/mean", "7.500"))


def test_the_best_caption_has_the_longest_bar() -> None:
    page = Page(render(_report()))
    shares = [attributes["style"] for tag, attributes in page.tags if tag == "li" and "style" in attributes]
    assert shares[:2] == ["--share: 100.0%", "--share: 93.8%"]


def test_the_same_report_is_the_same_page() -> None:
    report = _report()
    assert render(report) == render(report)


def test_a_big_gallery_is_below_ten_megabytes() -> None:
    images = [_shown_image(f"{i}.jpg", num_captions=20, size=224) for i in range(24)]
    noisy = [image._replace(reconstruction_3HW=torch.rand(3, 64, 64)) for image in images]  # the worst to compress
    assert len(render(replace(_report(), gallery={"At random": noisy})).encode()) < 10_000_000
