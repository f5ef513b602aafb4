"""One evaluation, from its config to its report."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer

from evaluation.clip_scores import SplitClipScores, notes_on_clip
from evaluation.generate_split import draws_of, with_references
from evaluation.prediction import Predicted, SplitPredictor, predict_split
from evaluation.provenance import provenance_of, settings_of, title_of
from evaluation.reconstruction import SplitReconstructionQuality
from evaluation.report.codes import main_scores
from evaluation.report.contents import NamedCaptions, Report
from evaluation.report.files import write_captions, write_references, write_report
from evaluation.report_parts import (
    confusions_of,
    draw,
    encode_first_images,
    explain,
    explore,
    find_images,
    interpret,
    score,
    show_gallery,
    trade_off,
)
from evaluation.score_file.summary import print_table
from evaluation.setup import Evaluated, prepare
from utils.display import shown
from utils.progress import tell


def evaluate(config: DictConfig, trainer: Trainer) -> None:
    """Generate captions of a split on all devices; then, in the first process, score them and write the report."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    evaluated = prepare(config)
    predicted = predict(evaluated, config, trainer)
    if predicted is None:
        return
    named = [
        NamedCaptions(
            evaluated.split.image_names[image.number],
            image.generated.captions[: config.num_kept],
            image.generated.num_draws,
        )
        for image in predicted.images
    ]
    write_captions(folder / "captions.json", named)  # at once: whatever fails from here on, they are there
    numbers = [image.number for image in predicted.images]
    of_humans = {evaluated.split.image_names[i]: list(evaluated.split.captions[i]) for i in numbers}
    write_references(folder / "references.json", of_humans)

    report = make_report(evaluated, predicted, config)
    write_report(folder, report, settings_of(evaluated, config))
    print_table(report.scores, report.human or None, title=report.title)
    for note in report.notes:
        print(f"note: {note}")
    print(f"captions: {shown(folder / 'captions.json')}\nreport:   {shown(folder / 'report.html')}")


def predict(evaluated: Evaluated, config: DictConfig, trainer: Trainer) -> Predicted | None:
    """Generate captions of every image; None in all processes but the first."""
    predictor = SplitPredictor(
        evaluated.captioner,
        evaluated.split,
        evaluated.strategy,
        seed=config.seed,
        ranker=evaluated.ranker,
        training=lambda: evaluated.splits["train"],
        quality=SplitReconstructionQuality(evaluated.captioner, evaluated.datamodule, evaluated.split),
        clip_scores=SplitClipScores(evaluated.clip, evaluated.split, config.num_kept),
        num_bins=config.calibration.num_bins,
    )
    return predict_split(
        trainer,
        predictor,
        num_images=evaluated.num_images,
        batch_size=config.batch_size,
        num_workers=config.data.num_workers,
    )


def make_report(evaluated: Evaluated, predicted: Predicted, config: DictConfig) -> Report:
    """Score the captions, and look at them from all sides."""
    num_generated = len(predicted.images[0].generated.captions)
    kept = [image._replace(generated=image.generated.first(config.num_kept)) for image in predicted.images]
    images, draws = with_references(kept, evaluated.split), draws_of(predicted.images)
    tell(f"scoring captions of {len(images):,} images …")
    scores = score(evaluated, images, config)
    first = [*encode_first_images(evaluated, config)]
    finding, on_finding = find_images(evaluated, kept, config)
    drawn = draw(evaluated, config)
    explored = explore(evaluated, first, config)
    interpretability = interpret(evaluated, first, config)
    codes = main_scores(interpretability) if interpretability else {}
    reliability = {name: table.calibration_error for name, table in predicted.reliability.items()}
    return Report(
        title=title_of(evaluated, config),
        facts=provenance_of(
            evaluated,
            config,
            num_generated=num_generated,
            mean_draws=draws.get("draws/mean"),
            seconds=predicted.seconds,
        ),
        scores=scores.model | finding | draws | predicted.scores | drawn.scores | reliability | codes,
        human=scores.human,
        notes=[
            *evaluated.training.notes,
            *scores.notes,
            *notes_on_clip(evaluated.clip, evaluated.captioner.image_size),
            *on_finding,
            *drawn.notes,
        ],
        gallery=show_gallery(evaluated, kept, images, config),
        trade_off=trade_off(evaluated, first, images, config),
        traversals=explored.traversals,
        swaps=explored.swaps,
        explained=explain(evaluated, first, config),
        reliability=predicted.reliability,
        style_words=explored.style_words,
        confusions=confusions_of(evaluated, predicted),
        drawings=drawn.shown,
        interpretability=interpretability,
        config=OmegaConf.to_yaml(config, resolve=True),
    )
