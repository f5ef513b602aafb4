import importlib.util
import json
import random
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ptb_parity import find_jar, java_tokens, main, read_captions
from metrics.ptb_tokenizer import PUNCTUATION, lexer, ptb_tokenize, rules

CASES: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("ptb_cases.json").read_text(encoding="utf-8"))
"""Captions by kind, and what coco-caption's tokenizer makes of them with "x" on the next line."""

ALL_CASES = {caption: tokens for cases in CASES.values() for caption, tokens in cases.items()}

VOCABULARY = r"""
a A the The man dogs dog's dogs' isn't don't they're I'm o'clock t-shirt T-Shirt two-year-old 2 1,000 3.5 5:30 1/2 1st
'90s Mr. St. U.S. e.g. etc. no. No. p.m. Jr. Co. Mass. ill. Miss. gonna cannot wanna 'tis AT&T and/or foo.com Ph.D. A.
www.foo.com/a me@x.org #tag @name :) :-( ... -- - / \ & + = % $5 £5 5¢ ½ ° café Zoë 日本 – — “hi” ‘hi’ «x» (left) [x]
{x} <b> <3 C++ file.txt 555-1234 (555) 10 . , ; : ! ? !! '' ' " * # ~ n't 's X.Y. O'Neil l'eau c'mon 'em in
"""
WORDS = VOCABULARY.split()
JOINTS = [" "] * 8 + ["", "", " ,", " . ", ",", ". ", "-", "/", "'", '"', "...", "\xa0", "\t", "  "]


def _made_up_captions(number: int, seed: int) -> list[str]:
    """Return captions of words and marks, as wild as no one writes them; some in capitals."""
    dice = random.Random(seed)
    captions = []
    for _ in range(number):
        parts = [dice.choice(WORDS) + dice.choice(JOINTS) for _ in range(dice.randint(1, 12))]
        captions.append("".join(parts).upper() if dice.random() < 0.2 else "".join(parts))
    return captions


@pytest.mark.parametrize("kind", CASES)
def test_tokens_are_those_of_the_java_program(kind: str) -> None:
    tokens = {caption: " ".join(ptb_tokenize(caption)) for caption in CASES[kind]}
    assert tokens == CASES[kind]


def test_there_are_many_cases() -> None:
    assert len(ALL_CASES) > 1_400
    assert len(CASES["captions"]) > 300


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("A man's dog isn't here.", ("a", "man", "'s", "dog", "is", "n't", "here")),
        ('A sign says "STOP" , (left) ...', ("a", "sign", "says", "stop", "-lrb-", "left", "-rrb-")),
        ("1 1/2 cups", ("1\xa01/2", "cups")),
        ("I cannot, U.S. is", ("i", "can", "not", "u.s.", "is")),
        ("wow!!! colour/color", ("wow", "!!!", "colour/color")),
        ("", ()),
        (" . ", ()),
    ],
)
def test_hand_values(caption: str, tokens: tuple[str, ...]) -> None:
    assert ptb_tokenize(caption) == tokens


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x0c", "\u2028", "\u2029"])
def test_a_line_end_is_a_space(end: str) -> None:
    assert ptb_tokenize(f"a dog{end}runs .{end}") == ("a", "dog", "runs")


def test_accents_are_the_same_composed_and_decomposed() -> None:
    assert (
        ptb_tokenize("Un cafe\u0301 a\u0300 Kyo\u0302to .")
        == ptb_tokenize("Un café à Kyôto .")
        == ("un", "café", "à", "kyôto")
    )


def test_nothing_of_the_next_caption_is_seen() -> None:
    assert ptb_tokenize("plan B.") == ("plan", "b.")
    assert ptb_tokenize("plan B. The end") == ("plan", "b", "the", "end")
    assert ptb_tokenize("player no.") == ("player", "no")
    assert ptb_tokenize("player no. 5") == ("player", "no.", "5")
    assert ptb_tokenize("back in '90") == ("back", "in", "'90")


