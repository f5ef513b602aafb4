"""CLIP as a library has it: photographs and sentences to embeddings that can be compared; optional.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021).

Shape legend: B images, N sentences, D width of an embedding, C channels, H rows, W columns.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from metrics.clip_weights import read_clip_weights
from utils.extras import require_libraries

EXAMPLE = "openai/clip-vit-base-patch32"
LOADING = (OSError, RuntimeError, ValueError, SafetensorError)  # what goes wrong with files of weights
NOT_LEARNED = ("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids")  # which older files hold


class ClipModel:
    """Embeds photographs and sentences.

    Args:
        model: A folder that `CLIPModel.save_pretrained` and `CLIPProcessor.save_pretrained` have written, or a name on
            the Hugging Face hub, which takes a network.
        weights: A file with all weights of a CLIP of the same architecture (see `read_clip_weights`), instead of the
            model's own.
        batch_size: Photographs, or sentences, that are embedded at once.

    Raises:
        ValueError: The library `transformers` is not installed, there is no such model, or weights are missing.
    """

    def __init__(self, model: str | Path, weights: str | Path | None = None, *, batch_size: int = 64) -> None:
        require_libraries(f"CLIP model {model}", "transformers", extra="clip")
        self.batch_size = batch_size
        self._clip, self._processor = _load(str(model))
        if weights is not None:
            _replace(self._clip, Path(weights))
        self._clip.eval().requires_grad_(False)

    def to(self, device: torch.device) -> "ClipModel":
        """Move to a device."""
        self._clip.to(device)
        return self

    @property
    def image_size(self) -> int:
        """Height and width in pixels that it looks at photographs with."""
        return int(self._clip.config.vision_config.image_size)

    @torch.no_grad()
    def embed_images(self, images_BCHW: Tensor) -> Tensor:
        """Embed photographs (`uint8`, RGB, of any size), resized, cropped and normalised as in training: [B, D]."""
        parts = []
        for part_BCHW in images_BCHW.split(self.batch_size):
            pixels = self._processor.image_processor(images=[*part_BCHW.cpu()], return_tensors="pt")["pixel_values"]
            seen = self._clip.vision_model(pixel_values=pixels.to(self._clip.device))
            parts.append(self._clip.visual_projection(seen.pooler_output))
        return torch.cat(parts)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed sentences, cut at the most tokens that CLIP reads: [N, D]."""
        return torch.cat([self._clip.text_projection(read.pooler_output) for read in self._read(texts)])

    def _read(self, texts: Sequence[str]) -> Iterator[Any]:
        most = self._clip.config.text_config.max_position_embeddings
        for start in range(0, len(texts), self.batch_size):
            tokens = self._processor.tokenizer(
                [*texts[start : start + self.batch_size]],
                padding=True,
                truncation=True,
                max_length=most,
                return_tensors="pt",
            ).to(self._clip.device)
            yield self._clip.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])


def _load(model: str) -> tuple[Any, Any]:
    from transformers import CLIPModel, CLIPProcessor  # optional, and slow to import

    try:
        loaded: Any = CLIPModel.from_pretrained(model, output_loading_info=True)
        processor = CLIPProcessor.from_pretrained(model)
    except LOADING as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"CLIP model {model}: expected a folder with a CLIPModel and a CLIPProcessor, or with a network a name on "
            f"the Hugging Face hub such as {EXAMPLE}, got: {reason}"
        ) from error
    clip, info = loaded
    _refuse_missing(sorted(info["missing_keys"]), model)
    return clip, processor


def _replace(clip: Any, weights: Path) -> None:
    """Load a file of weights into a model, all of them."""
    try:
        missing, unknown = clip.load_state_dict(read_clip_weights(weights), strict=False)
    except RuntimeError as error:  # of other shapes
        raise ValueError(
            f"{weights}: expected weights of a CLIP of the same architecture, got: {' '.join(str(error).split())[:200]}"
        ) from error
    _refuse_missing([name for name in missing if name not in NOT_LEARNED], str(weights))
    strange = [name for name in unknown if name not in NOT_LEARNED]
    if strange:
        raise ValueError(
            f"{weights}: expected weights of a CLIP of the same architecture, got one that the model does not have, "
            f"{strange[0]}"
        )


def _refuse_missing(names: Sequence[str], where: str) -> None:
    if names:
        raise ValueError(
            f"{where}: expected all weights of a CLIPModel, got none for {names[0]}"
            f"{f' and {len(names) - 1} others' if len(names) > 1 else ''}; they would be random"
        )
