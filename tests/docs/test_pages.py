"""The pages: they build without a warning, their commands and snippets work, and what they name is there."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hydra.errors import HydraException
from mkdocs.commands.build import build
from mkdocs.config import load_config
from omegaconf import OmegaConf
from PIL import Image

from average import parse_arguments as parse_average
from captioning.arguments import parse_arguments as parse_caption
from captioning.strategy import build as build_settings
from captioning.strategy import ranking_settings, strategy_settings, with_max_length
from demonstration.arguments import parse_arguments as parse_demo
from drawing.arguments import parse_arguments as parse_draw
from drawing.settings import drawing_settings, number_of_drawings
from drawing.settings import ranking_settings as drawing_ranking_settings
from exporting.arguments import parse_arguments as parse_export
from launch.checks import check_settings, refuse_foreign_metrics
from launch.setting_types import refuse_wrong_settings
from score import parse_arguments as parse_score
from tests.docs.pages import PAGES, Block, blocks, commands_in_text, inline_codes, jobs_of
from tests.docs.workplace import SCRIPTS, fill, run_command
from tests.tiny_run import ROOT, compose_train, hydra_job

SHELL = blocks("bash", "sh")
COMMANDS = [(block, words) for block in SHELL for words in block.commands]
TUNING = "benchmarks/tuned_ranking.py"  # which takes the settings of evaluate.py
OURS = [(block, words) for block, words in COMMANDS if words[0] == "python" and words[1] in (*SCRIPTS, TUNING)]
IN_TEXT = commands_in_text()
DISTINCT = {tuple(words): str(block) for block, words in OURS} | IN_TEXT
IDS = [f"{place}-{' '.join(words[1:])[:50]}" for words, place in DISTINCT.items()]
SET_UP = "python3 -m pip install --quiet --upgrade --target .uv uv && .uv/bin/uv run "
OTHERS = ("tensorboard", "torchrun", "export", "ruff", "mypy", "grep")
MOST_LINES = 200
MOST_BYTES = 150_000  # of a picture


def _hooks() -> ModuleType:
    return _script("hooks")


@cache
def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages; the settings of the site make any warning an error."""
    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder))
    assert config.strict
    build(config)
    return folder


def test_the_pages_build_without_a_warning(site: Path) -> None:
    for page in PAGES[1:]:
        html = (site / page.with_suffix(".html").name).read_text(encoding="utf-8")
        assert "{{" not in html
        assert "8&lt;" not in html
        assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="?https?:', html) == []  # they need no network
    assert not [*site.rglob("*.py")]
    extending = re.sub(r"<[^>]+>", "", (site / "extending.html").read_text(encoding="utf-8"))
    for name in ("AnnotatedFolder", "ColourCaptioner", "ColourEncoder", "ShortCaptions"):
        assert re.search(rf"class {name}\(\w+\):", extending)  # files are included, not copied


def test_the_table_of_settings_has_every_option_and_key(site: Path) -> None:
    text = unescape(re.sub(r"<[^>]+>", "", (site / "configuration.html").read_text(encoding="utf-8")))
    for file in sorted((ROOT / "conf").rglob("*.yaml")):
        option = _hooks().read_option(file)
        assert f"{option.group}={option.name}" in text or f"{option.name}.yaml" in text
        assert all(setting.key in text for setting in option.settings)


def test_every_group_is_explained() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\{\{ options: (\S+) \}\}", page)) == _hooks().groups()


@pytest.mark.parametrize("file", sorted((ROOT / "conf").rglob("*.yaml")), ids=lambda file: file.stem)
def test_settings_are_read_as_they_are(file: Path) -> None:
    content = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    read = {setting.key: setting.value for setting in _hooks().read_option(file).settings}
    leaves = dict(_leaves(content))
    for key, value in leaves.items():
        named = [name for name in read if name == key] or [name for name in read if name.endswith(f".{key}")]
        written = read[min(named, key=len)]  # a key of a part may end alike: data.columns.split
        assert OmegaConf.to_container(OmegaConf.create(f"value: {written}"), resolve=False) == {"value": value}
    assert sum(not _is_part(key, leaves) for key in read) == len(leaves)


def _leaves(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in (content or {}).items():
        if key == "defaults" or key.startswith("_"):
            continue
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _is_part(name: str, leaves: dict[str, Any]) -> bool:
    return not any(name == leaf or name.endswith(f".{leaf}") for leaf in leaves)


def test_comments_of_settings_are_found() -> None:
    option = _hooks().read_option(ROOT / "conf/model/loss/vae.yaml")
    meaning = {setting.key: setting.meaning for setting in option.settings}
    assert meaning["model.loss.style_free_bits"].startswith("Nats that are free in each dimension")
    assert meaning["model.loss.reconstruction_weight"].startswith("small until")
    assert "Each weight is a number or a schedule" in option.about[1]
    assert option.chooses == ("kl_loss_weight=linear", "weights=none", "terms=none")
    middle, beam3 = (
        _hooks().read_option(ROOT / f"conf/{name}.yaml") for name in ("model/middle/residual", "generation/beam3")
    )
    of_docstrings = {setting.key: setting.meaning for setting in (*middle.settings, *beam3.settings)}
    assert of_docstrings["model.middle.hidden_size"] == "width of the layers"
    assert of_docstrings["generation.beam_size"] == "Captions in the beam."


def test_the_readme_is_short_and_shows_a_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    pictures = [ROOT / path for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)]
    assert pictures
    assert all(path.stat().st_size <= MOST_BYTES for path in pictures)
    links = [link.partition("#")[0] for link in re.findall(r"(?<!!)\[[^\]]*\]\((?!https?:)([^)]+)\)", text)]
    assert all((ROOT / link).exists() for link in links)


