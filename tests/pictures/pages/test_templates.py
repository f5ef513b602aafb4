"""Captions word by word as a page shows them."""

import re
from pathlib import Path

import pytest
import torch

from lightning_modules.results.explained_captions import ExplainedCaption
from lightning_modules.results.explanation import ExplainedWord
from pictures.pages.templates import breakable, nats, percent, signed, templates_of
from tests.tiny_run import ROOT

HOSTILE = "<script>alert('1')</script>"
WORDS = [
    ExplainedWord("a", False, -0.5, torch.rand(2, 2)),
    ExplainedWord(HOSTILE, True, -3.0, torch.rand(2, 2)),
    ExplainedWord("", True, 0.0, torch.rand(2, 2)),
]
CAPTION = ExplainedCaption(f"a {HOSTILE}", WORDS, -3.5, finished=True)


def _render(call: str, **values: object) -> str:
    template = '{% from "words.html.j2" import looks, shaded with context %}' + call
    return templates_of("pictures.pages").from_string(template).render(**values)


def test_words_are_shaded_by_their_probability_and_told_in_numbers() -> None:
    html = _render("{{ shaded(caption, (1,)) }}", caption=CAPTION)
    assert re.findall(r"--share: (\d+)%", html) == ["61", "5", "100"]
    assert re.findall(r"<small>([^<]*)</small>", html) == ["61%", "5%", "100%"]
    assert "log P = −3.5 nats" in html
    assert html.count("changed") == 1
    assert "<em>end</em>" in html
    assert "unfinished" not in html
    assert "unfinished" in _render("{{ shaded(caption) }}", caption=CAPTION._replace(finished=False))


def test_what_words_contain_is_text() -> None:
    for macro in ("shaded(caption)", "looks(image, caption)"):
        html = _render("{{ " + macro + " }}", caption=CAPTION, image=torch.zeros(3, 8, 8, dtype=torch.uint8))
        assert "<script" not in html
        assert "&lt;script" in html


def test_each_word_has_its_look_and_without_attention_the_page_says_so() -> None:
    image_3HW = torch.zeros(3, 8, 8, dtype=torch.uint8)
    html = _render("{{ looks(image, caption) }}", caption=CAPTION, image=image_3HW)
    assert len(re.findall('src="data:image/', html)) == 3
    assert 'alt="Attention before: the end"' in html
    blind = CAPTION._replace(words=[word._replace(attention_HW=None) for word in WORDS])
    assert "No attention to show" in _render("{{ looks(image, caption) }}", caption=blind, image=image_3HW)


def test_numbers_are_told_as_they_are() -> None:
    told = {0: "<1%", 0.0099: "<1%", 0.01: "1%", 0.424: "42%", 0.99: "99%", 0.9901: ">99%", 1: "100%"}
    assert {value: percent(value) for value in told} == told
    assert [nats(-12.34), signed(-1.5), signed(3.0), signed(0.0)] == ["−12.3", "−1.5", "+3", "0"]


@pytest.mark.parametrize("scheme", [0, 1])
def test_words_can_be_read_on_every_shade(scheme: int) -> None:
    """WCAG 2.1, level AA: a contrast of 4.5 at least, on light and on dark."""
    css = (ROOT / Path("pictures/pages/page.css")).read_text()
    colors = {name: re.findall(rf"--{name}: (#\w+)", css)[scheme] for name in ("ink", "likely", "page")}
    for share in (0, 0.25, 0.5, 0.75, 1):
        mixed = [share * a + (1 - share) * b for a, b in zip(_rgb(colors["likely"]), _rgb(colors["page"]), strict=True)]
        lights = sorted([_luminance(mixed), _luminance(_rgb(colors["ink"]))])
        assert (lights[1] + 0.05) / (lights[0] + 0.05) > 4.5


def _rgb(color: str) -> list[float]:
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_names_of_scores_break_after_their_strokes_and_are_text() -> None:
    assert breakable("style/dci_<b>") == "style/<wbr>dci_<wbr>&lt;b&gt;"
    assert breakable("PSNR") == "PSNR"
