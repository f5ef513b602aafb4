"""Captions that a user wants drawn: what the model cannot know is refused."""

from collections.abc import Sequence
from difflib import get_close_matches

from datamodules.tokenizers import CaptionTokenizer


def refuse_unknown_prompts(prompts: Sequence[str], tokenizer: CaptionTokenizer) -> None:
    """Refuse prompts that would be drawn as something else than they say.

    Raises:
        ValueError: A prompt has no word, an unknown one, or more tokens than the model was trained on.
    """
    special = tokenizer.vocabulary
    for prompt, ids in zip(prompts, tokenizer.encode_batch(prompts), strict=True):
        words = [i for i in ids[len(special.prefix) :] if i != special.eos_id]
        if not words:
            raise ValueError(f"prompt {prompt!r}: expected words to draw, got none; leave it out")
        if special.unk_id is not None and special.unk_id in words:
            raise ValueError(f"prompt {_short(prompt)}: {_unknown(prompt, tokenizer)}")
        if ids[-1] != special.eos_id:
            raise ValueError(
                f"prompt {_short(prompt)}: expected at most {tokenizer.max_length} tokens, its end included, as the "
                f"model was trained on; shorten it"
            )


def _unknown(prompt: str, tokenizer: CaptionTokenizer) -> str:
    """Return which word of a prompt the model does not know, and which are like it."""
    words = [word for word in prompt.split() if tokenizer.vocabulary.unk_id in tokenizer.tokenize_word(word)]
    if not words:  # known one by one, but not as they stand together
        return "the model's vocabulary has not all of its words; choose others"
    similar = get_close_matches(words[0].lower(), tokenizer.words, n=3)
    advice = f"; it has {', '.join(similar)}" if similar else ""
    return f"the model's vocabulary has no {words[0]!r}, so it cannot be drawn{advice}"


def _short(prompt: str, most: int = 60) -> str:
    return repr(prompt if len(prompt) <= most else f"{prompt[:most]}…")
