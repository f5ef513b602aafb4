"""How the page answers events."""

from collections.abc import Callable, Sequence
from typing import Any

from gradio.components import Component


def on(
    event: Callable[..., Any],
    function: Callable[..., Any],
    inputs: Sequence[Component],
    outputs: Sequence[Component],
    **settings: Any,
) -> None:
    """Answer an event of a component, one visitor after the other, so that each gets the whole machine.

    Args:
        event: Such as the `click` of a button.
        function: From the values of the inputs to those of the outputs.
        inputs: Components.
        outputs: Components.
        settings: Others of Gradio's.
    """
    event(
        function,
        [*inputs],
        [*outputs],
        api_visibility="private",
        concurrency_id="model",
        concurrency_limit=1,
        show_progress="hidden",
        **settings,
    )
