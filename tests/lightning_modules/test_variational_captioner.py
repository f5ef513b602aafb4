import math
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from datamodules.batch import CaptionBatch
from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy, Sample
from lightning_modules.variational_captioner import longest_captions
from tests.tiny_run import build_tiny

# steps are also called without a trainer, where there is nowhere to log to
pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log")

TERMS = {"caption", "reconstruction", "kl_style", "kl_content"}
WEIGHTS = {"weight/reconstruction", "weight/beta", "weight/gamma", "weight/kl"}


@pytest.fixture
def built(tmp_path: Path) -> tuple[VariationalCaptioner, CaptionDataModule]:
    torch.manual_seed(0)
    return build_tiny(tmp_path / "run", "model.loss.reconstructed_share=1.0")


@pytest.fixture
def captioner(built: tuple[VariationalCaptioner, CaptionDataModule]) -> VariationalCaptioner:
    return built[0]


@pytest.fixture
def batch(built: tuple[VariationalCaptioner, CaptionDataModule]) -> CaptionBatch:
    return next(iter(built[1].train_dataloader()))


def _trainer(tmp_path: Path, **settings: Any) -> pl.Trainer:
    return pl.Trainer(
        default_root_dir=tmp_path,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        **settings,
    )


def test_every_term_is_logged_by_name_in_every_stage(
    built: tuple[VariationalCaptioner, CaptionDataModule], tmp_path: Path
) -> None:
    captioner, datamodule = built
    trainer = _trainer(tmp_path, max_epochs=1)
    trainer.fit(captioner, datamodule=datamodule)
    logged = dict(trainer.callback_metrics)
    trainer.test(captioner, datamodule=datamodule, verbose=False)
    logged |= trainer.callback_metrics
    expected = {f"{stage}/loss" for stage in ("train", "val", "test")} | WEIGHTS
    expected |= {
        f"{s}/{kind}/{t}" for s in ("train", "val", "test") for kind in ("nats", "contribution") for t in TERMS
    }
    assert expected <= logged.keys()
    for stage in ("train", "val", "test"):
        parts = torch.stack([logged[f"{stage}/contribution/{term}"] for term in TERMS])
        torch.testing.assert_close(logged[f"{stage}/loss"], parts.sum())


def test_the_loss_is_written_from_the_networks_output(captioner: VariationalCaptioner, batch: CaptionBatch) -> None:
    """The whole step against a calculation that shares nothing with it but the network."""
    torch.manual_seed(5)
    loss = captioner.training_step(batch, 0)
    torch.manual_seed(5)
    network = captioner.network
    features_BPD = network.encoder(batch.images_BCHW)
    reconstruct_R = longest_captions((batch.tokens_NL != 0).sum(dim=1), batch.image_of_caption_N)
    output = network(features_BPD, batch.tokens_NL, batch.image_of_caption_N, reconstruct_R=reconstruct_R)
    words_NL = batch.tokens_NL[:, 1:]
    words_W1 = words_NL[words_NL != 0].unsqueeze(1)
    caption = -output.logits_WV.log_softmax(dim=-1).gather(-1, words_W1).sum() / len(words_NL)
    assert output.reconstruction_RCHW is not None
    assert output.reconstruction_RCHW.shape == batch.images_BCHW.shape
    error = (output.reconstruction_RCHW - batch.images_BCHW / 255).square().sum() / len(batch.images_BCHW)
    kls = [code.kl.sum() / len(words_NL) for code in (output.latents.style, output.latents.content)]
    weights = captioner.loss
    k = weights.kl_loss_weight(0)
    expected = caption + weights.reconstruction_weight(0) * torch.pi * error
    expected = expected + k * (weights.beta(0) * kls[0] + weights.gamma(0) * kls[1])
    torch.testing.assert_close(loss, expected)


