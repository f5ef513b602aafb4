"""Tokenizers: text to token ids and back, fitted on the training captions alone."""

from datamodules.tokenizers.bpe import fit_bpe
from datamodules.tokenizers.cache import fit_or_load
from datamodules.tokenizers.caption_tokenizer import CaptionTokenizer, TokenizerFitter, Vocabulary
from datamodules.tokenizers.content_words import content_ids
from datamodules.tokenizers.gpt2 import load_gpt2
from datamodules.tokenizers.word import fit_word
from datamodules.tokenizers.word_spans import WordSpan, word_spans

__all__ = [
    "CaptionTokenizer",
    "TokenizerFitter",
    "Vocabulary",
    "WordSpan",
    "content_ids",
    "fit_bpe",
    "fit_or_load",
    "fit_word",
    "load_gpt2",
    "word_spans",
]
