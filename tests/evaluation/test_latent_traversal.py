from pathlib import Path

import pytest
import torch

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, encode_images
from evaluation.latent_traversal import dimensions_to_traverse, make_traversals, swap
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy
from lightning_modules.networks.latents import gaussian_kl, standard_normal_like
from tests.tiny_run import build_tiny


def test_the_busiest_dimensions_have_the_highest_kl(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    with torch.no_grad():  # far from the prior and always the same: its KL is high, its variance among captions is not
        captioner.network.latents.style_posterior.bias[1] += 40
    kl_NS = []
    for number in range(6):  # one by one; a posterior that reads no captions is the same for each of an image's
        code = captioner.sample_latents(captioner.encode(split.load_image(number).unsqueeze(0))).style
        kl_NS += [gaussian_kl(code.posterior, standard_normal_like(code.posterior))] * len(split.captions[number])
    kl_S = torch.cat(kl_NS).mean(dim=0)
    assert dimensions_to_traverse(captioner, batches, split, 3) == kl_S.argsort(descending=True).tolist()
    assert dimensions_to_traverse(captioner, batches, split, 1) == [1]
    with torch.no_grad():
        captioner.network.latents.style_posterior.bias[1] -= 40


def test_codes_of_captions_are_those_of_the_loss(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=["model/latents=conditional"])
    captioner.eval()
    batch = next(iter(datamodule.val_dataloader()))
    features_BPD = captioner.features_of(batch)
    torch.manual_seed(2)
    _, output = captioner._terms(features_BPD, batch, torch.arange(len(batch.tokens_NL)))
    torch.manual_seed(2)
    codes = captioner.latents_of_captions(features_BPD, batch.references)
    torch.testing.assert_close(codes.style, output.latents.style)
    assert codes.style.kl.sum(dim=1).min() > 0


def test_a_traversal_sets_one_dimension(captioner: VariationalCaptioner, batches: list[EncodedBatch]) -> None:
    batch = batches[1]
    own_BS = captioner.sample_latents(batch.features_BPD).style.sample
    traversals = make_traversals(captioner, batch, dimensions=[2, 0], values=[-3.0, 1.0], max_length=9)
    assert [traversal.dimension for traversal in traversals] == [2, 2, 0, 0]
    second = traversals[3]
    assert torch.equal(second.image_3HW, batch.images_BCHW[1])
    changed_1S = own_BS[1:].clone()
    changed_1S[0, 0] = 1.0
    generated = captioner.generate(batch.features_BPD[1:], Greedy(max_length=9), style_NS=changed_1S)
    assert second.styled_captions[1].caption == generated.captions[0][0]
    reconstruction_3HW = second.styled_captions[1].reconstruction_3HW
    assert reconstruction_3HW is not None
    torch.testing.assert_close(reconstruction_3HW, captioner.reconstruct(generated.tokens_NL)[0])


def test_swaps_describe_each_image_in_each_style(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    batch = batches[0]
    own_BS = captioner.sample_latents(batch.features_BPD).style.sample
    swaps = swap(captioner, batch, split, max_length=9)
    assert len(swaps.images_3HW) == len(swaps.styled_captions) == 4
    for i in range(4):
        for j in range(4):
            generated = captioner.generate(
                batch.features_BPD[i : i + 1], Greedy(max_length=9), style_NS=own_BS[j : j + 1]
            )
            assert swaps.styled_captions[i][j].caption == generated.captions[0][0]
    own = captioner.generate(batch.features_BPD, Greedy(max_length=9)).captions
    assert [swaps.styled_captions[i][i].caption for i in range(4)] == [captions[0] for captions in own]


def test_swapped_styles_are_those_of_human_captions_where_the_model_reads_them(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=["model/latents=conditional_mixture"])
    split = datamodule.splits["train"]
    (batch,) = encode_images(captioner.eval(), split, num_images=2, batch_size=2)
    swaps = swap(captioner, batch, split, max_length=9)
    first = [split.captions[number][0] for number in batch.numbers]
    style_BS = captioner.latents_of_captions(
        batch.features_BPD, [[caption] for caption in first], latent_scale=0
    ).style.sample
    generated = captioner.generate(batch.features_BPD[:1], Greedy(max_length=9), style_NS=style_BS[1:])
    assert swaps.captions == first
    assert swaps.styled_captions[0][1].caption == generated.captions[0][0]


def test_without_image_decoder_there_are_words_alone(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captioner.network, "decoder_image", None)
    assert swap(captioner, batches[1], split, max_length=9).styled_captions[0][1].reconstruction_3HW is None
