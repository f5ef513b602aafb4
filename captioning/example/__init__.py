"""What comes with the package, to try before anything is trained: a small model of drawn scenes, and some scenes.

docs/example_model.py made both.
"""

from pathlib import Path

EXAMPLE_MODEL = Path(__file__).parent / "shapes_small"
EXAMPLE_SCENES = Path(__file__).parent / "scenes"
