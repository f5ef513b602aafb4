"""Whole words: lower-cased, without punctuation, rare ones unknown; of Chinese and Japanese, characters."""

import logging
from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import Replace as ReplaceInWords
from tokenizers.decoders import Sequence as DecoderSequence
from tokenizers.decoders import WordPiece
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFKC, Lowercase, Replace
from tokenizers.normalizers import Sequence as NormalizerSequence
from tokenizers.pre_tokenizers import Split

from datamodules.tokenizers.caption_tokenizer import BOS, CLS, CONTINUES, EOS, PAD, UNK, CaptionTokenizer
from metrics.words import CHARACTERS, INVISIBLE, RUNS, without_spaces

log = logging.getLogger(__name__)

# A letter or digit, and more with their combining marks; apostrophes, hyphens and joiners inside of a word alone.
START, INSIDE = (rf"[[{letters}]&&[^{CHARACTERS}]]" for letters in (r"\p{L}\p{N}", r"\p{L}\p{M}\p{N}"))
SPACED = rf"{START}{INSIDE}*(?:['\-\u200c\u200d]{START}{INSIDE}*)*"
WORD = rf"(?:{CONTINUES})?(?:[{CHARACTERS}]\p{{M}}*|{SPACED})"
# Where a Chinese or Japanese character stands beside another letter or digit.
NO_SPACE = (
    rf"(?<=[{CHARACTERS}]|[{CHARACTERS}]\p{{M}})(?=[\p{{L}}\p{{N}}])|(?<=[\p{{L}}\p{{M}}\p{{N}}])(?=[{CHARACTERS}])"
)


def fit_word(
    captions: Sequence[str], *, min_count: int = 5, max_length: int = 40, has_cls: bool = False
) -> CaptionTokenizer:
    """Make a vocabulary of the words that the captions use at least `min_count` times.

    The preprocessing is that of Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
    Descriptions" (CVPR 2015): lower case, nothing but letters and digits, rare words unknown. Ids are special tokens
    first, then words by descending count, ties in alphabetical order.

    Chinese and Japanese have no spaces between words: each character is a word, with "##" before it where there is no
    space, so that captions come out with the spaces that went in, also where someone has put them between words. Of
    Thai, Lao, Khmer and Burmese a run of letters is one word; a warning says so where there are no spaces.

    Args:
        captions: The training captions.
        min_count: Rarer words become `<unk>`.
        max_length: Most tokens of an encoded caption after the prefix, `<eos>` included.
        has_cls: Begin every caption with a class token.

    Raises:
        ValueError: `min_count` or `max_length` is below 1, or no word is frequent enough.
    """
    if min_count < 1:
        raise ValueError(f"tokenizer.min_count must be at least 1, got {min_count}")
    tokenizer = Tokenizer(WordLevel(unk_token=UNK))
    tokenizer.normalizer = NormalizerSequence(
        [
            NFKC(),
            Replace("\u2019", "'"),
            Replace("İ", "i"),  # whose lower case would leave a dot behind
            Lowercase(),
            Replace(Regex(f"[{INVISIBLE}]"), ""),
            Replace(CONTINUES[0], " "),
            Replace(Regex(NO_SPACE), f" {CONTINUES}"),
        ]
    )
    tokenizer.pre_tokenizer = Split(Regex(WORD), behavior="removed", invert=True)
    # the library's decoder leaves the mark of a first token
    tokenizer.decoder = DecoderSequence([WordPiece(prefix=CONTINUES, cleanup=False), ReplaceInWords(CONTINUES, "")])

    counts = _count_words(captions, tokenizer)
    words = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    if not words:
        raise ValueError(
            f"expected some word at least tokenizer.min_count={min_count} times in the {len(captions)} training "
            f"captions, got none (the most frequent of {len(counts)} words: {counts.most_common(1)}); "
            f"lower tokenizer.min_count or check the captions"
        )
    _warn_of_runs(captions)
    special_tokens = [PAD, BOS, EOS, UNK, *([CLS] if has_cls else [])]
    tokenizer.model = WordLevel({token: i for i, token in enumerate([*special_tokens, *words])}, unk_token=UNK)
    tokenizer.add_special_tokens(special_tokens)
    return CaptionTokenizer(tokenizer, max_length=max_length)


def _count_words(captions: Sequence[str], tokenizer: Tokenizer) -> Counter[str]:
    assert tokenizer.normalizer is not None
    assert tokenizer.pre_tokenizer is not None
    counts: Counter[str] = Counter()
    for caption in captions:
        normal = tokenizer.normalizer.normalize_str(caption)
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
    return counts


def _warn_of_runs(captions: Sequence[str]) -> None:
    number = without_spaces(captions, [RUNS])
    if number:
        log.warning(
            "tokenizer=word: %d of %d captions are in Thai, Lao, Khmer or Burmese without spaces between words: "
            "sentences become words; write spaces between the words, or choose tokenizer=bpe",
            number,
            len(captions),
        )
