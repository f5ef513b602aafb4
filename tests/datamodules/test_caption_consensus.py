"""How much captions of an image agree, against CIDEr-D computed caption by caption."""

from pathlib import Path

import numpy as np
import pytest

from datamodules import caption_consensus
from datamodules.caption_consensus import consensus_or_load
from metrics.cider import cider_d
from metrics.paired_captions import PairedCaptions
from metrics.rewards import reward_frequencies, reward_tokens

CAPTIONS = [
    ["a dog runs", "a dog runs fast", "two people sit"],
    ["alone here"],
    ["a red ball", "a red ball"],
    ["a man", "the sea", "snow falls"],
]


def test_each_caption_is_compared_with_the_others_of_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_consensus, "CHUNK", 2)
    consensus_C = consensus_or_load(CAPTIONS, cache_dir=tmp_path)
    frequencies = reward_frequencies(CAPTIONS)
    expected = []
    for of_image in CAPTIONS:
        tokens = [reward_tokens(caption) for caption in of_image]
        for i, own in enumerate(tokens):
            others = [*tokens[:i], *tokens[i + 1 :]]
            expected.append(cider_d(PairedCaptions([own], [others]), frequencies)[0] if others else 0)
    np.testing.assert_allclose(consensus_C, expected, rtol=1e-5)
    assert consensus_C[3] == 0 < consensus_C[4]
    monkeypatch.setattr(caption_consensus, "_consensus", None)
    np.testing.assert_array_equal(consensus_or_load(CAPTIONS, cache_dir=tmp_path), consensus_C)
    with pytest.raises(TypeError):  # of other captions they are computed anew
        consensus_or_load(CAPTIONS[:2], cache_dir=tmp_path)
