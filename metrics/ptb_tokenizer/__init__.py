"""The Penn Treebank tokens that published caption scores count."""

from metrics.ptb_tokenizer.lexer import PUNCTUATION, ptb_tokenize

__all__ = ["PUNCTUATION", "ptb_tokenize"]
