import math

import pytest
import torch

from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy
from lightning_modules.ranking import Candidates, Reconstruction
from tests.tiny_run import build_tiny


def test_is_minus_pi_times_the_squared_error_of_the_reconstructed_image(
    captioner: VariationalCaptioner, candidates: Candidates
) -> None:
    score_N = Reconstruction()(captioner, candidates)
    reconstructed = captioner.reconstruct(candidates.generated.tokens_NL).double()
    size = reconstructed.shape[-1]
    side = 32 // size
    expected = []
    for number, image in enumerate(reconstructed):
        original = candidates.images_BCHW[number // 4].double() / 255
        pixels = original.view(3, size, side, size, side).mean(dim=(2, 4))
        expected.append(-math.pi * sum((a - b) ** 2 for a, b in zip(image.flatten(), pixels.flatten(), strict=True)))
    torch.testing.assert_close(score_N.double(), torch.tensor(expected, dtype=torch.float64), rtol=1e-5, atol=1e-4)


def test_an_image_reconstructed_perfectly_scores_0(
    captioner: VariationalCaptioner, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconstruction_NCHW = torch.full((12, 3, 16, 16), 0.2)
    reconstruction_NCHW[5, 0, 0, 0] += 0.5
    monkeypatch.setattr(captioner, "reconstruct", lambda tokens_NL: reconstruction_NCHW)
    images_BCHW = torch.full((3, 3, 32, 32), 51, dtype=torch.uint8)
    score_N = Reconstruction()(captioner, candidates._replace(images_BCHW=images_BCHW))
    expected_N = torch.zeros(12)
    expected_N[5] = -math.pi / 4
    torch.testing.assert_close(score_N, expected_N)


def test_refuses_a_model_that_does_not_reconstruct(tmp_path_factory: pytest.TempPathFactory) -> None:
    choices = ["model/image_decoder=none"]
    captioner = build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=choices)[0].eval()
    images_BCHW = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    features_BPD = captioner.encode(images_BCHW)
    generated = captioner.generate(features_BPD, Greedy(max_length=5))
    with pytest.raises(ValueError, match=r"ranking=reconstruction needs .* choose ranking=likelihood or consensus"):
        Reconstruction()(captioner, Candidates(images_BCHW, features_BPD, generated))
