from functools import cache

import pytest

from tests.exporting.variants import VARIANTS, Exported, export_tiny


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> "Exports":
    """The variants as ONNX files, each exported when it is first asked for."""
    return Exports(tmp_path_factory)


class Exports:
    """Exported variants by name."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self.of = cache(lambda name: export_tiny(folders.mktemp(name), VARIANTS[name]))


@pytest.fixture(scope="session", params=VARIANTS)
def exported(request: pytest.FixtureRequest, exports: Exports) -> Exported:
    """Each variant in turn."""
    return exports.of(request.param)


@pytest.fixture(scope="session")
def reference(exports: Exports) -> Exported:
    """The reference model, which has an image decoder."""
    return exports.of("gru_gaussian_resnet")
