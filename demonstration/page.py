"""The page: a picture on one side, and what there is to know about it on the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from demonstration.answers import Picture
from demonstration.chooser import Chooser
from demonstration.events import on
from demonstration.panels import KEPT, PARTS, Demonstration, Panel, Viewed, view

STYLE = Path(__file__).with_name("page.css")
THEME = gr.themes.Base(
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
).set(  # darker than Gradio's, for contrast
    color_accent="*primary_700",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
)
"""With fonts of the system: none are asked of a network."""

LIVE = """() => {
  document.documentElement.lang = "en";
  const tell = () => {
    for (const area of document.querySelectorAll(".live")) area.setAttribute("aria-live", "polite");
    for (const icon of document.querySelectorAll(".examples img")) icon.alt = "";
  };
  tell();
  new MutationObserver(tell).observe(document.body, {childList: true, subtree: true});  // tabs come later
}"""
"""What screen readers are told, where Gradio has no setting for it: the language, places that change, mere ornament."""

ABOUT = """<header class="about"><h1>Facet: describe a picture</h1>
<p>Choose a picture, or drop one of your own. It stays on this machine, and is deleted after an hour.</p></header>"""


def build_page(demonstration: Demonstration) -> gr.Blocks:
    """Return the page, with the tabs that the model can fill."""
    with gr.Blocks(title="Facet", analytics_enabled=False, delete_cache=(KEPT // 6, KEPT)) as page:
        viewed = gr.State(None, time_to_live=KEPT)
        gr.HTML(ABOUT)
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                chooser = Chooser(demonstration.captioner, demonstration.examples, "Picture")
            with gr.Column(scale=5, min_width=300), gr.Tabs(overflow_behavior="wrap"):
                panels = []
                for part in PARTS:
                    if part.fits(demonstration):
                        with gr.Tab(part.title, render_children=True):
                            panels.append(part.build(demonstration, viewed))

        def take(picture: Picture | None) -> list[Any]:
            return values_of(panels, None if picture is None else view(demonstration, picture))

        def draw_others(seen: Viewed | None) -> list[Any]:
            others = None if seen is None else view(demonstration, seen.picture, seen.seed + 1)
            return values_of(of_captions, others)

        outputs = [viewed, *(output for panel in panels for output in panel.outputs)]
        of_captions = [panel for panel in panels if panel.shows_all_captions]
        for panel in panels:
            if panel.draws_others is not None:
                changed = [viewed, *(output for panel in of_captions for output in panel.outputs)]
                on(panel.draws_others.click, draw_others, [viewed], changed)
        chooser.connect(take, [], outputs)
        if demonstration.examples:
            first = chooser.choose(demonstration.examples[0], take)
            on(page.load, first, [], [chooser.image, chooser.message, *outputs])
    return page


def values_of(panels: Sequence[Panel], seen: Viewed | None) -> list[Any]:
    """Return what is looked at, and the values of the panels' components."""
    return [seen, *(value for panel in panels for value in (panel.empty if seen is None else panel.show(seen)))]
