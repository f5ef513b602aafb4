"""Who may import whom, what configs may name, and how long a file may be: the shape of the code, kept."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from tests.tiny_run import ROOT

PACKAGES = (
    "utils",
    "datamodules",
    "metrics",
    "pictures",
    "lightning_modules",
    "callbacks",
    "captioning",
    "drawing",
    "evaluation",
    "exporting",
    "demonstration",
    "launch",
    "facet",
)
SCRIPTS = ("train", "evaluate", "caption", "demo", "draw", "score", "average", "export", "write_shards")
OURS = {*PACKAGES, *SCRIPTS}
SOURCES = sorted([*(path for name in PACKAGES for path in (ROOT / name).rglob("*.py")), *ROOT.glob("*.py")])
MOST_LINES = 320

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "lightning_modules.networks": (
        "lightning_modules.networks",
        "lightning_modules.schedules",
        "utils.cache_key",
        "utils.distributed",
        "utils.require",
        "utils.seeding",
        "torch",
        "timm",
        "lazy_loader",
        "numpy",
        "safetensors",
        "utils.display",  # and the next ones: of the command `openai_weights`
        "utils.files",
        "utils.home_folder",
        "utils.path_faults",
    ),
    "lightning_modules.losses": (
        "lightning_modules.losses",
        "lightning_modules.networks",
        "lightning_modules.schedules",
        "utils.distributed",
        "utils.require",
        "torch",
    ),
    "lightning_modules.generation": ("lightning_modules.generation", "utils.require", "utils.seeding", "torch"),
    "lightning_modules.schedules": ("lightning_modules.schedules", "utils.require", "torch"),
    "metrics": (
        "metrics",
        "utils",
        "numpy",
        "torch",
        "torchmetrics",
        "rouge_score",
        "safetensors",
        "sklearn",
        "threadpoolctl",
        "transformers",
    ),
    "lightning_modules.exploration": (
        "lightning_modules.exploration",
        "lightning_modules.base",
        "lightning_modules.generation",
        "utils.seeding",
        "torch",
    ),
    "lightning_modules.exporting": ("lightning_modules.exporting", "lightning_modules.networks", "torch"),
    "exporting.runner": ("exporting.runner", "numpy", "onnxruntime", "PIL"),
    "facet": ("utils.scripts", "utils.version"),
    "pictures": ("pictures", "metrics.words", "jinja2", "markupsafe", "matplotlib", "numpy", "PIL", "torch"),
    "callbacks": (
        "callbacks",
        "datamodules.batch",
        "datamodules.feature_cache",
        "datamodules.fingerprint",
        "datamodules.split",
        "google.protobuf",
        "lazy_loader",
        "lightning_fabric",
        "lightning_modules.exploration",
        "lightning_modules.losses.terms",
        "lightning_modules.results.explained_captions",
        "metrics",
        "pictures",
        "pytorch_lightning",
        "tensorboard",
        "torch",
        "timm",
        "torchvision",
        "utils",
    ),
}
"""Beside the standard library; what a package may import from."""

OF_TASKS = ("captioning", "drawing", "evaluation", "exporting", "demonstration", "launch", *SCRIPTS)
MAY_NOT_IMPORT: dict[str, tuple[str, ...]] = {
    "utils": (*PACKAGES[1:], *SCRIPTS),
    "datamodules": ("pictures", "lightning_modules", "callbacks", *OF_TASKS, "hydra", "omegaconf"),
    "lightning_modules": ("pictures", "callbacks", *OF_TASKS),
    "callbacks": OF_TASKS,
    "captioning": ("callbacks", "drawing", "evaluation", "exporting", "demonstration", "launch", *SCRIPTS),
    "drawing": ("callbacks", "evaluation", "exporting", "demonstration", "launch", *SCRIPTS),
    "evaluation": ("captioning", "drawing", "exporting", "demonstration", "launch", *SCRIPTS),
    "exporting": ("callbacks", "evaluation", "demonstration", "launch", *SCRIPTS),
    "demonstration": ("callbacks", "exporting", "launch", *SCRIPTS),
    "launch": ("demonstration", *SCRIPTS),
}

PUBLIC_TO_CALLBACKS = "lightning_modules"  # its `__all__`, not what lies deeper


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imports(path: Path) -> list[str]:
    """Return the dotted name of each thing that a file imports, wherever in the file it does so."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _is_standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def _targets(settings: Any) -> Iterator[str]:
    if isinstance(settings, dict):
        for key, value in settings.items():
            yield from [value] if key == "_target_" else _targets(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _targets(value)


def _read(path: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.load(path), resolve=False)


OPTIONS = sorted((ROOT / "conf").rglob("*.yaml"))
TARGETS = {target for path in OPTIONS for target in _targets(_read(path))}


def test_the_root_holds_the_scripts_and_nothing_else() -> None:
    assert sorted(path.stem for path in ROOT.glob("*.py")) == sorted(SCRIPTS)


def test_something_is_looked_at() -> None:
    assert len(SOURCES) > 60
    assert len(TARGETS) > 25
    assert "lightning_modules.networks.latents.gaussian" in map(_module, SOURCES)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_what_they_may_and_no_more(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if _within(_module(path), (package,))
        for name in _imports(path)
        if not _within(name, MAY_IMPORT[package]) and not _is_standard(name) and not _is_public(package, name)
    ]
    assert wrong == []


def _is_public(package: str, name: str) -> bool:
    parent, _, thing = name.rpartition(".")
    return package == "callbacks" and parent == PUBLIC_TO_CALLBACKS and thing in get_object(parent).__all__


@pytest.mark.parametrize("package", MAY_NOT_IMPORT)
def test_packages_do_not_import_upwards(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if _within(_module(path), (package,))
        for name in _imports(path)
        if _within(name, MAY_NOT_IMPORT[package])
    ]
    assert wrong == []


def test_a_stage_of_the_network_does_not_know_the_whole() -> None:
    whole = tuple(f"lightning_modules.networks.{name}" for name in ("captioner", "dalle", "discrete_vae"))
    stages = [path for path in SOURCES if _module(path).count(".") >= 3 and "networks" in path.parts]
    assert len(stages) > 20
    assert [path for path in stages for name in _imports(path) if _within(name, whole)] == []


@pytest.mark.parametrize("script", ["train", "evaluate", "caption", "demo", "draw", "score", "export", "write_shards"])
def test_entry_scripts_name_no_class_that_a_config_chooses(script: str) -> None:
    tree = ast.parse((ROOT / f"{script}.py").read_text(encoding="utf-8"))
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    named |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    chosen = {target.rsplit(".", 1)[1] for target in TARGETS if target.split(".")[0] in OURS}
    assert named & chosen == set()


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: str(path.relative_to(ROOT / "conf")))
def test_every_option_names_what_exists_or_says_that_it_is_empty(path: Path) -> None:
    settings = _read(path)
    for target in _targets(settings):
        assert callable(get_object(target))
    of_root: set[str] = set()
    if path.read_text().startswith("# @package _global_"):
        of_root = set(_read(ROOT / "conf" / "train.yaml"))
        groups = {folder.name for folder in (ROOT / "conf").iterdir() if folder.is_dir()}
        assert settings.keys() - {"defaults"} <= of_root | groups, f"{path}: unknown keys"
    if "_target_" not in settings and "defaults" not in settings:
        targets_of_parts = [list(_targets(value)) for name, value in settings.items() if name not in of_root]
        assert all(targets_of_parts), f"{path}: neither a _target_, nor defaults, nor parts that have one"
        assert settings or path.read_text().startswith("#"), f"{path}: an empty option says what it means"


