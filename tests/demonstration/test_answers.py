"""What the demo answers, without a page."""

import pytest
import torch
from torch import Tensor

from demonstration.answers import (
    MAX_LETTERS,
    Picture,
    caption_between,
    caption_diversely,
    caption_greedily,
    caption_with_words,
    draw,
    own_style,
    reconstruct,
    see,
)
from demonstration.views import show_constrained, show_drawings, show_styled, show_words
from lightning_modules import CaptioningModule, load_captioner
from lightning_modules.generation import Greedy
from tests.tiny_run import TinyRun, run_tiny


def picture_of(captioner: CaptioningModule, seed: int) -> Picture:
    pixels: Tensor = torch.randint(256, (3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return see(captioner, pixels, f"picture {seed}")


@pytest.fixture
def picture(captioner: CaptioningModule) -> Picture:
    return picture_of(captioner, 1)


def test_the_greedy_caption_is_that_of_the_pipeline(captioner: CaptioningModule, picture: Picture) -> None:
    (answer,) = caption_greedily(captioner, picture)
    generated = captioner.generate(captioner.encode(picture.image_3HW[None]), Greedy(max_length=8))
    assert [answer.caption] == generated.captions[0]
    assert answer.log_probability == pytest.approx(float(generated.log_probability_N[0]), abs=1e-5)
    assert " ".join(word.text for word in answer.words if word.text) == answer.caption


def test_diverse_captions_follow_from_the_seed_and_leave_one_out(captioner: CaptioningModule, picture: Picture) -> None:
    first = [answer.caption for answer in caption_diversely(captioner, picture, seed=0)]
    assert len(first) == 5
    assert len({*first}) > 1
    assert [answer.caption for answer in caption_diversely(captioner, picture, seed=0)] == first
    assert [answer.caption for answer in caption_diversely(captioner, picture, seed=1)] != first
    others = [answer.caption for answer in caption_diversely(captioner, picture, seed=0, besides=first[0])]
    assert first[0] not in others
    assert others[: len(first) - 1] == first[1:]


def test_words_appear_and_are_marked(captioner: CaptioningModule, picture: Picture) -> None:
    answers = caption_with_words(captioner, picture, " circle , red,")
    assert all({"circle", "red"} <= {*answer.caption.split()} for answer in answers)
    html = show_constrained("Circle, red", answers)
    assert html.count("<mark>circle</mark>") >= len(answers)
    assert html.count("<mark>red</mark>") >= len(answers)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (" , ", "expected words with commas between them"),
        ("circle, unicorn, unicorn", "the model does not know “unicorn”; leave it out"),
        ("a red circel, a unicorn", r"know “circel” \(did you mean circle\?\), “unicorn”; leave it out"),
        ("a,b,c,d,e,f,g", "expected at most 6 words or phrases and 400 letters, got 7"),
        ("a" * (MAX_LETTERS + 1), "got 1 of 401 letters"),
        ("a red circle and, a red square and", "that a caption of 8 tokens can hold, got 8; leave some out"),
    ],
)
def test_words_that_cannot_be_are_refused(
    captioner: CaptioningModule, picture: Picture, words: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        caption_with_words(captioner, picture, words)


def test_a_sentence_is_reconstructed_as_far_as_it_is_known(captioner: CaptioningModule) -> None:
    answer = reconstruct(captioner, "a red circle and a unicorn")
    assert answer.unknown == ["unicorn"]
    assert answer.sentence == "a red circle and a"
    tokens = captioner.tokenizer.encode("a red circle and a unicorn")[1:]
    torch.testing.assert_close(answer.image_3HW, captioner.reconstruct(torch.tensor([tokens]))[0])
    for sentence, message in ((" ", "expected a sentence, got none"), ("a" * 401, "at most 400 letters, got 401")):
        with pytest.raises(ValueError, match=message):
            reconstruct(captioner, sentence)


def test_the_ends_of_a_mixture_are_both_styles(captioner: CaptioningModule, picture: Picture) -> None:
    other = picture_of(captioner, 2)
    own, second = own_style(captioner, picture).sample, own_style(captioner, other, "a red circle").sample
    assert not torch.equal(own, second)
    for share, style_1S in ((0.0, own), (1.0, second)):
        mixed = caption_between(captioner, picture, other, share, "a red circle")
        (expected,) = caption_greedily(captioner, picture, style_1S)
        assert mixed.caption == expected.caption
        assert mixed.log_probability == pytest.approx(expected.log_probability, abs=1e-5)
    with pytest.raises(ValueError, match="at most 400 letters, got 401"):
        caption_between(captioner, picture, other, 0.5, "a" * 401)


def test_what_a_caption_contains_is_text(captioner: CaptioningModule, picture: Picture) -> None:
    (answer,) = caption_greedily(captioner, picture)
    words = [word._replace(text="<script>") for word in answer.words]
    odd = answer._replace(caption="<script>", words=words)
    for html in (show_words(picture, odd), show_styled("<b>", answer, odd)):
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_a_style_that_sees_no_image_needs_a_caption(trained: TinyRun, picture: Picture) -> None:
    captioner = load_captioner(trained.best).eval()
    type_of = type("NoImage", (type(captioner),), {"style_sees_image": False})
    captioner.__class__ = type_of
    with pytest.raises(ValueError, match="the style of this model is the same for every picture; write a caption"):
        caption_between(captioner, picture, picture, 0.5)


@pytest.mark.parametrize("choices", [["model/attention=none", "model/image_decoder=none"]])
def test_a_model_without_attention_says_so(
    tmp_path_factory: pytest.TempPathFactory, choices: list[str], picture: Picture
) -> None:
    run = run_tiny(tmp_path_factory.mktemp("runs") / "blind", "test=false", choices=choices)
    captioner = load_captioner(run.best).eval()
    seen = see(captioner, picture.image_3HW, "noise")
    html = show_words(seen, caption_greedily(captioner, seen)[0])
    assert "has no attention to show" in html
    assert "<img" not in html


def test_drawings_of_a_sentence_are_shown_likeliest_first(trained_dalle: TinyRun) -> None:
    captioner = load_captioner(trained_dalle.best)
    drawings = draw(captioner, "a red circle", seed=0)
    assert len(drawings.images_M3HW) == 4
    assert drawings.scores == sorted(drawings.scores or [], reverse=True)
    html = show_drawings(drawings)
    assert html.count("<figure>") == 4
    assert "Drawing 4 of: a red circle" in html
    assert show_drawings(draw(captioner, "a red circle", seed=0)) == html
    with pytest.raises(ValueError, match="expected a sentence, got none"):
        draw(captioner, " ", seed=0)
    with pytest.raises(ValueError, match="unicorn"):
        draw(captioner, "a red unicorn", seed=0)
