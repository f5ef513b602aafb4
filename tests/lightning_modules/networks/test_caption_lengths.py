from typing import Any

import pytest
from torch import Tensor

from lightning_modules.generation import Beam, ConstrainedBeam, DiverseBeam, Greedy, Latent, Sample
from lightning_modules.networks.caption_lengths import refuse_long
from tests.tiny_parts import Parts
from tests.tiny_run import build_tiny


@pytest.fixture(scope="module")
def nine_positions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Tensor]:
    """A captioner whose decoder has nine positions, and features of images."""
    choices = ["model/decoder=transformer"]
    folder = tmp_path_factory.mktemp("runs") / "run"
    captioner, datamodule = build_tiny(folder, "model.decoder.num_positions=9", choices=choices)
    return captioner, captioner.encode(next(iter(datamodule.val_dataloader())).images_BCHW)


@pytest.mark.parametrize("kind", [Beam, ConstrainedBeam, DiverseBeam, Greedy, Latent, Sample])
def test_what_a_strategy_may_generate_is_compared_with_the_positions_there_are(
    nine_positions: tuple[Any, Tensor], kind: type
) -> None:
    captioner, features_BPD = nine_positions
    captioner.generate(features_BPD, kind(max_length=9))  # of any length: the last token is not read
    message = r"generation.max_length=10 is too long for .*num_positions=9; .* at most 9, or"
    with pytest.raises(ValueError, match=message):
        captioner.generate(features_BPD, kind(max_length=10))


def test_captions_of_training_are_compared_too(nine_positions: tuple[Any, Tensor]) -> None:
    network = nine_positions[0].network
    refuse_long(network, "tokenizer.max_length", 9)
    with pytest.raises(ValueError, match=r"tokenizer.max_length=10 is .*num_positions=9; set it to at most 9"):
        refuse_long(network, "tokenizer.max_length", 10)


def test_a_recurrent_decoder_has_no_limit(parts: Parts) -> None:
    refuse_long(parts.captioner.network, "generation.max_length", 10_000)