def test_images_are_compared_with_what_is_reconstructed_from_their_own_captions(
    captioner: VariationalCaptioner, batch: CaptionBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = 32 * torch.arange(len(batch.images_BCHW), dtype=torch.uint8)
    images_BCHW = sizes.view(-1, 1, 1, 1).expand_as(batch.images_BCHW).contiguous()
    seen = []

    def compare(reconstruction_RCHW: torch.Tensor, originals_RCHW: torch.Tensor) -> torch.Tensor:
        seen.append((originals_RCHW[:, 0, 0, 0] * 255).round().int().tolist())
        return (reconstruction_RCHW - originals_RCHW).flatten(1).sum(dim=1)

    monkeypatch.setattr("lightning_modules.variational_captioner.reconstruction_nll", compare)
    captioner.training_step(batch._replace(images_BCHW=images_BCHW), 0)
    captioner.validation_step(batch._replace(images_BCHW=images_BCHW), 0)
    captioner.loss.reconstructed_share = 0.5
    captioner.training_step(batch._replace(images_BCHW=images_BCHW), 0)
    one_each = sizes.int().tolist()
    half = one_each[: math.ceil(len(one_each) / 2)]
    assert seen == [one_each, [one_each[i] for i in batch.image_of_caption_N.tolist()], half]


def test_each_image_is_encoded_once_a_step(captioner: VariationalCaptioner, batch: CaptionBatch) -> None:
    encoded: list[int] = []
    captioner.network.encoder.register_forward_hook(lambda module, args, output: encoded.append(len(args[0])))
    captioner.training_step(batch, 0)
    captioner.validation_step(batch, 0)
    assert len(batch.tokens_NL) > len(batch.images_BCHW)
    assert encoded == [len(batch.images_BCHW)] * 2


def test_training_lowers_the_loss_and_moves_every_parameter(
    captioner: VariationalCaptioner, batch: CaptionBatch
) -> None:
    before = {name: value.detach().clone() for name, value in captioner.named_parameters()}
    optimizer = torch.optim.Adam(captioner.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = captioner.training_step(batch, 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert [name for name, value in captioner.named_parameters() if torch.equal(value, before[name])] == []


def test_evaluation_generates_a_caption_of_each_image(captioner: VariationalCaptioner, batch: CaptionBatch) -> None:
    generated = captioner.validation_step(batch, 0).generated
    assert [len(captions) for captions in generated.captions] == [1] * len(batch.images_BCHW)
    assert all(caption for captions in generated.captions for caption in captions)


def test_captions_come_image_by_image(captioner: VariationalCaptioner, batch: CaptionBatch) -> None:
    captioner.eval()
    greedy = captioner.generate(captioner.encode(batch.images_BCHW), Greedy(max_length=9))
    nearly_greedy = Sample(num=3, temperature=1e-9, latent_scale=0.0, max_length=9)
    generated = captioner.generate(captioner.encode(batch.images_BCHW), nearly_greedy)
    assert generated.captions == [captions * 3 for captions in greedy.captions]
    assert torch.equal(generated.tokens_NL, greedy.tokens_NL.repeat_interleave(3, dim=0))
    assert captioner.tokenizer.decode_batch(generated.tokens_NL) == [
        text for texts in generated.captions for text in texts
    ]


def test_a_greedy_caption_depends_on_its_image_alone(captioner: VariationalCaptioner, batch: CaptionBatch) -> None:
    captioner.eval()
    together = captioner.generate(captioner.encode(batch.images_BCHW), Greedy(max_length=9)).captions
    alone = [
        captioner.generate(captioner.encode(image_CHW[None]), Greedy(max_length=9)).captions[0]
        for image_CHW in batch.images_BCHW
    ]
    assert together == alone


def test_reconstructs_what_it_generated(captioner: VariationalCaptioner, batch: CaptionBatch) -> None:
    captioner.eval()
    generated = captioner.generate(captioner.encode(batch.images_BCHW))
    reconstruction_NCHW = captioner.reconstruct(generated.tokens_NL)
    assert captioner.can_reconstruct
    assert reconstruction_NCHW.shape == (len(generated.tokens_NL), 3, 32, 32)
    assert 0 <= reconstruction_NCHW.min() <= reconstruction_NCHW.max() <= 1
    assert not reconstruction_NCHW.requires_grad


def test_without_image_decoder_there_is_no_reconstruction_to_log(tmp_path: Path) -> None:
    captioner, datamodule = build_tiny(tmp_path / "run", choices=["model/image_decoder=none"])
    trainer = _trainer(tmp_path, max_epochs=1)
    trainer.fit(captioner, datamodule=datamodule)
    assert not captioner.can_reconstruct
    assert not any("nats/reconstruction" in name for name in trainer.callback_metrics)


def test_the_learning_rate_follows_its_schedule_to_the_last_step(tmp_path: Path) -> None:
    settings = ["model.optimizer.lr=0.01", "model.scheduler.pct_start=0.5"]
    captioner, datamodule = build_tiny(tmp_path / "run", *settings, choices=["model/scheduler=one_cycle"])
    trainer = _trainer(tmp_path, max_epochs=3)
    rates: list[float] = []
    step = captioner.training_step

    def watched(batch: CaptionBatch, batch_idx: int) -> torch.Tensor:
        rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        return step(batch, batch_idx)

    captioner.training_step = watched  # type: ignore[method-assign]
    trainer.fit(captioner, datamodule=datamodule)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, total_steps=6, pct_start=0.5, cycle_momentum=False
    )
    expected = []
    for _ in range(6):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step() if len(expected) < 6 else None
    assert rates == pytest.approx(expected)


def test_frozen_parameters_are_not_given_to_the_optimizer(captioner: VariationalCaptioner) -> None:
    captioner.network.encoder.requires_grad_(False)
    captioner.hparams["scheduler"] = {}
    optimizer = captioner.configure_optimizers()
    given = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    assert given == {id(parameter) for parameter in captioner.parameters() if parameter.requires_grad}


def test_longest_captions() -> None:
    image_of_caption_N = torch.tensor([0, 1, 1, 1, 2, 2])
    assert longest_captions(torch.tensor([3, 4, 9, 8, 7, 7]), image_of_caption_N).tolist() == [0, 2, 4]
    assert longest_captions(torch.tensor([9, 1, 1, 2, 5, 6]), image_of_caption_N).tolist() == [0, 3, 5]


def test_pretrained_word_vectors_are_read_at_the_start_alone(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text(f"circle {' '.join(['7'] * 12)}\n")
    choices = ["model/embedding=pretrained", f"model.embedding.vectors={vectors}"]
    captioner, _ = build_tiny(tmp_path / "run", choices=choices)
    row = captioner.tokenizer.words.index("circle")
    assert captioner.network.embedding.weight[row].tolist() != [7.0] * 12
    captioner.load_pretrained()
    assert captioner.network.embedding.weight[row].tolist() == [7.0] * 12
