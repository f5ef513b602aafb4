from pathlib import Path
from typing import Any

import pytest

from captioning.arguments import CONF, options_of, parse_arguments
from captioning.strategy import build, ranking_settings, strategy_settings, with_max_length
from lightning_modules.checkpoints.loading import load_captioner
from lightning_modules.generation import Beam, Greedy, Sample
from lightning_modules.ranking import Consensus, Likelihood, Mix, Reconstruction, TrainingIndex
from tests.captioning.caption_command import caption, caption_json, save_pictures
from tests.tiny_run import ROOT, TinyRun, build_tiny


def _options(*arguments: object) -> Any:
    return parse_arguments(["best.ckpt", "photo.jpg", *map(str, arguments)])


def _settings(*arguments: object) -> dict[str, Any]:
    (settings,) = strategy_settings(_options(*arguments))
    return with_max_length(settings, 40)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return save_pictures(tmp_path, ["a.png", "b.png"])


def test_choices_are_the_files_of_the_config() -> None:
    assert CONF == ROOT / "conf"
    assert options_of("generation") == [
        "beam",
        "beam3",
        "constrained_beam",
        "diverse_beam",
        "greedy",
        "latent",
        "latent_set",
        "pool",
        "sample",
    ]
    with pytest.raises(ValueError, match="--strategy: invalid choice: 'beams'"):
        _options("--strategy", "beams")
    with pytest.raises(ValueError, match="--rank: invalid choice: 'none'"):
        _options("--rank", "none")


@pytest.mark.parametrize("name", options_of("generation"))
def test_every_strategy_generates_captions(
    trained: TinyRun, photos: list[Path], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    num = {"pool": 40}.get(name, 1 if name in ("greedy", "beam", "beam3", "constrained_beam") else 5)
    for entry in caption_json(capsys, trained.best, *photos, "--strategy", name):
        assert len(entry["captions"]) == len(entry["log_probabilities"]) == num
    if name not in ("greedy", "pool"):  # which have no number of their own
        described = caption_json(capsys, trained.best, *photos, "--strategy", name, "--num", 3, "--set", "max_length=6")
        assert [len(entry["captions"]) for entry in described] == [3, 3]
        assert max(len(words.split()) for entry in described for words in entry["captions"]) <= 6


def test_without_strategy_the_greedy_caption_comes_before_samples() -> None:
    settings = strategy_settings(_options("--num", 4, "--top-k", 7))
    greedy, sample = (build(with_max_length(strategy, 40)) for strategy in settings)
    assert isinstance(greedy, Greedy)
    assert isinstance(sample, Sample)
    assert (sample.num, sample.top_k, sample.temperature) == (3, 7, 1.0)
    assert len(strategy_settings(_options("--num", 1))) == 1
    assert strategy_settings(_options())[1]["num"] == 4
    with pytest.raises(ValueError, match="--num 0: expected at least 1"):
        strategy_settings(_options("--num", 0))


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        (["--words", "dog"], "ConstrainedBeam"),
        (["--words", "dog", "--style", "1"], "ConstrainedBeam"),
        (["--style-from", "a.jpg"], "Greedy"),
        (["--traverse", 0], "Greedy"),
        (["--rank", "likelihood"], "Sample"),
        (["--words", "dog", "--rank", "likelihood", "--strategy", "beam"], "Beam"),
    ],
)
def test_other_options_imply_a_strategy(arguments: list[object], target: str) -> None:
    assert _settings(*arguments)["_target_"].rsplit(".", 1)[1] == target


