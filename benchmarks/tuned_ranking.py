"""Weights of a mixed ranking, tuned on one split and reported on another that had no part in it.

    python benchmarks/tuned_ranking.py [--bleu-share 1] [--out tuned_ranking.json] \\
        checkpoint=best.ckpt data=flickr8k data.root=… split=val generation=pool ranking=mix [key=value …]

Takes the settings of `evaluate.py`. Captions of `split`, val (the default) or test, and of the other of the two are
generated, and scored by each ranker of the mix once; an index of training images is made where there is none. On the
first split those weights are chosen, out of 0, ⅛, ¼, ½ and 1 with a 1 among them, whose first captions have the highest
CIDEr-D + share · BLEU-4; the other split has no part in it. N-grams are weighed by the references of each split. Prints
a table and the settings to go on with, and writes JSON.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.evaluated import prepared
from benchmarks.measuring import ROOT, parser_with_out, print_table, write_figures
from evaluation.generate_split import encode_images
from evaluation.setup import Evaluated
from lightning_modules.ranking import Candidates, Ranker
from lightning_modules.ranking.mix import standardised
from metrics import PairedCaptions, bleu_statistics, corpus_bleu, ptb_tokenize
from metrics.bleu import BleuStatistics
from metrics.cider import cider_d
from metrics.rewards import BLEU_4
from utils.errors import cause_of, first_line
from utils.seeding import generators_of_images, image_digests

WEIGHTS = (0.0, 0.125, 0.25, 0.5, 1.0)
OTHER = {"val": "test", "test": "val"}


class Scored(NamedTuple):
    """Candidate captions of a split: what rankers think of them, and what they are worth.

    Attributes:
        score_RBK: Of each ranker, each image and each of its captions; mean 0 and standard deviation 1 in an image.
        cider_BK: CIDEr-D.
        bleu: Of all captions, image by image.
    """

    score_RBK: NDArray[np.float64]
    cider_BK: NDArray[np.float64]
    bleu: BleuStatistics

    def worth(self, weight_R: Sequence[float]) -> tuple[float, float]:
        """Return CIDEr-D and BLEU-4 of the captions that come first; of equal ones the strategy's own first."""
        order_BK = np.tensordot(np.asarray(weight_R), self.score_RBK, axes=1).round(9)
        first_B = order_BK.argmax(axis=1)
        rows_B = np.arange(len(first_B)) * self.cider_BK.shape[1] + first_B
        chosen = BleuStatistics(*(part[rows_B] for part in self.bleu))
        return float(self.cider_BK[np.arange(len(first_B)), first_B].mean()), float(corpus_bleu(chosen)[BLEU_4])


def best_weights(scored: Scored, bleu_share: float = 1.0) -> tuple[float, ...]:
    """Return the weight of each ranker with which the first captions have the highest CIDEr-D + share · BLEU-4."""

    def value(weights: tuple[float, ...]) -> float:
        cider, bleu = scored.worth(weights)
        return cider + bleu_share * bleu

    return max((weights for weights in product(WEIGHTS, repeat=len(scored.score_RBK)) if max(weights) == 1), key=value)


