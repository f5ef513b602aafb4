"""Byte-level byte-pair encoding: frequent words whole, rare ones in pieces, nothing unknown."""

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.normalizers import NFKC, Lowercase
from tokenizers.normalizers import Sequence as NormalizerSequence
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from datamodules.tokenizers.caption_tokenizer import BOS, CLS, EOS, PAD, CaptionTokenizer


def fit_bpe(
    captions: Sequence[str], *, vocab_size: int = 4000, max_length: int = 40, has_cls: bool = False
) -> CaptionTokenizer:
    """Merge the most frequent pairs of bytes of the lower-cased captions until the vocabulary is full.

    The method of Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (ACL 2016), over
    bytes as in GPT-2 (Radford et al. 2019). Punctuation is kept. Captions with too few distinct pairs give a smaller
    vocabulary.

    Args:
        captions: The training captions.
        vocab_size: Most tokens, special ones and the 256 bytes included.
        max_length: Most tokens of an encoded caption after the prefix, `<eos>` included.
        has_cls: Begin every caption with a class token.

    Raises:
        ValueError: There is no caption, `vocab_size` leaves no room for all bytes, or `max_length` is below 1.
    """
    special_tokens = [PAD, BOS, EOS, *([CLS] if has_cls else [])]
    alphabet = sorted(ByteLevel.alphabet())
    smallest = len(alphabet) + len(special_tokens)
    if vocab_size < smallest:
        raise ValueError(
            f"tokenizer.vocab_size must be at least {smallest} ({len(alphabet)} bytes and {len(special_tokens)} "
            f"special tokens), got {vocab_size}"
        )
    if not any(caption.strip() for caption in captions):
        raise ValueError("expected captions to fit the tokenizer on, got none that holds any text; check the data")

    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = NormalizerSequence([NFKC(), Lowercase()])
    # The prefix space makes the first word the same token as anywhere else in a caption.
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocab_size, special_tokens=special_tokens, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return CaptionTokenizer(tokenizer, max_length=max_length)
