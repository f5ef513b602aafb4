"""What every image decoder promises, over every implementation."""

import inspect

import pytest
import torch

from lightning_modules.networks import image_decoders
from lightning_modules.networks.image_decoders import ConvolutionalImageDecoder

EXPORTED = [getattr(image_decoders, name) for name in image_decoders.__all__]
IMPLEMENTATIONS = [kind for kind in EXPORTED if not inspect.isabstract(kind)]
MASK_NL = torch.tensor([[True] * 3 + [False] * 2, [True] * 5, [True] + [False] * 4])


@pytest.fixture(params=IMPLEMENTATIONS)
def kind(request: pytest.FixtureRequest) -> type[ConvolutionalImageDecoder]:
    return request.param


@pytest.fixture
def decoder(kind: type[ConvolutionalImageDecoder]) -> ConvolutionalImageDecoder:
    decoder = kind(embedding_dim=6, image_size=32, hidden_size=16)
    decoder(torch.randn(8, 5, 6), torch.ones(8, 5, dtype=torch.bool))  # gives batch statistics that mean something
    return decoder.eval()


@pytest.mark.parametrize("size", [16, 32, 64])
def test_draws_images_of_its_size_between_zero_and_one(kind: type[ConvolutionalImageDecoder], size: int) -> None:
    decoder = kind(embedding_dim=6, image_size=size, hidden_size=16)
    images_NCHW = decoder(100 * torch.randn(3, 5, 6), MASK_NL)
    assert images_NCHW.shape == (3, 3, decoder.image_size, decoder.image_size) == (3, 3, size, size)
    assert 0 <= images_NCHW.min() < images_NCHW.max() <= 1


def test_padding_does_not_matter(decoder: ConvolutionalImageDecoder) -> None:
    words_NLE = torch.randn(3, 5, 6)
    images_NCHW = decoder(words_NLE, MASK_NL)
    spoiled_NLE = words_NLE.masked_fill(~MASK_NL[:, :, None], 1e3)
    torch.testing.assert_close(decoder(spoiled_NLE, MASK_NL), images_NCHW)
    longer_NLE = torch.cat([words_NLE, torch.randn(3, 4, 6)], dim=1)
    longer_mask_NL = torch.cat([MASK_NL, torch.zeros(3, 4, dtype=torch.bool)], dim=1)
    torch.testing.assert_close(decoder(longer_NLE, longer_mask_NL), images_NCHW)


def test_the_words_and_their_order_matter(decoder: ConvolutionalImageDecoder) -> None:
    words_NLE, mask_NL = torch.randn(2, 5, 6), torch.ones(2, 5, dtype=torch.bool)
    images_NCHW = decoder(words_NLE, mask_NL)
    assert (images_NCHW[0] - images_NCHW[1]).abs().max() > 1e-3
    assert (images_NCHW - decoder(words_NLE.flip(1), mask_NL)).abs().max() > 1e-3


def test_gradients_reach_every_word_and_no_padding(decoder: ConvolutionalImageDecoder) -> None:
    words_NLE = torch.randn(3, 5, 6, requires_grad=True)
    decoder(words_NLE, MASK_NL).square().sum().backward()
    assert words_NLE.grad is not None
    assert torch.equal(words_NLE.grad.abs().sum(dim=-1) > 0, MASK_NL)
    unused = [name for name, p in decoder.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert unused == []


@pytest.mark.parametrize("size", [0, 4, 8, 12, 48, 63])
def test_refuses_sizes_that_it_cannot_reach(kind: type[ConvolutionalImageDecoder], size: int) -> None:
    with pytest.raises(ValueError, match=rf"model.image_decoder.image_size must be 8 times .*, got {size}"):
        kind(embedding_dim=6, image_size=size)
