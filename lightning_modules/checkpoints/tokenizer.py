"""The tokenizer of a trained model, for captions that it was not fitted on."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.checkpoints.formats import read_checkpoint


def load_tokenizer(captions: Sequence[str], *, path: str | Path, max_length: int) -> CaptionTokenizer:
    """Return the tokenizer of a checkpoint, so that its words keep their weights on other captions.

    Args:
        captions: Not read: the vocabulary is fixed. Other words are `<unk>`, or are spelled by parts.
        path: A checkpoint that `train.py` wrote, or a folder that `save_pretrained` wrote.
        max_length: Most tokens of an encoded caption after the prefix, `<eos>` included; as in the checkpoint.

    Raises:
        ValueError: The file is no checkpoint, is of a model without words, or cuts captions to another length.
    """
    text = read_checkpoint(path)["hyper_parameters"].get("tokenizer")
    if not isinstance(text, str):
        raise ValueError(f"tokenizer.path={path}: the checkpoint's model has no tokenizer; choose another")
    tokenizer = CaptionTokenizer.from_json(text)
    if tokenizer.max_length != max_length:
        raise ValueError(
            f"tokenizer.path={path}: its captions have at most {tokenizer.max_length} tokens, and those of this run "
            f"{max_length}; set max_caption_length={tokenizer.max_length}"
        )
    return tokenizer
