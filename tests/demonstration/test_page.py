"""The page in a real browser, as a visitor uses it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demonstration.uploads import MAX_BYTES
from tests.browser import chromium, fits, open_page, serious_findings

TABS = ("Captions", "Word by word", "Style", "Two styles", "Words to use", "Sentence to picture")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("gradio", reason="the extra `demo` is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(browser: Any, demo_url: str) -> Iterator[Any]:
    """The page; it may ask nobody else for anything."""
    page, outside = open_page(browser, demo_url)
    yield page
    assert outside == []


@pytest.fixture
def page(opened: Any) -> Any:
    """The page, its first example described."""
    choose(opened, "Scene 2")
    choose(opened, "Scene 1")
    return opened


def choose(page: Any, example: str) -> None:
    """Choose an example, and wait until it is described; what is there of another picture is marked as old."""
    go(page, "Captions")
    is_chosen = f"document.querySelector('.chosen img')?.src.endsWith('scene_{example.removeprefix('Scene ')}.png')"
    if not page.evaluate(is_chosen):
        page.evaluate("document.querySelectorAll('.greedy').forEach(shown => shown.classList.add('old'))")
    page.get_by_role("button", name=example, exact=True).first.click()
    page.wait_for_function(is_chosen)
    page.locator(".greedy:not(.old)").wait_for()


def go(page: Any, tab: str) -> Any:
    """Choose a tab and return what it shows."""
    page.get_by_role("tab", name=tab, exact=True).click()
    return page.get_by_role("tabpanel").filter(visible=True)


def bring(page: Any, file: Any) -> None:
    """Upload a picture in place of the one that is there."""
    remove = page.get_by_role("button", name="Remove Image").first
    if remove.count():
        remove.click()
    page.locator("input[type=file]").first.set_input_files(file)


def greedy_of(page: Any) -> str:
    return str(page.locator(".greedy bdi").inner_text())


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (400, True)])
def test_every_tab_is_accessible_and_fits(browser: Any, demo_url: str, width: int, dark: bool) -> None:
    page, outside = open_page(browser, demo_url, width=width, dark=dark)
    page.locator(".greedy").wait_for()
    assert page.get_by_role("tab").all_inner_texts() == [*TABS]
    assert page.locator("html").get_attribute("lang") == "en"
    config = page.evaluate("window.gradio_config")
    assert not any(config[setting] for setting in ("analytics_enabled", "run_history", "footer_links"))
    for tab in TABS:
        shown = go(page, tab)
        page.wait_for_timeout(400)  # until colours have faded in
        assert shown.locator(".live").first.get_attribute("aria-live") == "polite"
        assert serious_findings(page) == [], tab
        assert fits(page), tab
    assert outside == []
    page.context.close()


def test_upload_describe_and_take_away(page: Any, photo: Path) -> None:
    bring(page, photo)
    page.wait_for_function("document.querySelector('.chosen img')?.src.includes('photo')")
    page.locator("table.captions tbody tr").first.wait_for()
    assert page.locator("table.captions tbody tr").count() >= 1
    assert re.search(r"probability [\d.]+ %|below 0.01 %", page.locator(".greedy small").inner_text())
    page.get_by_role("button", name="Remove Image").first.click()
    page.get_by_text("Choose a picture, or drop one of your own, first.").first.wait_for()


def test_others_are_drawn_in_every_tab(page: Any) -> None:
    rows = page.locator("table.captions tbody td:first-child bdi")
    before = rows.all_inner_texts()
    page.get_by_role("button", name="Draw five others").click()
    page.wait_for_function(
        "before => document.querySelector('table.captions tbody')?.innerText.includes(before) === false", arg=before[0]
    )
    shown = [greedy_of(page), *rows.all_inner_texts()]
    assert shown[1:] != before
    labels = go(page, "Word by word").locator("fieldset:not(.steps) label")
    assert labels.all_inner_texts() == [text or "(no word)" for text in shown]


def test_what_is_no_usable_picture_is_refused_in_words(page: Any, tmp_path: Path) -> None:
    before = greedy_of(page)
    bring(page, {"name": "notes.png", "mimeType": "image/png", "buffer": b"these are no pixels"})
    alert = page.locator(".message [role=alert]")
    alert.wait_for()
    assert "notes.png: not a usable image" in alert.inner_text()
    wide = tmp_path / "wide.png"
    Image.new("1", (9000, 5000)).save(wide)
    bring(page, wide)
    page.get_by_text("45,000,000 pixels, expected at most 40,000,000").wait_for()
    huge = tmp_path / "huge.png"
    huge.write_bytes(bytes(MAX_BYTES + 1))
    bring(page, huge)
    page.get_by_text("exceed the maximum allowed size").wait_for()
    choose(page, "Scene 1")
    assert greedy_of(page) == before
    alert.wait_for(state="hidden")


def test_sliders_move_by_keyboard_and_go_back(page: Any) -> None:
    tab = go(page, "Style")
    slider = tab.get_by_role("slider").first
    start = slider.input_value()
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == pytest.approx(float(start) + 0.3)
    tab.get_by_text("As the sliders say").wait_for()
    tab.get_by_role("button", name="Back to the picture’s own style").click()
    page.wait_for_function("([slider, start]) => slider.value === start", arg=[slider.element_handle(), start])


def test_words_are_stepped_through_by_keyboard(page: Any) -> None:
    tab = go(page, "Word by word")
    words = tab.locator(".steps input")
    words.first.focus()
    page.keyboard.press("ArrowRight")
    assert words.nth(1).is_checked()
    looks = tab.locator(".look")
    assert [looks.nth(place).is_visible() for place in range(2)] == [False, True]
    tab.locator("fieldset:not(.steps) input").last.check()
    page.wait_for_function("document.querySelector('#attended-0')?.checked")


def test_words_that_must_appear_do_or_an_error_says_why_not(page: Any) -> None:
    tab = go(page, "Words to use")
    words = tab.get_by_role("textbox")
    words.fill("circle")
    words.press("Enter")
    tab.locator("table.captions mark").first.wait_for()
    assert {*tab.locator("table.captions mark").all_inner_texts()} == {"circle"}
    words.fill("<img src=x onerror=alert(1)>")
    words.press("Enter")
    tab.get_by_role("alert").wait_for()
    assert "the model does not know “<img”" in tab.get_by_role("alert").inner_text()
    assert tab.locator("img").count() == 0


def test_an_edited_sentence_is_drawn(page: Any) -> None:
    tab = go(page, "Sentence to picture")
    picture = tab.get_by_role("img").last
    before = picture.get_attribute("src")
    tab.get_by_role("textbox").fill("a red circle and a ${1+1} {{2+2}} unicorn")
    tab.get_by_role("button", name="Draw the sentence").click()
    tab.get_by_role("alert").wait_for()
    assert tab.get_by_role("alert").inner_text().endswith("“${1+1}”, “{{2+2}}”, “unicorn”")
    assert picture.get_attribute("src") != before


def test_a_model_that_draws_has_a_tab_for_it(browser: Any, drawing_url: str) -> None:
    page, outside = open_page(browser, drawing_url)
    page.locator(".greedy").wait_for()
    tab = go(page, "Drawings")
    sentence = tab.get_by_role("textbox")
    sentence.fill("a red circle")
    sentence.press("Enter")
    tab.get_by_role("img", name="Drawing 4 of: a red circle").wait_for()
    scores = [
        float(score) for score in re.findall(r"log P\(sentence\) ([-−\d.]+) nats", tab.inner_text().replace("−", "-"))
    ]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    for width in (1400, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert serious_findings(page) == []
        assert fits(page)
    sentence.fill("a red unicorn")
    tab.get_by_role("button", name="Draw four pictures").click()
    tab.get_by_role("alert").wait_for()
    assert "unicorn" in tab.get_by_role("alert").inner_text()
    assert tab.locator("figure").count() == 0
    assert outside == []
    page.context.close()


def test_two_visitors_at_once_keep_their_pictures(page: Any, browser: Any, demo_url: str, photo: Path) -> None:
    other, _ = open_page(browser, demo_url)
    other.locator(".greedy").wait_for()
    scenes = {page: "Scene 3", other: "Scene 4"}
    for visitor, scene in scenes.items():
        choose(visitor, scene)
    views = {}
    for visitor in scenes:
        tab = go(visitor, "Sentence to picture")
        views[visitor] = tab.get_by_role("img").first.get_attribute("src")
    assert len({*views.values()}) == 2
    for visitor in scenes:
        tab = go(visitor, "Sentence to picture")
        tab.get_by_role("textbox").fill("a red circle")
        tab.get_by_role("textbox").press("Enter")
    for visitor in scenes:
        visitor.get_by_text("From “a red circle”").wait_for()
        assert go(visitor, "Sentence to picture").get_by_role("img").first.get_attribute("src") == views[visitor]
    other.context.close()
