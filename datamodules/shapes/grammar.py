"""Five ways to caption a scene, every one of them true.

| style      | says                                | example, and what varies in it                                |
|------------|-------------------------------------|---------------------------------------------------------------|
| terse      | colours, shapes                     | a red disc and a blue square (order, articles, synonyms)      |
| plain      | sizes, colours, shapes, background  | we see two shapes namely a big red … (opening, count, order)  |
| relational | colours, shapes, how objects lie    | the red circle is above the blue square (subject, phrases)    |
| located    | sizes, colours, shapes, places      | in the upper left a large red circle and … (place phrases)    |
| wordy      | everything                          | in the top left there sits a large red circle and … (phrases) |

The openings are arranged for what greedy decoding of a captioner does that knows the image alone, which is to follow
the most frequent next word: only `located` and `wordy` begin with a place; both name the objects in reading order with
canonical words; and `wordy` has a single phrase for a place where `located` has two, one of which begins as it does. So
the most likely caption states every fact. Both say the place first: having said it, a captioner knows where to look for
the rest.
"""

from collections.abc import Callable

from datamodules.shapes import lexicon
from datamodules.shapes.draws import Draws
from datamodules.shapes.scene import Background, Scene, SceneObject, cell_of, scene_at

Style = Callable[[Scene, Draws], str]


def terse(scene: Scene, draws: Draws) -> str:
    """Colour and shape of each object, in any order, with articles or without."""
    objects = _shuffled(scene, draws)
    with_articles = draws.below(2)
    looks = [_look(thing, draws) for thing in objects]
    return " and ".join(_with_article(look) if with_articles else look for look in looks)


def plain(scene: Scene, draws: Draws) -> str:
    """Size, colour and shape of each object, in any order, then the background; sometimes their count first."""
    opening = draws.choice(lexicon.OPENINGS)
    if draws.below(2):
        opening += f" {lexicon.COUNTS[len(scene.objects)][0]} namely"
    objects = [
        f"a {draws.choice(lexicon.SIZES[thing.size])} {_look(thing, draws)}" for thing in _shuffled(scene, draws)
    ]
    return f"{opening} {' and '.join(objects)} {_background(scene.background, draws)}"


def relational(scene: Scene, draws: Draws) -> str:
    """Where one object lies from each other one; of a single object, that it is alone."""
    subject, *others = _shuffled(scene, draws)
    if not others:
        return f"the {_look(subject, draws)} is {draws.choice(lexicon.ALONE)}"
    relations = [f"{_relation(subject, other, draws)} the {_look(other, draws)}" for other in others]
    return f"the {_look(subject, draws)} is {' and '.join(relations)}"


def located(scene: Scene, draws: Draws) -> str:
    """Size, colour, shape and place of each object, in reading order."""
    objects = [f"{draws.choice(lexicon.PLACES[thing.place][1:])} {_canonical(thing)}" for thing in scene.objects]
    return " and ".join(objects)


def wordy(scene: Scene, draws: Draws) -> str:
    """Size, colour, shape and place of each object, in reading order, and the background."""
    places = [lexicon.PLACES[thing.place][0] for thing in scene.objects]
    places[0] += f" {draws.choice(lexicon.VERBS)}"
    objects = [f"{place} {_canonical(thing)}" for place, thing in zip(places, scene.objects, strict=True)]
    return f"{' and '.join(objects)} {_background(scene.background, draws)}"


STYLES: dict[str, Style] = {
    "terse": terse,
    "plain": plain,
    "relational": relational,
    "located": located,
    "wordy": wordy,
}


def captions_at(seed: int, index: int) -> list[str]:
    """Return the five captions of scene `index` of the world `seed`, in the order of `STYLES`."""
    scene = scene_at(seed, index)
    return [style(scene, Draws("caption", seed, index, name)) for name, style in STYLES.items()]


def _shuffled(scene: Scene, draws: Draws) -> list[SceneObject]:
    return draws.sample(scene.objects, len(scene.objects))


def _look(thing: SceneObject, draws: Draws) -> str:
    return f"{draws.choice(lexicon.COLOURS[thing.colour])} {draws.choice(lexicon.SHAPES[thing.shape])}"


def _with_article(look: str) -> str:
    return f"{'an' if look.startswith('o') else 'a'} {look}"  # of all colours orange alone begins with a vowel


def _canonical(thing: SceneObject) -> str:
    size, colour, shape = lexicon.SIZES[thing.size], lexicon.COLOURS[thing.colour], lexicon.SHAPES[thing.shape]
    return f"a {size[0]} {colour[0]} {shape[0]}"


def _background(background: Background, draws: Draws) -> str:
    tone, pattern = lexicon.TONES[background.tone][0], lexicon.PATTERNS[background.pattern][0]
    before, after = draws.choice(lexicon.BEFORE_BACKGROUND), draws.choice(lexicon.AFTER_BACKGROUND)
    # "a plain dark background", but "a dark striped background", as English has it
    adjectives = f"{pattern} {tone}" if background.pattern == "plain" else f"{tone} {pattern}"
    return f"{before} {adjectives} {after}"


def _relation(subject: SceneObject, other: SceneObject, draws: Draws) -> str:
    """A phrase for how the subject lies from the other; two in a diagonal lie both beside and above each other."""
    (row, column), (other_row, other_column) = cell_of(subject.place), cell_of(other.place)
    relations = []
    if column != other_column:
        relations.append("left" if column < other_column else "right")
    if row != other_row:
        relations.append("above" if row < other_row else "below")
    return draws.choice(lexicon.RELATIONS[draws.choice(relations)])