def test_every_implementation_can_be_chosen_in_a_config() -> None:
    for package in (
        "attentions",
        "code_embeddings",
        "code_readers",
        "combiners",
        "decoders",
        "encoders",
        "grid_decoders",
        "image_decoders",
        "latents",
        "middles",
        "position_combiners",
        "quantizers",
    ):
        stage = get_object(f"lightning_modules.networks.{package}")
        other_names = {"attentions": "attention", "position_combiners": "position"}
        folder = other_names.get(package, package.removesuffix("s"))
        folder = "latents" if package == "latents" else folder
        named = {t for path in (ROOT / "conf/model" / folder).glob("*.yaml") for t in _targets(_read(path))}
        chosen = {target for target in named if not target.startswith("lightning_modules.schedules.")}
        concrete = {
            f"{stage.__name__}.{name}"
            for name in stage.__all__
            if hasattr(getattr(stage, name), "forward") and not inspect.isabstract(getattr(stage, name))
        }
        assert concrete == chosen


WORDS_OF_OUR_OWN = re.compile(r"(?:^|_)(?:say|says|said|saying|redraw\w*|wanted|heard)(?:_|$)", re.IGNORECASE)


def test_names_are_the_fields_words() -> None:
    """Who looks for *generate*, *reconstruct*, *constraints* and *attention* finds them."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (getattr(node, attribute, None) for attribute in ("name", "id", "attr", "arg"))
        if isinstance(name, str) and WORDS_OF_OUR_OWN.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    }
    assert found == set()


FAMILIES = (
    *("variational_captioner", "self_critical_captioner", "distilled_captioner"),
    *("image_coder", "dalle_captioner", "ensemble"),
)


def test_nothing_outside_a_family_names_it() -> None:
    outside = [path for path in SOURCES if path.stem not in FAMILIES and path.parent != ROOT / "lightning_modules"]
    naming = {path.relative_to(ROOT) for path in outside for name in _imports(path) if "SelfCritical" in name}
    for family in ("VariationalCaptioner", "ImageCoder", "DalleCaptioner"):
        naming |= {path.relative_to(ROOT) for path in outside if family in path.read_text(encoding="utf-8")}
    assert naming - {Path("lightning_modules/checkpoints/formats.py")} == set()  # which knows what older ones are of


def test_the_hall_of_the_models_is_small() -> None:
    shared = {path.stem for path in (ROOT / "lightning_modules").glob("*.py")} - {"__init__", *FAMILIES}
    assert len(shared) <= 5


def test_files_are_short() -> None:
    ours = [path for folder in (*PACKAGES, "tests", "benchmarks", "conf") for path in (ROOT / folder).rglob("*.*")]
    texts = [path for path in (*ours, *ROOT.glob("*.py")) if path.suffix in (".py", ".yaml")]
    assert len(texts) > 120
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in texts}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
