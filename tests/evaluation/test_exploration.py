from pathlib import Path

import pytest
import torch

from datamodules.caption_split import CaptionSplit
from evaluation.exploration import busiest_dimensions, swap, traverse
from evaluation.saying import EncodedBatch
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy
from tests.tiny_run import build_tiny


def test_the_busiest_dimensions_differ_most_among_captions(
    captioner: VariationalCaptioner, split: CaptionSplit, batches: list[EncodedBatch]
) -> None:
    means = []
    for number in range(6):  # one by one; a posterior that reads no captions is the same for each of an image's
        image_BCHW = split.load_image(number).unsqueeze(0)
        means += [captioner.codes(image_BCHW).style.posterior.mean] * len(split.captions[number])
    variance_S = torch.cat(means).var(dim=0)
    assert busiest_dimensions(captioner, batches, split, 3) == variance_S.argsort(descending=True).tolist()
    assert busiest_dimensions(captioner, batches, split, 1) == [int(variance_S.argmax())]


def test_codes_of_captions_are_those_of_the_loss(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=["model/latents=conditional"])
    captioner.eval()
    batch = next(iter(datamodule.val_dataloader()))
    grid_BPD = captioner.encode_batch(batch)
    torch.manual_seed(2)
    _, latents = captioner._loss(grid_BPD, batch, redraw_R=torch.arange(len(batch.tokens_NL)))
    torch.manual_seed(2)
    codes = captioner.codes_of_captions(grid_BPD, batch.references)
    torch.testing.assert_close(codes.style, latents.style)
    assert codes.style.kl.sum(dim=1).min() > 0


def test_a_traversal_sets_one_dimension(captioner: VariationalCaptioner, batches: list[EncodedBatch]) -> None:
    batch = batches[1]
    own_BS = captioner.codes_of_grid(batch.grid_BPD).style.sample
    traversals = traverse(captioner, batch, dimensions=[2, 0], values=[-3.0, 1.0])
    assert [traversal.dimension for traversal in traversals] == [2, 2, 0, 0]
    second = traversals[3]
    assert torch.equal(second.image_3HW, batch.images_BCHW[1])
    changed_1S = own_BS[1:].clone()
    changed_1S[0, 0] = 1.0
    said = captioner.describe_grid(batch.grid_BPD[1:], Greedy(), style_NS=changed_1S)
    assert second.sayings[1].caption == said.captions[0][0]
    redrawn_3HW = second.sayings[1].redrawn_3HW
    assert redrawn_3HW is not None
    torch.testing.assert_close(redrawn_3HW, captioner.redraw(said.tokens_NL)[0])


def test_swaps_say_each_image_in_each_style(captioner: VariationalCaptioner, batches: list[EncodedBatch]) -> None:
    batch = batches[0]
    own_BS = captioner.codes_of_grid(batch.grid_BPD).style.sample
    swaps = swap(captioner, batch)
    assert len(swaps.images_3HW) == len(swaps.sayings) == 4
    for i in range(4):
        for j in range(4):
            said = captioner.describe_grid(batch.grid_BPD[i : i + 1], Greedy(), style_NS=own_BS[j : j + 1])
            assert swaps.sayings[i][j].caption == said.captions[0][0]
    own = captioner.describe_grid(batch.grid_BPD, Greedy()).captions
    assert [swaps.sayings[i][i].caption for i in range(4)] == [captions[0] for captions in own]


def test_without_image_decoder_there_are_words_alone(
    captioner: VariationalCaptioner, batches: list[EncodedBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captioner.network, "decoder_image", None)
    assert swap(captioner, batches[1]).sayings[0][1].redrawn_3HW is None
