"""What a captioner answers about one picture; nothing here knows of a page, and nothing is kept between calls.

Shape legend: P positions, D features, S style, K styles, N captions, L tokens, H rows, W columns.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from drawing import DrawingPipeline
from drawing.pipeline import Drawings
from lightning_modules import CaptioningModule, GeneratedBatch
from lightning_modules.generation import ConstrainedBeam, Greedy, Latent, Sample, SampledDrawing, Strategy
from lightning_modules.networks.latents import LatentCode
from lightning_modules.ranking import CaptionOfDrawing
from lightning_modules.results.explained_captions import ExplainedCaption, explained_captions
from utils.seeding import generators_of_images, image_digests
from utils.suggestions import did_you_mean

NUM_DIVERSE = 5
NUM_WITH_WORDS = 3
NUM_DRAWN = 4
GUIDANCE = 2.0  # of drawings
MAX_LETTERS = 400  # of a sentence
MAX_PHRASES = 6  # that must appear: the search takes longer with each
TEMPERATURE = 0.7  # of words, where captions are to differ
DIVERSITY = 10.0  # nats that a caption gives up to differ from those before it


class Picture(NamedTuple):
    """A picture as the model sees it.

    Attributes:
        name: What its owner calls it.
        image_3HW: `uint8`.
        features_1PD: As the encoder sees it.
    """

    name: str
    image_3HW: Tensor
    features_1PD: Tensor


class SentencePicture(NamedTuple):
    """A picture that was reconstructed from a sentence.

    Attributes:
        sentence: As the model has read it; longer ones are cut.
        image_3HW: In [0, 1].
        unknown: Words that the model does not know.
    """

    sentence: str
    image_3HW: Tensor
    unknown: list[str]


def see(captioner: CaptioningModule, image_3HW: Tensor, name: str) -> Picture:
    """Encode a picture, once for all that is asked about it."""
    return Picture(name, image_3HW, captioner.encode(image_3HW[None].to(captioner.device)))


def caption_greedily(
    captioner: CaptioningModule, picture: Picture, style_KS: Tensor | None = None
) -> list[ExplainedCaption]:
    """Return the likeliest caption by greedy search: in the picture's own style, or in each of some styles."""
    return _explained(captioner, picture, _greedy(captioner), style_KS=style_KS)


def caption_diversely(
    captioner: CaptioningModule, picture: Picture, *, seed: int, besides: str = ""
) -> list[ExplainedCaption]:
    """Return captions that differ from each other: of many samples of the latents those that differ most.

    Words are sampled, too, a little; a model without latents samples nothing else.

    Args:
        captioner: The captioner.
        picture: What is captioned.
        seed: Of all that is drawn.
        besides: A caption that is none of them.
    """
    num, length = NUM_DIVERSE + 1, captioner.tokenizer.max_length  # one more than is needed, for it may be `besides`
    strategy: Strategy = Sample(num=num, top_p=0.9, max_length=length)
    if captioner.has_latents:
        strategy = Latent(num=num, max_draws=4 * num, temperature=TEMPERATURE, diversity=DIVERSITY, max_length=length)
    captions = _explained(captioner, picture, strategy, seed=seed)
    return [caption for caption in captions if caption.caption != besides][:NUM_DIVERSE]


def caption_with_words(captioner: CaptioningModule, picture: Picture, words: str) -> list[ExplainedCaption]:
    """Return the likeliest captions that contain words or phrases, which commas separate.

    Raises:
        ValueError: There is none, there are too many, or the model does not know one of them.
    """
    phrases = [phrase for phrase in (part.strip() for part in words.split(",")) if phrase]
    if not phrases:
        raise ValueError('expected words with commas between them, such as "dog, red ball"')
    if len(phrases) > MAX_PHRASES or len(words) > MAX_LETTERS:
        raise ValueError(
            f"expected at most {MAX_PHRASES} words or phrases and {MAX_LETTERS} letters, got {len(phrases)} of "
            f"{len(words)} letters"
        )
    unknown = unknown_words(captioner, " ".join(phrases))
    if unknown:
        known = captioner.tokenizer.words
        names = ", ".join(f"“{word}”{did_you_mean(word, known)}" for word in unknown)
        raise ValueError(f"the model does not know {names}; leave it out, or try another word")
    num_tokens = sum(len(captioner.tokenizer.tokenize_word(phrase)) for phrase in {*phrases})
    length = captioner.tokenizer.max_length
    if num_tokens >= length:
        raise ValueError(f"expected words that a caption of {length} tokens can hold, got {num_tokens}; leave some out")
    strategy = ConstrainedBeam(num=NUM_WITH_WORDS, max_length=length)
    return _explained(captioner, picture, strategy, words=phrases)


