"""CLIPScore and PAC-S against hand values, a computation one by one, and torchmetrics."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchmetrics.functional.multimodal import clip_score as clip_score_of_torchmetrics
from transformers import CLIPModel, CLIPProcessor

from metrics.clip_score import PREFIX, ClipScore, PacScore, clip_score, ref_clip_score
from tests.metrics.tiny_clip import IMAGE_SIZE, save_tiny_clip
from tests.two_processes import on_two_processes

CANDIDATES = [["a dog runs", "two cats"], ["red car"], ["a boat", "a boat", "zzz"]]
REFERENCES = [["the dog", "a dog is running"], ["a car", "cars", "a red one"], ["boat"]]
IDS = torch.tensor([7, 3, 5])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randint(0, 256, (3, 3, 20, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_hand_values() -> None:
    image_D, caption_ND = torch.tensor([3.0, 4.0]), torch.tensor([[3.0, 4.0], [1.0, 0.0], [-2.0, 0.0], [-4.0, 3.0]])
    assert clip_score(image_D, caption_ND, weight=2.5).tolist() == pytest.approx([2.5, 1.5, 0, 0])
    assert clip_score(image_D, caption_ND, weight=2.0).tolist() == pytest.approx([2.0, 1.2, 0, 0])
    reference_RD = torch.tensor([[0.0, -1.0], [10.0, 0.0]])
    found_N = ref_clip_score(image_D, caption_ND, reference_RD, weight=2.5)
    assert found_N.tolist() == pytest.approx([2 * 2.5 * 0.6 / 3.1, 2 * 1.5 / 2.5, 0, 0])
    assert not found_N.isnan().any()


def _expected(folder: Path, images: Tensor, weight: float) -> list[list[tuple[float, float]]]:
    """Return each caption's two scores by the library's own forward pass, one image and its sentences at a time."""
    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    scores = []
    for image, captions, references in zip(images, CANDIDATES, REFERENCES, strict=True):
        texts = [f"A photo depicts {text}" for text in (*captions, *references)]
        with torch.no_grad():
            seen = model(**processor(text=texts, images=image, return_tensors="pt", padding=True))
        image_D, text_ND = seen.image_embeds[0], seen.text_embeds  # of length 1
        of_image = []
        for caption_D in text_ND[: len(captions)]:
            to_image = weight * max(float(image_D @ caption_D), 0)
            to_reference = max(max(float(caption_D @ reference_D) for reference_D in text_ND[len(captions) :]), 0)
            product = to_image * to_reference
            of_image.append((to_image, 2 * product / (to_image + to_reference) if product else 0.0))
        scores.append(of_image)
    return scores


@pytest.mark.parametrize(("kind", "label", "weight"), [(ClipScore, "CLIP-S", 2.5), (PacScore, "PAC-S", 2.0)])
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_is_what_the_library_computes_one_by_one(
    kind: type[ClipScore], label: str, weight: float, batch_size: int, folder: Path, images: Tensor
) -> None:
    metric = kind(model=folder, batch_size=batch_size)
    metric.update(images, CANDIDATES, REFERENCES, IDS)
    metric.update(images[:1], CANDIDATES[:1], REFERENCES[:1], IDS[:1])  # a repeated image counts once
    scores = _expected(folder, images, weight)
    expected = {}
    for column, ref in enumerate(("", "Ref")):
        of_images = [[of_caption[column] for of_caption in of_image] for of_image in scores]
        expected[f"clip/{ref}{label}"] = sum(of_image[0] for of_image in of_images) / 3
        expected[f"mean/{ref}{label}"] = sum(sum(of_image) / len(of_image) for of_image in of_images) / 3
        expected[f"min/{ref}{label}"] = sum(map(min, of_images)) / 3
    found = {name: value.item() for name, value in metric.compute().items()}
    assert found == pytest.approx(expected, rel=1e-5)
    assert len({round(value, 6) for value in found.values()}) == len(found)
    assert found[f"min/{label}"] > 0


class _Embedding:
    """The two towers as torchmetrics calls them; newer versions of the library return more than the embeddings."""

    def __init__(self, model: Any) -> None:
        self.model, self.config = model, model.config

    def to(self, device: torch.device) -> "_Embedding":
        return self

    def get_image_features(self, pixels: Tensor) -> Tensor:
        return _tensor(self.model.get_image_features(pixels))

    def get_text_features(self, ids: Tensor, mask: Tensor) -> Tensor:
        return _tensor(self.model.get_text_features(ids, mask))


def _tensor(features: Any) -> Tensor:
    return features if isinstance(features, Tensor) else features.pooler_output


def test_is_that_of_torchmetrics_but_for_prefix_and_scale(
    folder: Path, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["metrics.clip_score"], "PREFIX", "")
    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    for image, captions in zip(images, CANDIDATES, strict=True):
        metric = ClipScore(model=folder)
        metric.update(image[None], [captions[:1]], [["a"]], torch.tensor([0]))
        with torch.no_grad():
            theirs = clip_score_of_torchmetrics(image, captions[0], lambda: (_Embedding(model), processor))  # type: ignore[arg-type]
        assert metric.compute()["clip/CLIP-S"].item() == pytest.approx(2.5 * theirs.item() / 100, rel=1e-5)


def test_single_captions_have_no_mean_and_minimum(folder: Path, images: Tensor) -> None:
    metric = ClipScore(model=folder)
    metric.update(images, [captions[:1] for captions in CANDIDATES], REFERENCES, IDS)
    assert metric.compute().keys() == {"clip/CLIP-S", "clip/RefCLIP-S"}


def test_long_captions_are_cut(folder: Path, images: Tensor) -> None:
    long, cut = ClipScore(model=folder), ClipScore(model=folder)
    letters = 48 - len(PREFIX.replace(" ", "")) - 2  # with begin and end
    long.update(images[:1], [["b" * letters + "xyz"]], [["a"]], IDS[:1])
    cut.update(images[:1], [["b" * letters + "zzzzz"]], [["a"]], IDS[:1])
    assert long.compute() == cut.compute()


def test_two_processes_give_the_same_to_the_last_digit(folder: Path, images: Tensor, tmp_path: Path) -> None:
    def scores(rows: list[int]) -> dict[str, float]:
        metric = ClipScore(model=folder)
        for row in rows:
            metric.update(images[[row]], [CANDIDATES[row]], [REFERENCES[row]], IDS[[row]])
        return {name: value.item() for name, value in metric.compute().items()}

    torch.set_num_threads(1)
    alone = scores([2, 0, 1])
    assert on_two_processes(lambda rank: scores([[0, 2], [1, 0]][rank]), tmp_path / "processes") == [alone, alone]


def test_weights_of_a_file_take_the_place_of_the_models(folder: Path, images: Tensor, tmp_path: Path) -> None:
    other = save_tiny_clip(tmp_path / "other", seed=1)
    results = []
    for settings in ({"model": other}, {"model": folder, "weights": other / "model.safetensors"}, {"model": folder}):
        metric = PacScore(**settings)
        metric.update(images, CANDIDATES, REFERENCES, IDS)
        results.append(metric.compute())
    assert results[0] == results[1] != results[2]


def _without_a_weight(folder: Path, to: Path) -> Path:
    tensors = load_file(folder / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, to, metadata={"format": "pt"})
    return to


def test_what_cannot_be_loaded_is_one_line(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = save_tiny_clip(tmp_path / "damaged")
    _without_a_weight(folder, damaged / "model.safetensors")
    file = _without_a_weight(folder, tmp_path / "incomplete.safetensors")
    strange, noise = tmp_path / "strange.safetensors", tmp_path / "noise.safetensors"
    save_file({**load_file(folder / "model.safetensors"), "adapter": torch.ones(1)}, strange)
    noise.write_bytes(b"no weights")
    for settings, match in (
        ({"model": tmp_path / "nowhere"}, "nowhere: expected a folder with a CLIPModel"),
        ({"model": damaged}, r"damaged: expected all weights of a CLIPModel, got none for visual_projection\.weight"),
        ({"model": folder, "weights": file}, r"incomplete.safetensors: expected all weights .* visual_projection"),
        ({"model": folder, "weights": strange}, "strange.safetensors: .* that the model does not have, adapt"),
        ({"model": folder, "weights": noise}, "noise.safetensors: expected weights of a CLIP, got: "),
        ({"model": folder, "weights": tmp_path / "none"}, "none: expected weights of a CLIP, got: "),
    ):
        with pytest.raises(ValueError, match=match) as caught:
            ClipScore(**settings).clip  # noqa: B018
        assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"CLIP model .* needs transformers, not installed here; .* --extra clip"):
        ClipScore(model=folder).clip  # noqa: B018


def test_what_does_not_fit_is_refused(folder: Path, images: Tensor) -> None:
    metric = ClipScore(model=folder)
    with pytest.raises(ValueError, match="a photograph and a reference for each of 3 images, got 2 photographs"):
        metric.update(images[:2], CANDIDATES, REFERENCES, IDS)
    with pytest.raises(ValueError, match="and 0 references of some"):
        metric.update(images, CANDIDATES, [*REFERENCES[:2], []], IDS)
    assert metric.clip.image_size == IMAGE_SIZE