def test_set_up_is_one_command_each_and_the_checks_run_the_same() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```bash\n{SET_UP}train.py\n```" in text
    assert f"```bash\n{SET_UP}pytest\n```" in text
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == f"{SET_UP}pytest"


def test_every_command_is_looked_at() -> None:
    assert len(OURS) > 50
    assert {"flickr8k.yaml", "flickr8k.md", "images_as_words.md"} <= {*IN_TEXT.values()}
    set_ups = [f"{SET_UP}train.py".split(), f"{SET_UP}pytest".split()]
    rest = [words for block, words in COMMANDS if (block, words) not in OURS]
    assert [
        words for words in rest if words not in set_ups and words[0] not in OTHERS and "CKPT=" not in words[0]
    ] == []
    named = {name for _, code in inline_codes() for name in re.findall(r"python (\S+\.py)", code)}
    assert all((ROOT / name).is_file() for name in named)


@pytest.mark.parametrize("words", DISTINCT, ids=IDS)
def test_a_command_fits_what_it_calls(words: tuple[str, ...], tmp_path: Path) -> None:
    _, script, *arguments = words
    if script in ("train.py", "evaluate.py", "write_shards.py", TUNING):
        for job in jobs_of(arguments):
            _compose("evaluate" if script == TUNING else script.removesuffix(".py"), job, tmp_path)
    elif script == "caption.py":
        options = parse_caption(arguments)
        for settings in strategy_settings(options):
            build_settings(with_max_length(settings, 40))
        ranking_settings(options)
    elif script == "draw.py":
        options = parse_draw(arguments)
        assert number_of_drawings(options) > 0
        build_settings(drawing_settings(options))
        if options.rank is not None:
            build_settings(drawing_ranking_settings(options) or {})
    else:
        parsers = {
            "score.py": parse_score,
            "average.py": parse_average,
            "export.py": parse_export,
            "demo.py": parse_demo,
        }
        parsers[script](arguments)


def _compose(name: str, overrides: list[str], folder: Path) -> None:
    """Compose a job as Hydra would, and check its settings as the script does before it builds anything."""
    packages = {"my_lab": "tests/extensions/packages", "my_data": "tests/docs/packages"}
    for package, parent in packages.items():
        overrides = [word.replace(f"file://{package}/", f"file://{ROOT / parent / package}/") for word in overrides]
    own = [f"hydra.runtime.output_dir={folder}", "hydra.mode=RUN"]
    config = compose_train([*overrides, *own], with_hydra=True, name=name)
    with pytest.MonkeyPatch.context() as patch:
        for parent in packages.values():
            patch.syspath_prepend(str(ROOT / parent))
        with hydra_job(config) as job:
            if name == "train":
                check_settings(job)
            else:
                refuse_wrong_settings(job)
                refuse_foreign_metrics(job)


def test_a_command_that_names_a_missing_key_is_found(tmp_path: Path) -> None:
    for wrong in ("model.kl_schedule.steps=3", "model/latents=backbone"):
        with pytest.raises(HydraException):
            _compose("train", [wrong], tmp_path)
    with pytest.raises(ValueError, match="beam_sizes"):
        _compose("train", ["generation=beam", "+generation.beam_sizes=3"], tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workplace")
    fill(folder)
    return folder


@pytest.fixture
def workplace(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder where commands and snippets run; packages in it can be imported."""
    monkeypatch.chdir(filled)
    monkeypatch.syspath_prepend(str(filled))
    yield filled
    for name in [name for name in sys.modules if name.split(".")[0] in ("my_lab", "my_data")]:
        del sys.modules[name]


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("python")}), ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, workplace: Path) -> None:
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks("python"):
        if block.page == page:
            exec(compile("\n" * block.line + block.text, str(page), "exec"), namespace)


@pytest.mark.parametrize("block", [block for block in SHELL if block.runs], ids=str)
def test_the_commands_of_a_block_run(block: Block, workplace: Path) -> None:
    variables: dict[str, str] = {}
    for words in block.commands:
        run_command(words, variables)


def test_the_picture_can_be_drawn_anew(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _script("picture").main("best.ckpt", "picture.png")
    assert len(capsys.readouterr().out.splitlines()) == 4
    with Image.open("picture.png") as picture, Image.open(ROOT / "docs/images/captions.png") as shown:
        assert picture.size == shown.size


def test_settings_in_the_text_exist() -> None:
    options = [option for group in (".", *_hooks().groups()) for option in _hooks().options_of(group)]
    keys = {setting.key for option in options for setting in option.settings}
    named = [
        (page, code.split("=")[0].split()[-1]) for page, code in inline_codes() if re.match(r"[a-z]+[./\w]*=", code)
    ]
    groups = {*_hooks().groups(), *(group.replace("/", ".") for group in _hooks().groups())}
    known = {"weights_only"} | keys | groups | {key.rsplit(".", 1)[0] for key in keys}
    assert [(page, name) for page, name in named if name not in known] == []
    roots = {group.split("/")[0] for group in groups} - {"metrics", "hydra"}  # metrics.… are modules, too
    dotted = [
        (page, code)
        for page, code in inline_codes()
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code)
        and code.split(".")[0] in roots
        and not code.endswith((".py", ".md", ".html", ".json", ".safetensors"))
    ]
    assert [(page, code) for page, code in dotted if code not in known] == []
    chosen = [(page, *code.split("=")) for page, code in inline_codes() if re.fullmatch(r"[a-z_/]+=\w+", code)]
    names = {(option.group, option.name) for option in options}
    assert [choice for choice in chosen if choice[1] in groups and choice[1:] not in names] == []
