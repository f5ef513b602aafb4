"""How long captions may be: a decoder may have a limit of its own, which is better known before one reaches it."""

from lightning_modules.networks.captioner import Captioner


def refuse_long_captions(network: Captioner, *, max_read: int, max_generated: int) -> None:
    """Compare the longest captions of training and of generation with what the decoder can read.

    Args:
        network: The network.
        max_read: Most tokens of a caption in training, without its prefix, `<eos>` included.
        max_generated: Most tokens that are generated, `<eos>` included.

    Raises:
        ValueError: The decoder has too few positions.
    """
    refuse_long_generation(network, max_generated)
    _refuse(network, "tokenizer.max_length", max_read)


def refuse_long_generation(network: Captioner, max_generated: int) -> None:
    """Compare the longest captions that may be generated with what the decoder can read.

    Raises:
        ValueError: The decoder has too few positions.
    """
    _refuse(network, "generation.max_length", max_generated)


def _refuse(network: Captioner, setting: str, value: int) -> None:
    most = network.decoder_text.most_tokens
    longest = len(network.prefix) + value - 1  # the last token is not read
    if most is not None and longest > most:
        raise ValueError(
            f"{setting}={value} is too long for model.decoder.num_positions={most}; set it to at most "
            f"{value - longest + most}, or raise model.decoder.num_positions and train again"
        )