def test_the_short_cut_for_plain_words_finds_what_the_rules_find(monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [*ALL_CASES, *_made_up_captions(3_000, seed=1)]
    quick = [ptb_tokenize.__wrapped__(caption) for caption in captions]
    monkeypatch.setattr(lexer, "_end_of_plain_words", lambda shape, start: start)
    assert [ptb_tokenize.__wrapped__(caption) for caption in captions] == quick


def test_no_rule_starts_with_what_it_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [*ALL_CASES, *_made_up_captions(1_000, seed=2)]
    chosen = [ptb_tokenize.__wrapped__(caption) for caption in captions]
    monkeypatch.setattr(lexer, "rules_for", lambda first: rules.RULES)
    assert [ptb_tokenize.__wrapped__(caption) for caption in captions] == chosen


def test_results_are_kept_for_captions_that_come_again() -> None:
    ptb_tokenize("a caption that comes again")
    hits = ptb_tokenize.cache_info().hits
    assert ptb_tokenize("a caption that comes again") is ptb_tokenize("a caption that comes again")
    assert ptb_tokenize.cache_info().hits == hits + 2
    assert ptb_tokenize.cache_info().maxsize is not None


def test_the_benchmark_reads_plain_and_flickr_files(tmp_path: Path) -> None:
    file = tmp_path / "captions.txt"
    file.write_text("1.jpg#0\tA dog , #1\tfan\u2028here .\n1.jpg#1\tA cat .\nplain #3 line\n", encoding="utf-8")
    assert read_captions(file) == ["A dog , #1\tfan\u2028here .", "A cat .", "plain #3 line"]


def test_the_benchmark_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "captions.txt"), "--jar", str(tmp_path / "no.jar")])
    assert (
        "expected stanford-corenlp-3.4.1.jar at --jar, at FACET_PTB_JAR or in pycocoevalcap" in capsys.readouterr().err
    )


def _jar() -> Path:
    jar = find_jar()
    if jar is None or not jar.exists():
        pytest.skip("no stanford-corenlp-3.4.1.jar: neither FACET_PTB_JAR nor the package pycocoevalcap has it")
    if shutil.which("java") is None:
        pytest.skip("no program java on the path")
    return jar


@pytest.mark.slow
def test_tokens_are_those_that_the_java_program_gives_now(tmp_path: Path) -> None:
    captions = [*ALL_CASES, *_made_up_captions(20_000, seed=3)]
    lines = [line for caption in captions for line in (caption, "x")]  # which no rule looks for
    theirs = java_tokens(lines, _jar())[::2]
    assert {c: t for c, t in zip(captions, theirs, strict=True) if t != ptb_tokenize(c)} == {}

    file, out = tmp_path / "captions.txt", tmp_path / "out.json"
    file.write_text("\n".join(CASES["captions"]), encoding="utf-8")
    main([str(file), "--jar", str(_jar()), "--out", str(out)])
    figures = json.loads(out.read_text())
    assert (figures["captions"], figures["agree"]) == (len(CASES["captions"]), len(CASES["captions"]))


@pytest.mark.slow
def test_punctuation_is_that_of_coco_caption() -> None:
    if importlib.util.find_spec("pycocoevalcap") is None:
        pytest.skip("the package pycocoevalcap is not installed")
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    assert tuple(PUNCTUATIONS) == PUNCTUATION


@given(
    st.one_of(
        st.text(st.characters(codec=None)),  # half characters, too
        st.lists(st.one_of(st.sampled_from([*WORDS, *JOINTS]), st.text(max_size=3))).map("".join),
    )
)
def test_no_text_is_beyond_it(text: str) -> None:
    tokens = ptb_tokenize(text)
    assert all(tokens)
    assert not {*tokens} & {*PUNCTUATION}


@pytest.mark.parametrize("piece", ["a", "a-", "a.", "1,", "'", "&", "a@", "<a", "http://", ".", " ", "\xa0", "é"])
def test_long_texts_take_no_longer_than_their_length(piece: str) -> None:
    """No rule goes back over what it has read: ten thousand pieces would take minutes."""
    start = time.perf_counter()
    ptb_tokenize(piece * 10_000)
    assert time.perf_counter() - start < 20
