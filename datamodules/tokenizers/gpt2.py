"""GPT-2's own byte-level vocabulary, from files or from the hub."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from datamodules.tokenizers.caption_tokenizer import BOS, CLS, EOS, PAD, CaptionTokenizer

HUB_ID = "gpt2"
END_OF_TEXT = "<|endoftext|>"
REMEDY = "set tokenizer.path=FOLDER to a folder that holds GPT-2's tokenizer.json, or its vocab.json and merges.txt"


def load_gpt2(
    captions: Sequence[str], *, path: str | Path | None = None, max_length: int = 40, has_cls: bool = False
) -> CaptionTokenizer:
    """Read GPT-2's vocabulary (Radford et al. 2019) and append the captioner's special tokens to it.

    Args:
        captions: Not read: the vocabulary is fixed.
        path: A folder with `tokenizer.json`, or with `vocab.json` and `merges.txt`; or a `tokenizer.json` file; None
            for the hub's `gpt2`.
        max_length: Most tokens of an encoded caption after the prefix, `<eos>` included.
        has_cls: Begin every caption with a class token.

    Raises:
        ValueError: The files are missing or damaged, are not byte-level BPE, or the hub cannot be reached.
    """
    tokenizer = _from_hub() if path is None else _from_path(Path(path))
    _check_byte_level(tokenizer, HUB_ID if path is None else str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.add_special_tokens([PAD, BOS, EOS, *([CLS] if has_cls else [])])
    return CaptionTokenizer(tokenizer, max_length=max_length)


def _from_hub() -> Tokenizer:
    try:
        return Tokenizer.from_pretrained(HUB_ID)
    except Exception as error:  # the library raises bare Exception, the hub's client its own
        raise ValueError(f"could not get the tokenizer {HUB_ID!r} from the hub ({error}); {REMEDY}") from error


def _from_path(path: Path) -> Tokenizer:
    whole = path / "tokenizer.json" if path.is_dir() else path
    vocab, merges = path / "vocab.json", path / "merges.txt"
    try:
        if whole.is_file():
            return Tokenizer.from_file(str(whole))
        if vocab.is_file() and merges.is_file():
            return _from_vocab_and_merges(vocab, merges)
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"tokenizer.path={path}: cannot read GPT-2's vocabulary ({error}); {REMEDY}") from error
    held = sorted(file.name for file in path.iterdir()) if path.is_dir() else "nothing there"
    raise ValueError(f"tokenizer.path={path}: expected GPT-2's vocabulary, got {held}; {REMEDY}")


def _from_vocab_and_merges(vocab: Path, merges: Path) -> Tokenizer:
    tokenizer = Tokenizer(BPE.from_file(str(vocab), str(merges)))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    if tokenizer.token_to_id(END_OF_TEXT) is not None:  # as tokenizer.json has it: never part of a text
        tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def _check_byte_level(tokenizer: Tokenizer, source: str) -> None:
    missing = set(ByteLevel.alphabet()) - tokenizer.get_vocab().keys()
    if missing or not isinstance(tokenizer.decoder, ByteLevelDecoder):
        raise ValueError(
            f"tokenizer.path={source}: expected a byte-level BPE with all 256 bytes, got "
            f"{type(tokenizer.model).__name__} without {len(missing)} of them; {REMEDY}"
        )
