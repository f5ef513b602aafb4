"""Convert OpenAI's published discrete VAE to one safetensors file; nothing that the published files hold is run.

python -m lightning_modules.networks.openai_dvae.openai_weights encoder.pkl decoder.pkl openai_dvae.safetensors
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from lightning_modules.networks.openai_dvae.openai_discrete_vae import OpenAIDiscreteVAE
from lightning_modules.networks.openai_dvae.published_pickles import read_published
from lightning_modules.networks.openai_dvae.weights import misfit
from utils.display import show_any_text
from utils.files import atomic_open, file_checksum
from utils.home_folder import user_path
from utils.path_faults import error_line


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Convert OpenAI's published discrete VAE to one safetensors file; nothing in it is run."
    )
    parser.add_argument("encoder", type=user_path, help="encoder.pkl as OpenAI has published it")
    parser.add_argument("decoder", type=user_path, help="decoder.pkl as OpenAI has published it")
    parser.add_argument("out", type=user_path, help="the safetensors file to write, for model.vae.weights")
    return parser.parse_args(arguments)


def convert(encoder: Path, decoder: Path, out: Path, *, like: OpenAIDiscreteVAE) -> None:
    """Write the weights of the two published files into one safetensors file, and print the checksums of all three.

    The SHA-256 of the published files are in the metadata of the written one, too. The same files give the same file.

    Args:
        encoder: The published encoder.
        decoder: The published decoder.
        out: The file to write; there must be none of this name, and its folder must be there.
        like: A network of the sizes that the files must have; it may be on the `meta` device.

    Raises:
        ValueError: A file is not what it should be, or `out` cannot be used; nothing is written.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"{out}: expected the name of a file in a folder that exists; change it")
    if out.exists():
        raise ValueError(f"{out}: a file of this name is there, and would be lost; name another")
    tensors: dict[str, Tensor] = {}
    checksums: dict[str, str] = {}
    for part, path, network in (("encoder", encoder, like.encoder), ("decoder", decoder, like.decoder)):
        read = read_part(path, part, network)
        tensors |= {f"{part}.{name}": tensor for name, tensor in read.items()}
        checksums[part] = file_checksum(path)
        print(f"{path}: the {part}, {_extent(read)}, SHA-256 {checksums[part]}")
    sources = ", ".join(f"{part}.pkl {checksum}" for part, checksum in checksums.items())
    content = save(tensors, metadata={"sha256": sources})  # one entry: safetensors writes several in any order
    with atomic_open(out, "wb") as file:
        file.write(content)
    print(f"{out}: {_extent(tensors)}, SHA-256 {file_checksum(out)}")


def read_part(path: Path, part: str, network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of one published file in the order of a network's, of which they have the names and shapes.

    Raises:
        ValueError: They differ, or are no finite numbers.
    """
    tensors = read_published(path)
    fault = misfit(tensors, network)
    if fault is not None:
        raise ValueError(f"{path}: expected the {part} that OpenAI has published, got {fault}")
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{path}: expected finite numbers, got others in {name}; copy the file again")
    return {name: tensors[name].contiguous() for name in network.state_dict()}


def published_network() -> OpenAIDiscreteVAE:
    """Return a network of the published sizes on the `meta` device, where it needs no memory."""
    with torch.device("meta"):
        return OpenAIDiscreteVAE(image_size=256)


def _extent(tensors: dict[str, Tensor]) -> str:
    return f"{len(tensors)} tensors, {sum(tensor.numel() for tensor in tensors.values()):,} numbers"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's mistake gets one line and exit code 1."""
    show_any_text()
    options = parse_arguments(arguments)
    try:
        convert(options.encoder, options.decoder, options.out, like=published_network())
    except (ValueError, OSError) as error:
        sys.exit(error_line(error, options))


if __name__ == "__main__":
    main()
