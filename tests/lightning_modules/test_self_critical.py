"""Self-critical training against rewards and log-probabilities that are computed one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.batch import CaptionBatch
from lightning_modules import GeneratedBatch, VariationalCaptioner
from lightning_modules.networks.latents import GaussianLatents
from lightning_modules.self_critical import SelfCritical, to_words, training_frequencies
from metrics import DocumentFrequencies, PairedCaptions, cider_d, sentence_bleu
from metrics.bleu import bleu_statistics
from tests.tiny_run import build_tiny, run_tiny, scalars
from tests.two_processes import on_two_processes

REFERENCES = [["a dog runs", "the dog is running"], ["two birds fly high", "birds in the sky"]]
CAPTIONS = [["a dog runs", "a cat", "the dog runs"], ["two birds", "birds fly in the sky", "a plane"]]
FINISHED = [True, True, False, True, False, True]


def _words(caption: str, finished: bool = True) -> list[str]:
    return caption.split() + ["<eos>"] * finished


def _tokens(captions: list[list[str]]) -> list[list[list[str]]]:
    return [[_words(caption) for caption in of_image] for of_image in captions]


FREQUENCIES = DocumentFrequencies.of(_tokens([*REFERENCES, ["a red box"]]))


def _cider(caption: list[str], references: list[list[str]]) -> float:
    return float(cider_d(PairedCaptions([caption], [references]), FREQUENCIES)[0])


def _said(captions: list[list[str]], finished: list[bool]) -> GeneratedBatch:
    nothing_N = torch.zeros(len(finished))
    codes = GaussianLatents(width=2, positions=1)(torch.zeros(1, 1, 2), torch.zeros(1, dtype=torch.long))
    return GeneratedBatch(captions, nothing_N[:, None].long(), nothing_N, nothing_N, torch.tensor(finished), codes)


def test_rewards_are_those_of_each_caption_by_itself() -> None:
    step = SelfCritical(num=3, bleu_weight=0.5, diversity_weight=0.25)
    reward_BK, parts = step._rewards(_said(CAPTIONS, FINISHED), _tokens(REFERENCES), FREQUENCIES)
    words = [_words(c, f) for c, f in zip([c for cs in CAPTIONS for c in cs], FINISHED, strict=True)]
    expected = []
    for place, caption in enumerate(words):
        image = place // 3
        references = _tokens(REFERENCES)[image]
        bleu = sentence_bleu(bleu_statistics(PairedCaptions([caption], [references])))[0, 3]
        others = [words[i] for i in range(3 * image, 3 * image + 3) if i != place]
        expected.append(_cider(caption, references) + 0.5 * bleu - 0.25 * _cider(caption, others))
    np.testing.assert_allclose(reward_BK.reshape(-1), expected)
    assert parts.keys() == {"CIDEr-D", "BLEU-4", "alike"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[VariationalCaptioner, CaptionBatch, DocumentFrequencies]:
    torch.manual_seed(0)
    captioner, datamodule = build_tiny(tmp_path_factory.mktemp("runs") / "run", choices=["model/decoder=transformer"])
    return captioner.train(), next(iter(datamodule.train_dataloader())), training_frequencies(datamodule)


@pytest.mark.parametrize("baseline", ["leave_one_out", "greedy"])
def test_the_gradient_is_the_advantage_times_that_of_the_log_probability(
    baseline: str,
    built: tuple[VariationalCaptioner, CaptionBatch, DocumentFrequencies],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    captioner, batch, frequencies = built
    step = SelfCritical(num=2, baseline=baseline, max_length=6)
    features_BPD = captioner.encode_batch(batch).detach()
    kept = []
    generate = step._generate
    monkeypatch.setattr(step, "_generate", lambda *args: kept.append(generate(*args)) or kept[-1])
    captioner.zero_grad()
    report = step(captioner, features_BPD, batch, frequencies)
    report.loss.backward()
    gradients = {name: p.grad.clone() for name, p in captioner.named_parameters() if p.grad is not None}
    generated, greedy = kept[0]
    references = [[to_words(caption) for caption in captions] for captions in batch.references]
    reward_BK, _ = step._rewards(generated, references, frequencies)
    if greedy is None:
        baseline_BK = reward_BK[:, ::-1]  # of two captions the other
    else:
        baseline_BK, _ = step._rewards(greedy, references, frequencies)
    advantage_N = torch.tensor(reward_BK - baseline_BK).float().flatten()
    captioner.zero_grad()
    captioner.eval()
    log_p_N = captioner.network.log_probability(generated.latents, generated.tokens_NL)
    torch.testing.assert_close(log_p_N, generated.log_probability_N, rtol=1e-4, atol=1e-4)
    log_p_N = captioner.network.log_probability(
        generated.latents, generated.tokens_NL, changed=step._as_sampled(captioner)
    )
    loss = -(advantage_N * log_p_N).mean()
    loss.backward()
    captioner.train()
    torch.testing.assert_close(report.loss, loss)
    for name in ("network.decoder_text.layers.0.out.weight", "network.middle.to_vocabulary.weight"):
        torch.testing.assert_close(gradients[name], dict(captioner.named_parameters())[name].grad)
        assert gradients[name].abs().sum() > 0
    assert "network.latents.summary.reduce.weight" not in gradients  # the codes are given


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_distribution_that_is_differentiated_is_the_one_that_is_drawn_from(
    temperature: float, built: tuple[VariationalCaptioner, CaptionBatch, DocumentFrequencies]
) -> None:
    captioner, batch, _ = built
    step = SelfCritical(temperature=temperature, max_length=2)
    vocabulary, network = captioner.tokenizer.vocabulary, captioner.network.eval()
    words = [i for i in range(vocabulary.size) if i not in (*vocabulary.suppressed_ids, vocabulary.eos_id)]
    every_NL = torch.tensor([[first, second] for first in words for second in [vocabulary.eos_id, *words]])
    codes = captioner.sample_latents(captioner.encode_batch(batch)[:1]).select(torch.zeros(len(every_NL), dtype=int))
    with torch.no_grad():
        log_p_N = network.log_probability(codes, every_NL, changed=step._as_sampled(captioner))
        first_W = torch.full((1,), vocabulary.bos_id)
        logits_WV, _ = network.step(first_W, network.start(codes.select(torch.tensor([0]))))
    captioner.train()
    assert log_p_N.exp().sum().item() == pytest.approx(1, abs=1e-4)  # some caption is drawn, and no other one
    as_drawn_V = (logits_WV[0, words] / temperature).softmax(dim=0)
    of_first_V = log_p_N.exp().view(len(words), -1).sum(dim=1)
    torch.testing.assert_close(of_first_V, as_drawn_V, rtol=1e-3, atol=1e-5)


def test_loss_and_figures_are_over_the_captions_of_all_processes(
    built: tuple[VariationalCaptioner, CaptionBatch, DocumentFrequencies],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    captioner, batch, frequencies = built
    step = SelfCritical(num=2, bleu_weight=0.5, diversity_weight=0.1, max_length=6)
    whole, _ = step._generate(captioner, captioner.encode_batch(batch).detach())

    def computed(images: slice) -> list[Any]:
        """Compute with some of the images, and what was once said of them."""
        rows = torch.arange(len(whole.tokens_NL))[2 * images.start : 2 * images.stop]
        generated = GeneratedBatch(
            whole.captions[images],
            *(part[rows] for part in (whole.tokens_NL, whole.log_probability_N, whole.score_N, whole.finished_N)),
            whole.latents.select(rows)._replace(memory_MPD=whole.latents.memory_MPD[images]),
        )
        monkeypatch.setattr(step, "_generate", lambda *_: (generated, None))
        share = batch._replace(images_BCHW=batch.images_BCHW[images], references=batch.references[images])
        captioner.eval()  # no dropout, and no batch normalisation
        captioner.zero_grad()
        report = step(captioner, captioner.encode_batch(share).detach(), share, frequencies)
        report.loss.backward()
        gradient = captioner.network.middle.to_vocabulary.weight.grad
        figures = {name: value.item() for name, value in report.logged.items() if not name.startswith("seconds")}
        return [report.loss.item(), figures, gradient]

    loss, figures, gradient = computed(slice(0, 4))
    assert figures.keys() == {"reward", "CIDEr-D", "BLEU-4", "alike"}
    one, three = on_two_processes(lambda rank: computed([slice(0, 1), slice(1, 4)][rank]), tmp_path)
    captioner.train()
    for loss_of_process, figures_of_process, _ in (one, three):
        assert loss_of_process == pytest.approx(loss, rel=1e-4, abs=1e-6)
        assert figures_of_process == pytest.approx(figures, rel=1e-4)
    torch.testing.assert_close((one[2] + three[2]) / 2, gradient, rtol=1e-3, atol=1e-6)


def test_a_run_starts_from_a_trained_model_and_logs_its_reward(tmp_path: Path) -> None:
    first = run_tiny(tmp_path / "first", "test=false")
    run = run_tiny(
        tmp_path / "second",
        "test=false",
        "model.self_critical.num=2",
        f"pretrained_model={first.best}",
        "pretrained_skip=null",
        choices=["model/self_critical=cider"],
    )
    logged = scalars(run.events)
    assert len(logged["train/reward"]) == 2
    assert {"train/self_critical/CIDEr-D", "train/self_critical/seconds/rewards"} <= logged.keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "mean"}, "baseline must be leave_one_out or greedy, got mean"),
        ({"num": 1}, "num must be at least 2 to compare an image's captions, got 1"),
        ({"num": 1, "baseline": "greedy", "diversity_weight": 0.5}, "num must be at least 2"),
        ({"bleu_weight": -1.0}, "bleu_weight must be 0 or more, got -1.0"),
        ({"diversity_weight": -1.0}, "diversity_weight must be 0 or more, got -1.0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelfCritical(**settings)
