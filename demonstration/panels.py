"""The parts of the page, one tab each; a part that the model cannot do is left out."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from demonstration.answers import (
    MAX_LETTERS,
    Picture,
    caption_between,
    caption_diversely,
    caption_greedily,
    caption_with_words,
    draw,
    reconstruct,
)
from demonstration.chooser import Chooser
from demonstration.events import on
from demonstration.examples import Example
from demonstration.style_dimensions import (
    REACH,
    STEP,
    StyleDimension,
    has_style_dimensions,
    positions_of,
    style_at,
)
from demonstration.views import (
    show_captions,
    show_constrained,
    show_drawings,
    show_hint,
    show_picture,
    show_problem,
    show_styled,
    show_words,
)
from lightning_modules import CaptioningModule
from lightning_modules.results.explained_captions import ExplainedCaption

KEPT = 3600  # seconds that pictures are kept after their last use
NO_PICTURE = "Choose a picture, or drop one of your own, first."
NO_SECOND = "Choose a second picture, or drop one; the slider mixes its style in."


class Demonstration(NamedTuple):
    """What all visitors share; nothing of it changes.

    Attributes:
        captioner: A trained captioner.
        examples: Pictures to choose from.
        dimensions: Of the style, those that sliders move; none without examples, or without such a style.
    """

    captioner: CaptioningModule
    examples: Sequence[Example]
    dimensions: Sequence[StyleDimension]


class Viewed(NamedTuple):
    """What one visitor looks at.

    Attributes:
        picture: The picture.
        captions: Its captions, the greedy one first.
        positions: Where its own style is on each slider.
        seed: Of the captions after the first.
    """

    picture: Picture
    captions: Sequence[ExplainedCaption]
    positions: tuple[float, ...]
    seed: int = 0


class Panel(NamedTuple):
    """What a tab shows of a picture.

    Attributes:
        outputs: Its components.
        show: Their values for another picture.
        empty: Their values without one.
        shows_all_captions: Whether others of them are to be shown, too.
        draws_others: A button that asks for other captions; None for none.
    """

    outputs: list[Component]
    show: Callable[[Viewed], list[Any]]
    empty: list[Any]
    shows_all_captions: bool = False
    draws_others: gr.Button | None = None


class Part(NamedTuple):
    """A tab of the page.

    Attributes:
        title: Its name.
        fits: Whether the model can do it.
        build: Adds it to the page; gets what the visitor looks at.
    """

    title: str
    fits: Callable[[Demonstration], bool]
    build: Callable[[Demonstration, gr.State], Panel]


def view(demonstration: Demonstration, picture: Picture, seed: int = 0) -> Viewed:
    """Return what a visitor sees of a picture."""
    captioner = demonstration.captioner
    (greedy,) = caption_greedily(captioner, picture)
    captions = [greedy, *caption_diversely(captioner, picture, seed=seed, besides=greedy.caption)]
    positions = positions_of(captioner, picture, demonstration.dimensions) if demonstration.dimensions else ()
    return Viewed(picture, captions, positions, seed)


def answered(answer: Callable[..., str]) -> Callable[..., str]:
    """Let a function of what the visitor looks at say so where that is nothing, or where it raises a `ValueError`."""

    def safely(viewed: Viewed | None, *values: Any) -> str:
        if viewed is None:
            return show_hint(NO_PICTURE)
        try:
            return answer(viewed, *values)
        except ValueError as error:
            return show_problem(error)

    return safely


def answer_area() -> gr.HTML:
    """Add a place for answers, which screen readers follow."""
    return gr.HTML(show_hint(NO_PICTURE), elem_classes=["answer", "live"])


def captions_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """The greedy caption, and others that differ."""
    answer = answer_area()
    others = gr.Button("Draw five others", size="md", elem_classes="act")

    def show(seen: Viewed) -> list[Any]:
        return [show_captions(seen.captions[0], seen.captions[1:])]

    return Panel([answer], show, [show_hint(NO_PICTURE)], shows_all_captions=True, draws_others=others)


def words_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """Where the model looked before each word."""
    gr.HTML(
        show_hint(
            "The stronger a word’s shade, the likelier it was, given those before it. What glows had more than an even "
            "share of the attention before the word."
        ),
        elem_classes="answer",
    )
    answer = answer_area()
    chosen = gr.Radio([], label="Caption")

    @answered
    def attend(seen: Viewed, number: int | None) -> str:
        return show_words(seen.picture, seen.captions[min(number or 0, len(seen.captions) - 1)])

    def show(seen: Viewed) -> list[Any]:
        choices = [(caption.caption or "(no word)", number) for number, caption in enumerate(seen.captions)]
        return [gr.update(choices=choices, value=0), attend(seen, 0)]

    on(chosen.input, attend, [viewed, chosen], [answer], trigger_mode="always_last")
    empty = [gr.update(choices=[], value=None), show_hint(NO_PICTURE)]
    return Panel([chosen, answer], show, empty, shows_all_captions=True)


def styles_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """The caption, and how it changes along single dimensions of the style."""
    captioner, dimensions = demonstration.captioner, demonstration.dimensions
    gr.HTML(
        show_hint(
            "Each slider moves one dimension of the style, and is named by the words that it changes between its ends. "
            "Numbers are standard deviations from what is usual for the picture."
        ),
        elem_classes="answer",
    )
    sliders = [
        gr.Slider(-REACH, REACH, 0, step=STEP, label=f"Style {number}: {name}", buttons=[])
        for number, name in dimensions
    ]
    back = gr.Button("Back to the picture’s own style", size="md", elem_classes="act")
    answer = answer_area()

    @answered
    def restyle(seen: Viewed, *positions: float) -> str:
        style_1S = style_at(captioner, seen.picture, dimensions, positions)
        (styled,) = caption_greedily(captioner, seen.picture, style_1S)
        return show_styled("As the sliders say", seen.captions[0], styled)

    empty = [*(0.0 for _ in sliders), show_hint(NO_PICTURE)]

    def show(seen: Viewed) -> list[Any]:
        return [*seen.positions, restyle(seen, *seen.positions)]

    for slider in sliders:
        on(slider.input, restyle, [viewed, *sliders], [answer], trigger_mode="always_last")
    on(back.click, lambda seen: empty if seen is None else show(seen), [viewed], [*sliders, answer])
    return Panel([*sliders, answer], show, empty)


def mixing_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """The caption in a style between the picture's own and that of a second one."""
    captioner = demonstration.captioner
    other = gr.State(None, time_to_live=KEPT)
    with gr.Row():
        with gr.Column(scale=2, min_width=260):
            chooser = Chooser(captioner, demonstration.examples, "Second picture")
        with gr.Column(scale=3, min_width=260):
            share = gr.Slider(0, 100, 50, step=5, label="Share of the second picture’s style, in percent", buttons=[])
            caption = gr.Textbox(
                label="A caption of the second picture, in the style that you mean",
                info="Left empty: the style of the second picture by itself." if captioner.style_sees_image else None,
                visible=captioner.latents_read_captions,
                max_length=MAX_LETTERS,
            )
            answer = answer_area()

    @answered
    def mix(seen: Viewed, second: Picture | None, percent: float, text: str) -> str:
        if second is None:
            return show_hint(NO_SECOND)
        mixed = caption_between(captioner, seen.picture, second, percent / 100, text.strip() or None)
        return show_styled(f"{percent:.0f} % of the second style", seen.captions[0], mixed)

    def take(second: Picture | None, seen: Viewed | None, percent: float, text: str) -> list[Any]:
        return [second, mix(seen, second, percent, text)]

    chooser.connect(take, [viewed, share, caption], [other, answer])
    inputs = [viewed, other, share, caption]
    on(share.input, mix, inputs, [answer], trigger_mode="always_last")
    on(caption.submit, mix, inputs, [answer])
    return Panel([answer], lambda seen: [show_hint(NO_SECOND)], [show_hint(NO_PICTURE)])