def test_named_settings_and_any_other_key_are_set() -> None:
    sample = _settings("--strategy", "sample", "--temperature", 2, "--top-k", 3, "--top-p", 0.5, "--filter-thres", 0.1)
    assert [sample[key] for key in ("temperature", "top_k", "top_p", "filter_thres")] == [2, 3, 0.5, 0.1]
    sample = _settings("--strategy", "sample", "--set", "top_p=1e-6", "--set", "top_k=null", "--set", "latent_scale=0")
    assert [sample[key] for key in ("top_p", "top_k", "latent_scale")] == [1e-6, None, 0]
    latent = _settings("--strategy", "latent", "--set", "vary_content=true", "--set", "source=prior")
    assert (latent["vary_content"], latent["source"]) == (True, "prior")
    different = ("--temperature", 0.5, "--set", "max_draws=40", "--set", "spread=clusters")
    latent = _settings("--strategy", "latent", *different)
    assert (latent["temperature"], latent["max_draws"], latent["spread"]) == (0.5, 40, "clusters")
    pool = _settings("--strategy", "pool", "--set", "strategies.sample.num=7", "--set", "strategies.beam.num=3")
    assert build(pool).num == 10
    latent_set = build(_settings("--strategy", "latent_set", "--num", 4, "--set", "diversity=3"))
    assert (latent_set.num, latent_set.latents.num, latent_set.diversity) == (4, 50, 3)
    assert _settings("--strategy", "constrained_beam", "--set", "words=[dog, cat]")["words"] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("arguments", "num", "beam_size"),
    [
        (["beam"], 1, 5),
        (["beam", "--num", 4], 4, 5),
        (["beam", "--num", 8], 8, 8),
        (["beam", "--set", "num=8"], 8, 8),
        (["constrained_beam", "--num", 12], 12, 12),
        (["diverse_beam", "--num", 7], 7, 10),  # five groups
        (["diverse_beam", "--num", 7, "--set", "num_groups=1"], 7, 7),
        (["latent", "--num", 7], 7, 1),  # each draw has its own beam
    ],
)
def test_beams_are_as_wide_as_is_needed(arguments: list[object], num: int, beam_size: int) -> None:
    settings = _settings("--strategy", *arguments)
    assert (settings["num"], settings["beam_size"]) == (num, beam_size)
    assert build(settings).num == num


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--strategy", "beam", "--top-k", 3],
            "--top-k: strategy beam has no top_k; it has beam_size, num, length_pen",
        ),
        (["--strategy", "greedy", "--temperature", 3], "--temperature: strategy greedy has no .*; it has max_length$"),
        (["--strategy", "beam", "--set", "top_k=3"], "--set top_k=3: strategy beam has no top_k; it has beam_size"),
        (["--strategy", "beam", "--set", "_target_=os.system"], "strategy beam has no _target_; it has beam_size"),
        (["--strategy", "beam", "--set", "num"], "--set num: expected KEY=VALUE, such as"),
        (["--strategy", "beam", "--set", "num=[1,"], r"--set num=\[1,: expected a value as in YAML"),
        (["--strategy", "beam", "--set", "num=${num}"], "--set num=.*: expected a value as in YAML"),
        (["--strategy", "beam", "--set", "beam_size=big"], "--set beam_size=big: expected int, got 'big'"),
        (["--strategy", "beam", "--set", "no_repeat_ngram=2.5"], "=2.5: expected int or null, got 2.5"),
        (["--strategy", "diverse_beam", "--set", "min_length=x"], "--set min_length=x: expected int, got 'x'"),
        (["--strategy", "latent", "--set", "num=true"], "--set num=True: expected int, got True"),
        (["--strategy", "greedy", "--num", 3], "--num 3: strategy greedy makes one caption, expected 1"),
        (["--strategy", "pool", "--num", 3], "--num 3: strategy pool .* beam and sample; .*strategies.sample.num=3"),
        (["--strategy", "pool", "--set", "strategies.beam.top_k=3"], "strategy pool.strategies.beam has no top_k"),
        (["--strategy", "pool", "--set", "strategies.greedy.num=3"], "strategy pool.strategies has no greedy.num"),
        (["--rank-set", "num_nearest=3"], "--rank-set num_nearest=3: expected a --rank whose setting it is"),
        (["--rank", "mbr", "--rank-set", "near=3"], "--rank-set near=3: ranking mbr has no near; it has index, num_s"),
        (["--rank", "mbr", "--rank-set", "num_samples"], "--rank-set num_samples: expected KEY=VALUE, such as neigh"),
        (["--set", "max_length=3"], "--set max_length=3: expected a --strategy whose setting it is"),
        (["--index", "a.npz"], "--index a.npz: expected a --rank that reads it: consensus, diverse, mbr or mix"),
        (["--rank", "likelihood", "--index", "a.npz"], "--index a.npz: expected a --rank that reads it"),
    ],
)
def test_mistakes_are_named(arguments: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strategy_settings(_options(*arguments)), ranking_settings(_options(*arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["beam", "--num", 8, "--set", "beam_size=5"], "generation.num must be from 1 to beam_size=5, got 8"),
        (["sample", "--num", 0], "generation.num must be at least 1, got 0"),
        (["latent", "--temperature", 1, "--set", "beam_size=3"], "generation.temperature must be 0 with beam_size=3"),
        (["latent_set", "--num", 60], "generation.max_draws must be null or at least num=60, got 50"),
        (["latent", "--set", "source=nowhere"], "generation.source must be posterior or prior, got nowhere"),
    ],
)
def test_a_strategys_own_errors_are_value_errors(arguments: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(_settings("--strategy", *arguments))
    assert build(_settings("--strategy", "greedy", "--num", 1)).num == 1


def test_every_caption_contains_the_words(
    trained: TinyRun, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = load_captioner(trained.best).tokenizer.words[-2:]
    free = caption_json(capsys, trained.best, *photos, "--strategy", "beam")
    assert not all(word in entry["captions"][0].split() for entry in free for word in words)
    described = caption_json(capsys, trained.best, *photos, "--words", ", ".join(words), "--num", 3)
    captions = [caption.split() for entry in described for caption in entry["captions"]]
    assert len(captions) == 6
    assert all(word in caption for caption in captions for word in words)
    with pytest.raises(ValueError, match="generation=constrained_beam; got Greedy"):
        caption(trained.best, *photos, "--strategy", "greedy", "--words", words[0])
    with pytest.raises(ValueError, match="vocabulary has no 'zebrafinch'"):
        caption(trained.best, *photos, "--words", "zebrafinch")
    with pytest.raises(ValueError, match="--words: expected words with commas between them"):
        _options("--words", "dog,,cat")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("likelihood", Likelihood), ("reconstruction", Reconstruction), ("consensus", Consensus), ("mix", Mix)],
)
def test_rankings_are_those_of_the_config(name: str, kind: type) -> None:
    settings = ranking_settings(_options("--rank", name))
    assert settings is not None
    assert isinstance(build(with_max_length(settings, 40)), kind)
    assert ranking_settings(_options()) is None


