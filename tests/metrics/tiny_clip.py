"""A CLIP with random weights that reads letters, saved to a folder: nothing to download."""

import json
from pathlib import Path
from string import ascii_lowercase

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

IMAGE_SIZE = 16
MAX_TOKENS = 48


def save_tiny_clip(folder: Path, seed: int = 0) -> Path:
    """Save a tiny model with its processor and return the folder."""
    torch.manual_seed(seed)
    letters = [*ascii_lowercase, *(f"{letter}</w>" for letter in ascii_lowercase), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    tower = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={
            **tower,
            "vocab_size": len(vocabulary),
            "max_position_embeddings": MAX_TOKENS,
            "bos_token_id": vocabulary["<|startoftext|>"],
            "eos_token_id": vocabulary["<|endoftext|>"],
            "pad_token_id": vocabulary["<|endoftext|>"],
        },
        vision_config={**tower, "image_size": IMAGE_SIZE, "patch_size": 8},
        projection_dim=12,
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = CLIPModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))  # of weights as they begin, all embeddings are alike
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    size = {"shortest_edge": IMAGE_SIZE}
    CLIPProcessor(
        image_processor=CLIPImageProcessor(size=size, crop_size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}),
        tokenizer=CLIPTokenizer.from_pretrained(folder),
    ).save_pretrained(folder)
    return folder
