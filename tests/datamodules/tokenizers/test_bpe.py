from collections import Counter
from itertools import pairwise

import pytest

from datamodules.tokenizers import fit_bpe

CAPTIONS = ["low lower lowest", "new newer newest", "low new", "Wide WIDER widest"]


def _merge_by_hand(captions: list[str], merges: int) -> list[str]:
    """Sennrich et al. (2016), algorithm 1, over characters with the space as part of the word."""
    words = Counter(tuple(f"Ġ{word}") for caption in captions for word in caption.lower().split())
    merged = []
    for _ in range(merges):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        best, best_count = pairs.most_common(1)[0]
        if list(pairs.values()).count(best_count) > 1:
            break  # ties are the library's to break
        merged.append("".join(best))
        words = Counter({tuple(_join(word, best)): count for word, count in words.items()})
    return merged


def _join(word: tuple[str, ...], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for piece in word:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def test_merges_the_most_frequent_pairs() -> None:
    captions = ["ababab ab", "ab abc", "cab"]
    expected = _merge_by_hand(captions, merges=3)
    assert expected == ["ab", "Ġab"]
    tokens = fit_bpe(captions, vocab_size=256 + 3 + len(expected)).tokens
    assert tokens[256 + 3 :] == expected


def test_same_captions_in_any_order_give_the_same_tokenizer() -> None:
    first = fit_bpe(CAPTIONS, vocab_size=275)
    assert first.vocabulary.size == 275
    assert all(
        fit_bpe(captions, vocab_size=275).to_json() == first.to_json() for captions in (CAPTIONS, CAPTIONS[::-1])
    )


@pytest.mark.parametrize("text", ["a snowman ☃, isn't it?", "two  spaces", "123 <eos> <pad>", "日本"])
def test_spells_every_text(text: str) -> None:
    tokenizer = fit_bpe(CAPTIONS, vocab_size=275)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.vocabulary.unk_id is None


def test_lower_cases_and_spells_a_first_word_as_any_other() -> None:
    tokenizer = fit_bpe(CAPTIONS, vocab_size=290)
    low, new = tokenizer.encode("LOW new")[1:-1]
    assert tokenizer.encode("new Low")[1:-1] == [new, low]


def test_refuses_a_vocabulary_without_room_for_all_bytes() -> None:
    with pytest.raises(
        ValueError, match=r"vocab_size must be at least 260 \(256 bytes and 4 special tokens\), got 259"
    ):
        fit_bpe(CAPTIONS, vocab_size=259, has_cls=True)
    with pytest.raises(ValueError, match="got none that holds any text"):
        fit_bpe(["", " "], vocab_size=300)
