"""How long captions may be: a decoder may have a limit of its own, which is better known before one reaches it."""

from lightning_modules.networks.captioner import Captioner


def refuse_long(network: Captioner, setting: str, value: int) -> None:
    """Compare the longest captions that a setting allows with what the decoder can read.

    Args:
        network: The network.
        setting: What is set, such as `generation.max_length`.
        value: Most tokens of a caption, without its prefix, `<eos>` included.

    Raises:
        ValueError: The decoder has too few positions.
    """
    most = network.decoder_text.most_tokens
    longest = len(network.prefix) + value - 1  # the last token is not read
    if most is not None and longest > most:
        raise ValueError(
            f"{setting}={value} is too long for model.decoder.num_positions={most}; set it to at most "
            f"{value - longest + most}, or raise model.decoder.num_positions and train again"
        )