def score(evaluated: Evaluated, rankers: Mapping[str, Ranker], config: DictConfig) -> Scored:
    """Generate captions of a split, and let each ranker score them."""
    captioner, split, num_images = evaluated.captioner, evaluated.split, evaluated.num_images
    by_ranker: list[list[torch.Tensor]] = [[] for _ in rankers]
    captions: list[list[str]] = []
    batches = encode_images(captioner, split, num_images=num_images, batch_size=config.batch_size)
    for batch in tqdm(batches, total=-(-num_images // config.batch_size), unit="batch"):
        generators = generators_of_images(config.seed, image_digests(batch.images_BCHW))
        generated = captioner.generate(batch.features_BPD, evaluated.strategy, generators=generators)
        keys_BK = split.image_keys[batch.numbers]
        candidates = Candidates(batch.images_BCHW, batch.features_BPD, generated, lambda keys_BK=keys_BK: keys_BK, {})
        for scores, ranker in zip(by_ranker, rankers.values(), strict=True):
            scores.append(standardised(ranker(captioner, candidates).view(len(batch.numbers), -1)))
        captions += generated.captions
    flat = [ptb_tokenize(caption) for of_image in captions for caption in of_image]
    references = [[ptb_tokenize(caption) for caption in of_image] for of_image in split.captions[:num_images]]
    pairs = PairedCaptions(flat, references, np.repeat(np.arange(num_images), len(captions[0])))
    score_RBK = torch.stack([torch.cat(scores) for scores in by_ranker]).double().numpy()
    return Scored(score_RBK, cider_d(pairs).reshape(num_images, -1), bleu_statistics(pairs))


def rows_of(names: Sequence[str], tuned: Sequence[float]) -> Iterator[tuple[str, Sequence[float]]]:
    """Yield what is compared: no ranking, each ranker by itself, all alike, and the tuned weights."""
    yield "order of the strategy", [0.0] * len(names)
    for number, name in enumerate(names):
        yield f"{name} alone", [float(number == other) for other in range(len(names))]
    yield "all alike", [1.0] * len(names)
    yield "tuned", tuned


def prepare_both(overrides: Sequence[str]) -> list[tuple[DictConfig, Evaluated]]:
    """Load the model and the data, with the split to tune on and with the one to report.

    Raises:
        ValueError: As `evaluation.setup.prepare`; or the split is neither val nor test, or there is one ranker.
    """
    overrides = ["split=val", *overrides]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("evaluate", overrides)
        if config.split not in OTHER:
            raise ValueError(f"split must be val or test, the other of which is reported; got {config.split}")
        if "rankers" not in config.ranking:
            raise ValueError("ranking must be one of several rankers; choose ranking=mix")
    return [prepared([*overrides, f"split={split}"]) for split in (config.split, OTHER[config.split])]


def rankers_of(config: DictConfig, evaluated: Evaluated) -> dict[str, Ranker]:
    """Return the rankers that can rank captions of this model, ready."""
    rankers = {str(name): instantiate(part) for name, part in config.ranking.rankers.items()}
    if not evaluated.captioner.can_reconstruct:
        rankers.pop("reconstruction", None)
    for ranker in rankers.values():
        ranker.prepare(evaluated.captioner, lambda: evaluated.splits["train"])
    return rankers


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Do all of it; return the rows of the table."""
    about = "Tune the weights of a mixed ranking on one split, report on another."
    parser = parser_with_out(about, "tuned_ranking.json")
    parser.add_argument("--bleu-share", type=float, default=1.0, help="how much BLEU-4 counts beside CIDEr-D (1)")
    parser.add_argument("overrides", nargs="+", metavar="KEY=VALUE", help="settings of evaluate.py")
    options = parser.parse_args(arguments)
    both = prepare_both(options.overrides)
    rankers = rankers_of(*both[0])
    scored = {config.split: score(evaluated, rankers, config) for config, evaluated in both}
    split, other = scored
    tuned = best_weights(scored[split], options.bleu_share)
    cells, rows = [], []
    for name, weights in rows_of([*rankers], tuned):
        worth = {of: of_split.worth(weights) for of, of_split in scored.items()}
        cells.append(
            (name, *(cell for cider, bleu in worth.values() for cell in (f"{cider:.3f}", f"{100 * bleu:.1f}")))
        )
        rows.append({"ranking": name, "weights": dict(zip(rankers, weights, strict=True)), "CIDEr-D, BLEU-4": worth})
    columns = [column for name in scored for column in (f"{name}: CIDEr-D", "BLEU-4")]
    print_table(("ranking", *columns), cells, f"tuned on {split}, reported on {other}")
    settings = " ".join(f"ranking.weights.{name}={weight:g}" for name, weight in zip(rankers, tuned, strict=True))
    print(f"ranking=mix {settings}")
    write_figures(options.out, {"bleu_share": options.bleu_share, "rows": rows})
    return rows


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as mistake:
        sys.exit(f"error: {first_line(cause_of(mistake))}")
