from pathlib import Path

import pytest

from lightning_modules.generation import Beam, ConstrainedBeam, DiverseBeam, Greedy, Latent, Sample
from lightning_modules.networks.caption_lengths import refuse_long_captions
from tests.tiny_run import build_tiny


@pytest.mark.parametrize("kind", [Beam, ConstrainedBeam, DiverseBeam, Greedy, Latent, Sample])
def test_what_a_strategy_may_say_is_compared_with_the_positions_there_are(kind: type, tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(
        tmp_path / "run", "model.decoder.num_positions=9", choices=["model/decoder=transformer"]
    )
    images_BCHW = next(iter(datamodule.val_dataloader())).images_BCHW
    refuse_long_captions(captioner.network, max_read=captioner.tokenizer.max_length, max_generated=9)
    captioner.generate(captioner.encode(images_BCHW), kind(max_length=9))  # of any length: the last token is not read
    with pytest.raises(
        ValueError, match=r"generation.max_length=10 is too long for .*num_positions=9; .* at most 9, or"
    ):
        captioner.generate(captioner.encode(images_BCHW), kind(max_length=10))


def test_captions_of_training_are_compared_too(tmp_path: Path) -> None:
    captioner, _ = build_tiny(tmp_path / "run", "model.decoder.num_positions=7", choices=["model/decoder=transformer"])
    with pytest.raises(
        ValueError, match=r"tokenizer.max_length=8 is too long for .*num_positions=7; set it to at most 7"
    ):
        refuse_long_captions(captioner.network, max_read=captioner.tokenizer.max_length, max_generated=7)


def test_a_recurrent_decoder_has_no_limit(tmp_path: Path) -> None:
    captioner, _ = build_tiny(tmp_path / "run")
    refuse_long_captions(captioner.network, max_read=captioner.tokenizer.max_length, max_generated=10_000)
