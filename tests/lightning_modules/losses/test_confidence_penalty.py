from types import SimpleNamespace
from typing import Any

import torch
from torch.distributions import Categorical

from lightning_modules.losses import ConfidencePenalty


def test_it_is_the_negative_entropy_of_each_captions_words() -> None:
    logits_WV = torch.randn(7, 5, dtype=torch.double)
    output: Any = SimpleNamespace(logits_WV=logits_WV, num_words_N=torch.tensor([3, 1, 3]))
    entropy_W = Categorical(logits=logits_WV.float()).entropy()
    expected = -torch.stack([entropy_W[:3].sum(), entropy_W[3], entropy_W[4:].sum()])
    torch.testing.assert_close(ConfidencePenalty()(output), expected)