def constraints_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """Captions that contain given words."""
    words = gr.Textbox(
        label="Words that must appear", info="Words or phrases with commas between them", max_length=MAX_LETTERS
    )
    search = gr.Button("Search captions with these words", variant="primary", size="md", elem_classes="act")
    answer = answer_area()

    @answered
    def constrain(seen: Viewed, text: str) -> str:
        return show_constrained(text, caption_with_words(demonstration.captioner, seen.picture, text))

    for event in (words.submit, search.click):
        on(event, constrain, [viewed, words], [answer])
    return Panel([answer], lambda seen: [show_hint("Write words and press Enter.")], [show_hint(NO_PICTURE)])


def sentence_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """A picture that is reconstructed from a sentence."""
    sentence = gr.Textbox(label="Sentence", info="Edit it, and see what the model makes of it", max_length=MAX_LETTERS)
    again = gr.Button("Draw the sentence", variant="primary", size="md", elem_classes="act")
    answer = answer_area()

    @answered
    def picture_of(seen: Viewed, text: str) -> str:
        return show_picture(seen.picture, reconstruct(demonstration.captioner, text))

    def show(seen: Viewed) -> list[Any]:
        greedy = seen.captions[0].caption
        return [greedy, picture_of(seen, greedy)]

    for event in (sentence.submit, again.click):
        on(event, picture_of, [viewed, sentence], [answer])
    return Panel([sentence, answer], show, ["", show_hint(NO_PICTURE)])


def drawings_panel(demonstration: Demonstration, viewed: gr.State) -> Panel:
    """Pictures that are drawn of a sentence."""
    sentence = gr.Textbox(label="Sentence to draw", info="Words that the model knows", max_length=MAX_LETTERS)
    again = gr.Button("Draw four pictures", variant="primary", size="md", elem_classes="act")
    answer = answer_area()

    @answered
    def drawings_of(seen: Viewed, text: str) -> str:
        return show_drawings(draw(demonstration.captioner, text, seed=0))

    def show(seen: Viewed) -> list[Any]:
        return [seen.captions[0].caption, show_hint("Edit the sentence and press Enter.")]

    for event in (sentence.submit, again.click):
        on(event, drawings_of, [viewed, sentence], [answer])
    return Panel([sentence, answer], show, ["", show_hint(NO_PICTURE)])


def _can_mix(demonstration: Demonstration) -> bool:
    captioner = demonstration.captioner
    return has_style_dimensions(captioner) and (captioner.style_sees_image or captioner.latents_read_captions)


PARTS = (
    Part("Captions", lambda shared: True, captions_panel),
    Part("Word by word", lambda shared: shared.captioner.can_explain, words_panel),
    Part("Style", lambda shared: bool(shared.dimensions), styles_panel),
    Part("Two styles", _can_mix, mixing_panel),
    Part("Words to use", lambda shared: True, constraints_panel),
    Part("Sentence to picture", lambda shared: shared.captioner.can_reconstruct, sentence_panel),
    Part("Drawings", lambda shared: shared.captioner.can_draw, drawings_panel),
)
"""All tabs, in order."""
