"""How long captions may be: a decoder may have a limit of its own, which is better known before one reaches it."""

from datamodules.tokenizers import CaptionTokenizer
from lightning_modules.generation import Strategy
from lightning_modules.networks import Captioner


def refuse_long_captions(network: Captioner, tokenizer: CaptionTokenizer, strategy: Strategy) -> None:
    """Compare the longest captions that may be read in training with what the decoder can read, and those to be said.

    Raises:
        ValueError: The decoder has too few positions.
    """
    refuse_long_strategy(network, strategy)
    _refuse(network, tokenizer.max_length, "tokenizer.max_length", tokenizer.max_length)


def refuse_long_strategy(network: Captioner, strategy: Strategy) -> None:
    """Compare the longest captions that a strategy may say with what the decoder can read.

    Raises:
        ValueError: The decoder has too few positions.
    """
    _refuse(network, strategy.max_length - 1, "generation.max_length", strategy.max_length)  # the last is not read


def _refuse(network: Captioner, num_read: int, setting: str, value: int) -> None:
    most = network.decoder_text.most_tokens
    longest = len(network.prefix) + num_read
    if most is not None and longest > most:
        raise ValueError(
            f"{setting}={value} is too long for model.decoder.num_positions={most}; set it to at most "
            f"{value - longest + most}, or raise model.decoder.num_positions and train again"
        )
