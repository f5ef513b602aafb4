"""What comes with the package, to try before anything is trained: a small model of drawn scenes, and some scenes.

docs/example_model.md has the commands that made both.
"""

from pathlib import Path

EXAMPLE_MODEL = Path(__file__).parent / "model"
EXAMPLE_SCENES = Path(__file__).parent / "scenes"