def test_an_index_goes_wherever_a_ranking_has_one() -> None:
    consensus = ranking_settings(_options("--rank", "consensus", "--index", "my.npz"))
    mix = ranking_settings(_options("--rank", "mix", "--index", "my.npz"))
    assert consensus is not None
    assert mix is not None
    assert (consensus["index"], mix["rankers"]["consensus"]["index"]) == ("my.npz", "my.npz")
    default = ranking_settings(_options("--rank", "consensus", "--rank-set", "neighbours=words"))
    assert default is not None
    assert default["neighbours"] == "words"
    assert default["index"] == "training_index.npz"


@pytest.mark.parametrize("name", [name for name in options_of("ranking") if name != "none"])
def test_ranked_captions_come_best_first(
    trained: TinyRun, photos: list[Path], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments: list[object] = [trained.best, *photos, "--num", 5, "--strategy", "sample", "--set", "max_length=6"]
    index: list[object] = []
    if name in ("consensus", "diverse", "mbr", "mix"):
        _, datamodule = build_tiny(tmp_path / "run")
        TrainingIndex.make(load_captioner(trained.best), datamodule.splits["train"]).save(tmp_path / "index.npz")
        index = ["--index", tmp_path / "index.npz"]
    generated = caption_json(capsys, *arguments)
    ranked = caption_json(capsys, *arguments, "--rank", name, *index)
    for before, after in zip(generated, ranked, strict=True):
        assert "scores" not in before
        assert sorted(before["captions"]) == sorted(after["captions"])
        assert after["scores"] == sorted(after["scores"], reverse=True)
    assert [entry["captions"] for entry in generated] != [entry["captions"] for entry in ranked]


def test_a_consensus_without_its_index_says_how_to_make_it(
    trained: TinyRun, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"training_index.npz: there is no such index .*evaluate\.py"):
        caption(trained.best, *photos, "--rank", "consensus")


def test_beams_have_scores_of_their_own(
    trained: TinyRun, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (entry, _) = caption_json(capsys, trained.best, *photos, "--strategy", "beam", "--num", 3)
    assert isinstance(build(_settings("--strategy", "beam")), Beam)
    ranks = [*zip(entry["finished"], entry["scores"], strict=True)]
    assert ranks == sorted(ranks, reverse=True)  # unfinished captions are behind
    assert entry["scores"] != entry["log_probabilities"]
