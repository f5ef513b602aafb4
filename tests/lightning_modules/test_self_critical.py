"""Self-critical training against log-probabilities that are computed one by one."""

from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.batch import CaptionBatch
from lightning_modules import GeneratedBatch, SelfCritical, SelfCriticalCaptioner
from metrics.rewards import mean_consensus, reward_frequencies, reward_tokens
from tests.tiny_run import TinyRun, build_tiny, run_tiny, scalars
from tests.two_processes import on_two_processes


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[SelfCriticalCaptioner, CaptionBatch]:
    torch.manual_seed(0)
    choices = ["model/decoder=transformer", "model/self_critical=cider"]
    captioner, datamodule = build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=choices)
    assert isinstance(captioner, SelfCriticalCaptioner)
    captioner._frequencies = reward_frequencies(datamodule.splits["train"].captions)
    return captioner.train(), next(iter(datamodule.train_dataloader()))


def _references(batch: CaptionBatch) -> list[list[list[str]]]:
    return [[reward_tokens(caption) for caption in captions] for captions in batch.references]


@pytest.mark.parametrize("baseline", ["leave_one_out", "greedy", "references"])
def test_the_gradient_is_the_advantage_times_that_of_the_log_probability(
    baseline: str, built: tuple[SelfCriticalCaptioner, CaptionBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner, batch = built
    captioner.self_critical = SelfCritical(num=2, baseline=baseline, max_length=6)
    features_BPD = captioner.features_of(batch).detach()
    kept = []
    sample = captioner._sample
    monkeypatch.setattr(captioner, "_sample", lambda *args: kept.append(sample(*args)) or kept[-1])
    captioner.zero_grad()
    report = captioner.self_critical_loss(features_BPD, _references(batch))
    report.loss.backward()
    gradients = {name: p.grad.clone() for name, p in captioner.named_parameters() if p.grad is not None}
    sampled, greedy = kept[0]
    reward_BK = captioner._rewards(sampled, _references(batch)).total_BK
    if baseline == "references":
        baseline_BK = mean_consensus(_references(batch), captioner._frequencies)[:, None]
    elif greedy is None:
        baseline_BK = reward_BK[:, ::-1]  # of two captions the other
    else:
        baseline_BK = captioner._rewards(greedy, _references(batch)).total_BK
    advantage_N = torch.tensor(reward_BK - baseline_BK).float().flatten()
    captioner.zero_grad()
    captioner.eval()
    log_p_N = captioner.network.log_probability(sampled.latents, sampled.tokens_NL)
    torch.testing.assert_close(log_p_N, sampled.log_probability_N, rtol=1e-4, atol=1e-4)
    log_p_N = captioner.network.log_probability(sampled.latents, sampled.tokens_NL, changed=captioner.as_sampled())
    loss = -(advantage_N * log_p_N).mean()
    loss.backward()
    captioner.train()
    torch.testing.assert_close(report.loss, loss)
    for name in ("network.decoder_text.layers.0.out.weight", "network.middle.to_vocabulary.weight"):
        torch.testing.assert_close(gradients[name], dict(captioner.named_parameters())[name].grad)
        assert gradients[name].abs().sum() > 0
    assert "network.latents.summary.reduce.weight" not in gradients  # the latents are given


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_distribution_that_is_differentiated_is_the_one_that_is_drawn_from(
    temperature: float, built: tuple[SelfCriticalCaptioner, CaptionBatch]
) -> None:
    captioner, batch = built
    captioner.self_critical = SelfCritical(temperature=temperature, max_length=2)
    vocabulary, network = captioner.tokenizer.vocabulary, captioner.network.eval()
    words = [i for i in range(vocabulary.size) if i not in (*vocabulary.suppressed_ids, vocabulary.eos_id)]
    every_NL = torch.tensor([[first, second] for first in words for second in [vocabulary.eos_id, *words]])
    codes = captioner.sample_latents(captioner.features_of(batch)[:1]).select(torch.zeros(len(every_NL), dtype=int))
    with torch.no_grad():
        log_p_N = network.log_probability(codes, every_NL, changed=captioner.as_sampled())
        first_W = torch.full((1,), vocabulary.bos_id)
        logits_WV, _ = network.step(first_W, network.start(codes.select(torch.tensor([0]))))
    captioner.train()
    assert log_p_N.exp().sum().item() == pytest.approx(1, abs=1e-4)  # some caption is drawn, and no other one
    as_drawn_V = (logits_WV[0, words] / temperature).softmax(dim=0)
    of_first_V = log_p_N.exp().view(len(words), -1).sum(dim=1)
    torch.testing.assert_close(of_first_V, as_drawn_V, rtol=1e-3, atol=1e-5)


def test_loss_and_figures_are_over_the_captions_of_all_processes(
    built: tuple[SelfCriticalCaptioner, CaptionBatch],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    captioner, batch = built
    captioner.self_critical = SelfCritical(num=2, bleu_weight=0.5, diversity_weight=0.1, max_length=6)
    whole, _ = captioner._sample(captioner.features_of(batch).detach())

    def computed(images: slice) -> list[Any]:
        """Compute with some of the images, and what was once said of them."""
        rows = torch.arange(len(whole.tokens_NL))[2 * images.start : 2 * images.stop]
        generated = GeneratedBatch(
            whole.captions[images],
            *(part[rows] for part in (whole.tokens_NL, whole.log_probability_N, whole.score_N, whole.finished_N)),
            whole.latents.select(rows)._replace(memory_MPD=whole.latents.memory_MPD[images]),
        )
        monkeypatch.setattr(captioner, "_sample", lambda *_: (generated, None))
        share = batch._replace(images_BCHW=batch.images_BCHW[images], references=batch.references[images])
        captioner.eval()  # no dropout, and no batch normalisation
        captioner.zero_grad()
        report = captioner.self_critical_loss(captioner.features_of(share).detach(), _references(share))
        report.loss.backward()
        gradient = captioner.network.middle.to_vocabulary.weight.grad
        figures = {name: value.item() for name, value in report.figures.items() if not name.startswith("seconds")}
        return [report.loss.item(), figures, gradient]

    loss, figures, gradient = computed(slice(0, 4))
    assert figures.keys() == {"reward", "CIDEr-D", "BLEU-4", "similarity"}
    one, three = on_two_processes(lambda rank: computed([slice(0, 1), slice(1, 4)][rank]), tmp_path)
    captioner.train()
    for loss_of_process, figures_of_process, _ in (one, three):
        assert loss_of_process == pytest.approx(loss, rel=1e-4, abs=1e-6)
        assert figures_of_process == pytest.approx(figures, rel=1e-4)
    torch.testing.assert_close((one[2] + three[2]) / 2, gradient, rtol=1e-3, atol=1e-6)


def test_a_run_starts_from_a_trained_model_and_logs_its_reward(trained: TinyRun, tmp_path: Path) -> None:
    run = run_tiny(
        tmp_path / "run",
        "test=false",
        "model.self_critical.num=2",
        f"pretrained_model={trained.best}",
        "pretrained_skip=null",
        choices=["model/self_critical=cider"],
    )
    logged = scalars(run.events)
    assert len(logged["train/reward"]) == 2
    assert {"train/self_critical/CIDEr-D", "train/self_critical/seconds/rewards"} <= logged.keys()


def test_captions_are_sampled_with_dropout_where_it_is_asked_for(
    built: tuple[SelfCriticalCaptioner, CaptionBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner, batch = built
    features_BPD = captioner.features_of(batch).detach()
    seen = []
    monkeypatch.setattr(captioner, "generate", lambda *_: seen.append(captioner.network.training))
    for dropout in (False, True):
        captioner.self_critical = SelfCritical(baseline="greedy", dropout=dropout, max_length=6)
        captioner._sample(features_BPD)
        assert captioner.network.training
    assert seen == [False, False, True, False]  # the greedy captions always without


def test_a_run_stays_near_its_start_and_trains_what_it_is_told_to(trained: TinyRun, tmp_path: Path) -> None:
    start = torch.load(trained.best)["state_dict"]
    settings = [
        "test=false",
        "optimized_metric=null",
        "trainer.limit_val_batches=0",
        "model.self_critical.baseline=references",
        "model.self_critical.dropout=true",
        "model.self_critical.kl_weight=0.1",
        "model.self_critical.trained_parameters=[middle.*]",
        f"pretrained_model={trained.best}",
        "pretrained_skip=null",
    ]
    choices = ["model/self_critical=cider", "model/scheduler=constant", "callbacks=ema"]
    run = run_tiny(tmp_path / "run", *settings, choices=choices)
    (_, first_kl), (_, second_kl) = scalars(run.events)["train/self_critical/kl"]
    assert abs(first_kl) < 1e-6 < second_kl
    after = torch.load(run.folder / "checkpoints/last.ckpt")["state_dict"]
    kept = {name.removeprefix("start."): weights for name, weights in after.items() if name.startswith("start.")}
    assert kept
    assert all(torch.equal(start[f"network.{name}"], weights) for name, weights in kept.items())
    statistics = ("running_mean", "running_var", "num_batches_tracked")  # of the encoder's batch normalisation
    changed = {name for name in start if not (name.endswith(statistics) or torch.equal(start[name], after[name]))}
    assert changed
    assert all(name.startswith("network.middle.") for name in changed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "mean"}, "baseline must be one of leave_one_out, greedy, references, got mean"),
        ({"baseline": "references", "bleu_weight": 0.5}, "baseline=references is of CIDEr-D alone"),
        ({"kl_weight": -1.0}, "kl_weight must be 0 or more, got -1.0"),
        ({"num": 1}, "num must be at least 2 to compare an image's captions, got 1"),
        ({"num": 1, "baseline": "greedy", "diversity_weight": 0.5}, "num must be at least 2"),
        ({"bleu_weight": -1.0}, "bleu_weight must be 0 or more, got -1.0"),
        ({"diversity_weight": -1.0}, "diversity_weight must be 0 or more, got -1.0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelfCritical(**settings)
