"""Token ids to text, by the file of the tokenizer."""

from collections.abc import Mapping, Sequence
from typing import Any

CONTINUES = "##"  # before a word that has no space before it


class Text:
    """Decodes captions.

    Args:
        tokenizer: The content of `tokenizer.json`, as the library `tokenizers` writes it.
        eos_id: Ends a caption.
        left_out: Ids that are no text.
    """

    def __init__(self, tokenizer: Mapping[str, Any], eos_id: int, left_out: Sequence[int]) -> None:
        ids: dict[str, int] = dict(tokenizer["model"]["vocab"])
        added = {token["content"]: token for token in tokenizer["added_tokens"]}
        ids |= {text: token["id"] for text, token in added.items()}
        self.tokens = {number: token for token, number in ids.items()}
        self.eos_id = eos_id
        self.left_out = {*left_out, *(token["id"] for token in added.values() if token["special"])}
        self.is_bytes = tokenizer["decoder"]["type"] == "ByteLevel"

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of a caption's ids up to its end."""
        end = ids.index(self.eos_id) if self.eos_id in ids else len(ids)
        tokens = [self.tokens[number] for number in ids[:end] if number not in self.left_out]
        if self.is_bytes:
            return bytes(BYTES[letter] for token in tokens for letter in token).decode("utf-8", "replace").strip()
        spaced = [
            token.removeprefix(CONTINUES) if number and token.startswith(CONTINUES) else f"{' ' * (number > 0)}{token}"
            for number, token in enumerate(tokens)
        ]
        return "".join(spaced).replace(CONTINUES, "").strip()


def letters_of_bytes() -> dict[str, int]:
    """Return which byte each letter of a byte-level vocabulary stands for (Radford et al. 2019)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + number): byte for number, byte in enumerate(others)}


BYTES = letters_of_bytes()
