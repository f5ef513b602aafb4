"""Weights of OpenAI's CLIP give in `transformers` what they give in the code that they were trained with."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from metrics.clip_model import ClipModel
from metrics.clip_weights import read_clip_weights
from tests.metrics.openai_clip import OpenAIClip
from tests.metrics.tiny_clip import IMAGE_SIZE, MAX_TOKENS, save_tiny_clip

TEXTS = ["a photo depicts a dog", "two", "red cars"]


@pytest.fixture(scope="module")
def original() -> OpenAIClip:
    torch.manual_seed(3)
    return OpenAIClip(vocabulary=54, length=MAX_TOKENS, size=IMAGE_SIZE, patch=8, width=16, hidden=24).eval()


@pytest.mark.parametrize("wrapped", [True, False])
def test_embeddings_are_those_of_the_original(original: OpenAIClip, wrapped: bool, tmp_path: Path) -> None:
    state = {**original.state_dict(), "input_resolution": torch.tensor(IMAGE_SIZE)}
    torch.save({"state_dict": state, "epoch": 3} if wrapped else state, tmp_path / "clip.pth")
    clip = ClipModel(save_tiny_clip(tmp_path / "model"), tmp_path / "clip.pth")
    with torch.no_grad():
        tokens_BL = clip._processor.tokenizer(TEXTS, padding=True, return_tensors="pt")["input_ids"]
        torch.testing.assert_close(clip.embed_texts(TEXTS), original.encode_text(tokens_BL), atol=1e-4, rtol=1e-4)
        images_BCHW = torch.randint(0, 256, (4, 3, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8)
        pixels = clip._processor.image_processor(images=[*images_BCHW], return_tensors="pt")["pixel_values"]
        torch.testing.assert_close(clip.embed_images(images_BCHW), original.visual(pixels), atol=1e-4, rtol=1e-4)


def test_files_of_transformers_stay_as_they_are(tmp_path: Path) -> None:
    folder = save_tiny_clip(tmp_path / "model")
    found, expected = read_clip_weights(folder / "model.safetensors"), CLIPModel.from_pretrained(folder).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_what_holds_no_weights_or_those_of_another_size_is_refused(original: OpenAIClip, tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"state_dict": {"epoch": 3}}, tmp_path / "numbers.pt")
    (tmp_path / "noise.pth").write_bytes(b"nothing")
    torch.save(original, tmp_path / "pickled.pth")
    for name in ("list.pt", "numbers.pt", "noise.pth", "pickled.pth", "nowhere.pt"):
        with pytest.raises(ValueError, match=rf"{name}: expected weights of a CLIP,"):
            read_clip_weights(tmp_path / name)
    torch.save(original.state_dict() | {"visual.proj": torch.ones(16, 13)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other.pth: .* of the same architecture, got: .*size mismatch"):
        ClipModel(save_tiny_clip(tmp_path / "model"), tmp_path / "other.pth")