def reconstruct(captioner: CaptioningModule, sentence: str) -> SentencePicture:
    """Reconstruct a picture from a sentence.

    Raises:
        ValueError: It is empty or too long, or the model makes no pictures.
    """
    _refuse_length(sentence)
    tokenizer = captioner.tokenizer
    ids = tokenizer.encode(sentence)[len(tokenizer.vocabulary.prefix) :]
    tokens_1L = torch.tensor([ids], device=captioner.device)
    (image_3HW,) = captioner.reconstruct(tokens_1L).cpu()
    return SentencePicture(tokenizer.decode(ids), image_3HW, unknown_words(captioner, sentence))


def draw(captioner: CaptioningModule, sentence: str, seed: int) -> Drawings:
    """Draw a few pictures of a sentence; first is that of which the model would say it most likely.

    Raises:
        ValueError: It is empty or too long, or has a word that the model does not know.
    """
    _refuse_length(sentence)
    drawing = SampledDrawing(guidance=GUIDANCE, top_p=0.9)
    pipeline = DrawingPipeline(captioner, device=captioner.device)
    (drawn,) = pipeline.draw_batch([sentence], drawing, num=NUM_DRAWN, seed=seed, ranker=CaptionOfDrawing())
    return drawn


def _refuse_length(sentence: str) -> None:
    if not sentence.strip():
        raise ValueError("expected a sentence, got none; write what the picture shows")
    if len(sentence) > MAX_LETTERS:
        raise ValueError(f"expected at most {MAX_LETTERS} letters, got {len(sentence)}; shorten the sentence")


def unknown_words(captioner: CaptioningModule, text: str) -> list[str]:
    """Return the words, as they stand between spaces, that the vocabulary lacks; each once."""
    unknown = captioner.tokenizer.vocabulary.unk_id
    words = dict.fromkeys(text.split())
    return [word for word in words if unknown is not None and unknown in captioner.tokenizer.tokenize_word(word)]


def own_style(captioner: CaptioningModule, picture: Picture, caption: str | None = None) -> LatentCode:
    """Return a picture's own style, of which `sample` [1, S] is the mean, or that of one of its captions."""
    if caption is None:
        return captioner.sample_latents(picture.features_1PD).style
    return captioner.latents_of_captions(picture.features_1PD, [[caption]], latent_scale=0.0).style


def caption_between(
    captioner: CaptioningModule, picture: Picture, other: Picture, share: float, caption: str | None = None
) -> ExplainedCaption:
    """Return the caption of a picture on the way from its own style to another picture's.

    Args:
        captioner: A model with latents.
        picture: What is captioned.
        other: Whose style is mixed in.
        share: How much of it, from 0 to 1.
        caption: The caption of the other picture whose style is meant; None for that of the picture by itself.

    Raises:
        ValueError: A caption is needed: without one, the style is the same for every picture.
    """
    if caption is None and not captioner.style_sees_image:
        raise ValueError(
            "without a caption the style of this model is the same for every picture; write a caption of the second "
            "picture in the style that you want"
        )
    if caption is not None and len(caption) > MAX_LETTERS:
        raise ValueError(f"expected a caption of at most {MAX_LETTERS} letters, got {len(caption)}; shorten it")
    own_1S, other_1S = own_style(captioner, picture).sample, own_style(captioner, other, caption).sample
    return caption_greedily(captioner, picture, torch.lerp(own_1S, other_1S, share))[0]


def _greedy(captioner: CaptioningModule) -> Greedy:
    return Greedy(max_length=captioner.tokenizer.max_length)


def _explained(
    captioner: CaptioningModule,
    picture: Picture,
    strategy: Strategy,
    *,
    seed: int = 0,
    words: Sequence[str] | None = None,
    style_KS: Tensor | None = None,
) -> list[ExplainedCaption]:
    """Generate captions, explained word by word where the model can tell."""
    generators = generators_of_images(seed, image_digests(picture.image_3HW[None]))
    generated = captioner.generate(
        picture.features_1PD, strategy, words=words, style_NS=style_KS, generators=generators
    )
    if captioner.can_explain:
        return explained_captions(captioner, picture.features_1PD, generated)[0]
    return _without_words(generated)


def _without_words(generated: GeneratedBatch) -> list[ExplainedCaption]:
    (of_image,) = generated.by_image()
    return [
        ExplainedCaption(caption, (), nats, finished)
        for caption, nats, finished in zip(
            of_image.captions, of_image.log_probabilities, of_image.finished, strict=True
        )
    ]
