"""From the config to what is evaluated: a model, a split, and the ways to describe it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, ListConfig

from callbacks.caption_metrics import refuse_single_captions
from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit, SplitName
from datamodules.training_record import TrainingRecord
from evaluation.clip_scores import clip_metrics
from evaluation.trained_images import Training, inspect_training, refuse_other_data
from lightning_modules import CaptioningModule, load_ensemble
from lightning_modules.generation import Drawing, Latent, Strategy
from lightning_modules.ranking import DrawingRanker, Ranker
from metrics import CaptionScore, CaptionScores, ClipScore, DocumentFrequencies, why_no_meteor
from utils.suggestions import did_you_mean


class Evaluated(NamedTuple):
    """What is evaluated, and how.

    Attributes:
        captioner: The model.
        datamodule: The data set, which knows how its images and captions differ.
        splits: The images of the data set.
        split: Those of the split that it describes.
        num_images: How many of them, from the first on.
        training: What is known of those that it was trained on.
        strategy: How it describes them.
        ranker: Which caption comes first; None for the strategy's own order.
        drawing: How it draws their references, if it can.
        drawing_ranker: Which drawing of a caption comes first; None for the first that was drawn.
        metrics: What it is scored by, beside `metrics.score_captions`.
        clip: How well captions fit photographs by CLIP; empty to leave it out.
        frequencies: Document frequencies of CIDEr-D; None for those of the references.
        no_meteor: Why METEOR is left out; None to compute it.
    """

    captioner: CaptioningModule
    datamodule: CaptionDataModule
    splits: Mapping[SplitName, CaptionSplit]
    split: CaptionSplit
    num_images: int
    training: Training
    strategy: Strategy
    ranker: Ranker | None
    drawing: Drawing
    drawing_ranker: DrawingRanker | None
    metrics: list[CaptionScore]
    clip: list[ClipScore]
    frequencies: DocumentFrequencies | None
    no_meteor: str | None


def prepare(config: DictConfig) -> Evaluated:
    """Load the model and the data.

    Raises:
        ValueError: A file is not as it should be, or a setting does not fit.
    """
    check(config)
    metrics = instantiate(config.metrics)
    no_meteor = why_no_meteor(config.meteor, option="meteor=")
    clip = clip_metrics(config.clip)
    captioner = load_ensemble(checkpoints_of(config), trusted_packages=config.trusted_packages)
    refuse_unknown_likelihood(captioner, config)
    if config.max_caption_length is None:
        config.max_caption_length = captioner.tokenizer.max_length
    strategy = strategy_of(config)
    refuse_single_captions(metrics, min(strategy.num, config.num_kept or strategy.num))
    datamodule: CaptionDataModule = instantiate(config.data, image_size=captioner.image_size)
    record = captioner.trained_on or TrainingRecord.unknown()
    refuse_other_data(record, datamodule)
    datamodule.prepare_data()
    splits = datamodule.load_splits()
    split = split_called(config.split, splits)
    num_images = min(config.num_images or len(split.image_ids), len(split.image_ids))
    training = inspect_training(record, splits, config.split, num_images, allow=config.allow_trained_images)
    ranker = instantiate(config.ranking) or None
    scorers = [metric for metric in metrics.values() if isinstance(metric, CaptionScores)]
    return Evaluated(
        captioner,
        datamodule,
        splits,
        split,
        num_images,
        training,
        strategy,
        ranker,
        drawing=instantiate(config.drawing),
        drawing_ranker=instantiate(config.drawing_ranking) or None,
        metrics=[metric for metric in metrics.values() if not isinstance(metric, CaptionScores)],
        clip=clip,
        frequencies=next((scorer.frequencies for scorer in scorers), None),
        no_meteor=no_meteor,
    )


def checkpoints_of(config: DictConfig) -> list[str]:
    """Return the checkpoints that are evaluated, together if there are several.

    Raises:
        ValueError: It is no path, and no list of them.
    """
    given = config.checkpoint
    checkpoints = [given] if isinstance(given, str) else [*given] if isinstance(given, ListConfig) else []
    if not checkpoints or not all(isinstance(checkpoint, str) for checkpoint in checkpoints):
        raise ValueError(f"checkpoint must be a file, or a list of files such as [a.ckpt,b.ckpt], got {given}")
    return checkpoints


def refuse_unknown_likelihood(captioner: CaptioningModule, config: DictConfig) -> None:
    """Refuse to look for images by the likelihood of captions where the model cannot tell it.

    Raises:
        ValueError: That is asked for.
    """
    if config.self_retrieval.num_images and not captioner.has_likelihood:
        raise ValueError(
            f"self_retrieval.num_images={config.self_retrieval.num_images}: {type(captioner).__name__} does not tell "
            f"how likely a given caption is (log_likelihood); set self_retrieval.num_images=0"
        )


def split_called(name: SplitName, splits: Mapping[SplitName, CaptionSplit]) -> CaptionSplit:
    """Return a split by its name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in splits:
        raise ValueError(f"split must be one of {', '.join(splits)}, got {name}{did_you_mean(name, splits)}")
    return splits[name]


