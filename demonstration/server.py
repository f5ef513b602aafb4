"""Serves the page."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import gradio as gr
from starlette.middleware import Middleware

from demonstration.examples import Example
from demonstration.limits import Limits
from demonstration.page import LIVE, STYLE, THEME, build_page
from demonstration.panels import Demonstration
from demonstration.style_dimensions import StyleDimension
from demonstration.uploads import MAX_BYTES
from lightning_modules import CaptioningModule


class Server:
    """A page that is served from entering to leaving.

    Args:
        captioner: A trained captioner.
        examples: Pictures to choose from.
        dimensions: Of the style, those that sliders move.
        folder: Where what visitors bring is kept meanwhile.
        host: The address to listen at.
        port: None for the first free one.
        share: Whether to make it public.

    Raises:
        ValueError: It cannot listen there.
    """

    def __init__(
        self,
        captioner: CaptioningModule,
        examples: Sequence[Example],
        dimensions: Sequence[StyleDimension],
        *,
        folder: Path,
        host: str,
        port: int | None = None,
        share: bool = False,
    ) -> None:
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        # served from where they are: copies would be deleted with what visitors bring
        gr.set_static_paths([example.path for example in examples])
        self.page = build_page(Demonstration(captioner, examples, dimensions))
        self.host, self.port, self.share = host, port, share
        self.url = ""
        self.public_url: str | None = None

    def __enter__(self) -> Self:
        try:
            _, self.url, self.public_url = self.page.queue(max_size=64).launch(
                server_name=self.host,
                server_port=self.port,
                share=self.share,
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                run_history=False,  # which browsers would keep
                enable_monitoring=False,
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
                max_file_size=MAX_BYTES,
                theme=THEME,
                css_paths=STYLE,
                js=LIVE,
                app_kwargs={"middleware": [Middleware(Limits)], "docs_url": None, "redoc_url": None},
            )
        except OSError as error:
            raise ValueError(
                f"--host {self.host}, --port {self.port or 'left out'}: cannot listen there ({error}); name others"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.page.close(verbose=False)

    def wait(self) -> None:
        """Wait for Ctrl+C."""
        self.page.block_thread()
