"""Where a visitor chooses a picture: a place to drop one, and examples."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from demonstration.answers import see
from demonstration.events import on
from demonstration.examples import NUM_SHOWN, Example
from demonstration.uploads import read_upload
from demonstration.views import show_problem
from lightning_modules import CaptioningModule

Take = Callable[..., list[Any]]
"""From the picture, None where it was taken away, and values of components to new values of components."""


class Chooser:
    """A place for a picture.

    Args:
        captioner: Who looks at it.
        examples: What there is to choose.
        label: What the picture is called.
    """

    def __init__(self, captioner: CaptioningModule, examples: Sequence[Example], label: str) -> None:
        self.captioner = captioner
        self.examples = examples[:NUM_SHOWN]
        self.image = gr.Image(
            label=label, sources=["upload", "clipboard"], buttons=[], height=260, elem_classes="chosen"
        )
        self.message = gr.HTML("", elem_classes=["answer", "message"])
        with gr.Row(elem_classes="examples"):
            self.buttons = [gr.Button(example.name, icon=example.path, size="sm") for example in self.examples]

    def connect(self, take: Take, inputs: Sequence[Component], outputs: Sequence[Component]) -> None:
        """Hand each picture that is chosen on.

        Args:
            take: What is done with it.
            inputs: Whose values it gets beside the picture.
            outputs: Whose new values it returns.
        """
        own = [self.image, self.message]

        def receive(upload: dict[str, Any] | None, *values: Any) -> list[Any]:
            if upload is None:
                return [None, "", *take(None, *values)]
            name = upload.get("orig_name") or "the picture"
            try:
                pixels_3HW = read_upload(upload["path"], self.captioner.image_size, name=name)
            except ValueError as error:
                return [None, show_problem(error), *(gr.skip() for _ in outputs)]
            return [gr.skip(), "", *take(see(self.captioner, pixels_3HW, name), *values)]

        # preprocess=False hands the file over as it came, where the library would decode it, whatever its size; that
        # it is an upload has been checked all the same
        on(self.image.upload, receive, [self.image, *inputs], [*own, *outputs], preprocess=False)
        on(self.image.clear, lambda *values: ["", *take(None, *values)], [*inputs], [self.message, *outputs])
        for button, example in zip(self.buttons, self.examples, strict=True):
            on(button.click, self.choose(example, take), [*inputs], [*own, *outputs])

    def choose(self, example: Example, take: Take) -> Callable[..., list[Any]]:
        """Return what happens when an example is chosen: new values of the image, the message and the outputs."""
        picture = see(self.captioner, example.image_3HW, example.name)

        def chosen(*values: Any) -> list[Any]:
            return [str(example.path), "", *take(picture, *values)]

        return chosen
