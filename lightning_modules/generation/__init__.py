"""Generation: from the decoder's start state to sentences.

Contract: `strategy(stepper, state, first_N, special)` returns `tokens_NL`, the words after the prefix; each
caption ends with `<eos>` (unless it was cut at `max_length`) and is then padded.
"""

from lightning_modules.generation.filtering import filter_logits
from lightning_modules.generation.greedy import Greedy
from lightning_modules.generation.sample import Sample
from lightning_modules.generation.stepping import Stepper, Strategy, generate

__all__ = ["Greedy", "Sample", "Stepper", "Strategy", "filter_logits", "generate"]