def check(config: DictConfig) -> None:
    """Refuse numbers that mean nothing."""
    least = {
        "num_images": 1,
        "num_captions": 1,
        "num_kept": 1,
        "batch_size": 1,
        "seed": 0,
        "gallery.num_images": 0,
        "trade_off.num_images": 0,
        "trade_off.num_captions": 2,
        "exploration.num_images": 0,
        "exploration.num_explained": 0,
        "exploration.num_dimensions": 0,
        "exploration.num_word_images": 0,
        "exploration.num_words": 1,
        "calibration.num_bins": 0,
        "clip.batch_size": 1,
        "self_retrieval.num_images": 0,
        "self_retrieval.num_samples": 1,
        "self_retrieval.batch_size": 1,
        "interpretability.num_images": 0,
        "drawings.num_images": 0,
        "drawings.num": 1,
        "drawings.num_shown": 0,
        "drawings.batch_size": 1,
    }
    for name, lowest in least.items():
        node: Any = config
        for key in name.split("."):
            node = node[key]
        if node is not None and node < lowest:
            raise ValueError(f"{name} must be at least {lowest}, got {node}")
    if config.calibration.num_bins == 1:
        raise ValueError("calibration.num_bins must be 0, for none, or at least 2, got 1")


def strategy_of(config: DictConfig) -> Strategy:
    """Return the strategy, with the number of captions to generate.

    Raises:
        ValueError: It always generates one caption, and several are asked for; or a setting is out of its range.
    """
    settings = {} if config.num_captions is None else {"num": config.num_captions}
    if settings and "num" not in config.generation:
        choice = HydraConfig.get().runtime.choices["generation"]
        if "strategies" in config.generation:
            raise ValueError(
                f"num_captions={config.num_captions}: generation={choice} generates those of "
                f"{' and '.join(config.generation.strategies)}; set their numbers, such as "
                f"generation.strategies.sample.num={config.num_captions}"
            )
        raise ValueError(
            f"num_captions={config.num_captions}: generation={choice} makes one caption of an image; leave it "
            f"out, or choose generation=sample, latent, beam or diverse_beam"
        )
    strategy: Strategy = instantiate(config.generation, **settings)
    return strategy


def curves_of(trade_off: DictConfig, *, has_latents: bool) -> dict[str, Callable[[float], Strategy]]:
    """Return for each curve its strategy as a function of the value that it varies; no `Latent` without latents."""
    return {
        name: partial(_at_value, curve, trade_off.vary[name], num=trade_off.num_captions)
        for name, curve in trade_off.curves.items()
        if has_latents or not issubclass(get_class(curve["_target_"]), Latent)
    }


def _at_value(curve: DictConfig, setting: str, value: float, *, num: int) -> Strategy:
    strategy: Strategy = instantiate(curve, num=num, **{setting: value})
    return strategy
