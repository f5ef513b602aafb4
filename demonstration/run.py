"""From the options of demo.py to a page that is served."""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from captioning.pipeline import CaptionPipeline
from demonstration.examples import find_examples
from demonstration.style_dimensions import has_style_dimensions, name_dimensions
from utils.devices import check_device


def run(options: argparse.Namespace) -> None:
    """Serve the page until Ctrl+C."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # which it reads once
    from demonstration.server import Server  # here: it imports Gradio

    check_device(options.device, f"--device {options.device}")
    captioner = CaptionPipeline.load(
        options.checkpoint, device=options.device, trusted_packages=options.trust
    ).captioner
    with TemporaryDirectory(prefix="facet-demo-") as folder:
        examples = find_examples(captioner, options.examples, Path(folder))
        if not examples:
            print("no examples: name some by --examples; sliders of the style need them, too", file=sys.stderr)
        named = examples and has_style_dimensions(captioner)
        with Server(
            captioner,
            examples,
            name_dimensions(captioner, examples) if named else [],
            folder=Path(folder),
            host=options.host,
            port=options.port,
            share=options.share,
        ) as server:
            print(f"the demo is at {server.url} (Ctrl+C ends it)", flush=True)
            if server.public_url:
                print(f"anyone can use it at {server.public_url}", flush=True)
            server.wait()
