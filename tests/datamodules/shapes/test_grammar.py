"""Properties of the captions of some thousands of scenes."""

from collections import Counter

import pytest

from datamodules.shapes import lexicon
from datamodules.shapes.claims import facts, facts_stated, is_true
from datamodules.shapes.draws import Draws
from datamodules.shapes.grammar import STYLES, captions_at
from datamodules.shapes.parser import parse
from datamodules.shapes.scene import Scene, scene_at

SEED, NUM_SCENES = 11, 2000
CAPTIONS = [captions_at(SEED, index) for index in range(NUM_SCENES)]
TABLES = (
    lexicon.SHAPES,
    lexicon.COLOURS,
    lexicon.SIZES,
    lexicon.PLACES,
    lexicon.TONES,
    lexicon.PATTERNS,
    lexicon.COUNTS,
)
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}


def test_every_caption_is_read_and_true() -> None:
    for index, captions in enumerate(CAPTIONS):
        for caption in captions:
            claims = parse(caption)
            assert claims is not None, caption
            assert is_true(claims, scene_at(SEED, index)), caption


def corruptions(caption: str) -> list[str]:
    """The caption with one phrase replaced by one that says something else, in every way."""
    swaps = [
        (phrase, other[0])
        for table in TABLES
        for meaning, phrases in table.items()
        for phrase in phrases
        for different, other in table.items()
        if different != meaning
    ]
    swaps += [(said, lexicon.RELATIONS[OPPOSITE[r]][0]) for r, phrases in lexicon.RELATIONS.items() for said in phrases]
    swaps += [(said, "above the red star") for said in lexicon.ALONE]
    text = f" {caption} "
    corrupted = []
    for said, other in swaps:
        start = text.find(f" {said} ")
        while start >= 0:
            corrupted.append(f"{text[: start + 1]}{other}{text[start + 1 + len(said) :]}".strip())
            start = text.find(f" {said} ", start + 1)
    return corrupted


def test_a_caption_with_one_thing_changed_is_false() -> None:
    for index, captions in enumerate(CAPTIONS[:150]):
        for caption in captions:
            changed = {corrupted: parse(corrupted) for corrupted in corruptions(caption)}
            assert sum(claims is not None for claims in changed.values()) >= 10
            for corrupted, claims in changed.items():
                assert claims is None or not is_true(claims, scene_at(SEED, index)), (caption, corrupted)


def test_captions_are_pinned() -> None:
    # A change here changes the data set: results no longer compare.
    assert captions_at(42, 1) == [
        "turquoise disc",
        "we see one shape namely a large turquoise circle on a dark striped background",
        "the turquoise disc is by itself",
        "at the bottom middle a large cyan circle",
        "at the bottom there is a large cyan circle on a dark striped background",
    ]


def test_captions_are_lower_case_words_and_at_most_thirty_three() -> None:
    for caption in (caption for captions in CAPTIONS for caption in captions):
        words = caption.split(" ")
        assert len(words) <= 33
        assert all(word.isalpha() and word.islower() for word in words)


@pytest.mark.parametrize(("style", "attributes"), [("terse", 2), ("plain", 3), ("located", 4), ("wordy", 4)])
def test_a_style_states_its_share_of_the_facts(style: str, attributes: int) -> None:
    background = 2 if style in ("plain", "wordy") else 0
    for index, captions in enumerate(CAPTIONS):
        scene = scene_at(SEED, index)
        claims = parse(captions[list(STYLES).index(style)])
        assert claims is not None
        assert len(facts_stated(claims, scene)) == attributes * len(scene.objects) + background


def test_the_five_captions_of_a_scene_differ() -> None:
    assert all(len(set(captions)) == 5 for captions in CAPTIONS)


def test_a_style_varies_within_a_scene() -> None:
    scene = next(scene for scene in (scene_at(SEED, i) for i in range(100)) if len(scene.objects) == 3)
    for style in STYLES.values():
        assert len({style(scene, Draws("variation", i)) for i in range(200)}) >= 8


def most_likely_caption(scene: Scene, draws_of_each_style: int = 400) -> str:
    """Follow the most frequent next word among many captions of a scene: what greedy decoding of a good model says."""
    captions = [
        [*style(scene, Draws("greedy", i)).split(), "<end>"]
        for style in STYLES.values()
        for i in range(draws_of_each_style)
    ]
    said: list[str] = []
    while not said or said[-1] != "<end>":
        said.append(Counter(words[len(said)] for words in captions).most_common(1)[0][0])
        captions = [words for words in captions if words[len(said) - 1] == said[-1]]
    return " ".join(said[:-1])


def test_the_most_likely_caption_states_every_fact() -> None:
    for index in range(60):
        scene = scene_at(SEED, index)
        caption = most_likely_caption(scene)
        claims = parse(caption)
        assert claims is not None, caption
        assert facts_stated(claims, scene) == facts(scene), caption
