"""Whole words: lower-cased, without punctuation, rare ones unknown."""

from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFKC, Lowercase, Replace
from tokenizers.normalizers import Sequence as NormalizerSequence
from tokenizers.pre_tokenizers import Split

from datamodules.tokenizers.caption_tokenizer import BOS, CLS, EOS, PAD, UNK, CaptionTokenizer

# Letters (with their combining marks) and digits; apostrophes and hyphens only inside of a word.
WORD = r"[\p{L}\p{M}\p{N}]+(?:['\-][\p{L}\p{M}\p{N}]+)*"


def fit_word(
    captions: Sequence[str], *, min_count: int = 5, max_length: int = 40, has_cls: bool = False
) -> CaptionTokenizer:
    """Make a vocabulary of the words that the captions use at least `min_count` times.

    The preprocessing is that of Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
    Descriptions" (CVPR 2015): lower case, nothing but letters and digits, rare words unknown. Ids are special tokens
    first, then words by descending count, ties in alphabetical order.

    Args:
        captions: The training captions.
        min_count: Rarer words become `<unk>`.
        max_length: Most words of an encoded caption.
        has_cls: Begin every caption with a class token.

    Raises:
        ValueError: `min_count` or `max_length` is below 1, or no word is frequent enough.
    """
    if min_count < 1:
        raise ValueError(f"tokenizer.min_count must be at least 1, got {min_count}")
    tokenizer = Tokenizer(WordLevel(unk_token=UNK))
    tokenizer.normalizer = NormalizerSequence([NFKC(), Replace("\u2019", "'"), Lowercase()])
    tokenizer.pre_tokenizer = Split(Regex(WORD), behavior="removed", invert=True)

    counts = _count_words(captions, tokenizer)
    words = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    if not words:
        raise ValueError(
            f"expected some word at least tokenizer.min_count={min_count} times in the {len(captions)} training "
            f"captions, got none (the most frequent of {len(counts)} words: {counts.most_common(1)}); "
            f"lower tokenizer.min_count or check the captions"
        )
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
