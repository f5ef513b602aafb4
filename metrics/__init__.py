"""Caption metrics: pure functions and `torchmetrics.Metric` classes; they know nothing of models or data sets."""

from metrics.bleu import bleu_similarities, bleu_statistics, corpus_bleu, sentence_bleu
from metrics.calibration import ReliabilityTable, WordCalibration, expected_calibration_error, reliability_table
from metrics.caption_metric import CaptionMetric, GatheredCaptions, ImageCaptions
from metrics.caption_score import CaptionScore
from metrics.caption_scores import CaptionScores
from metrics.cider import cider, cider_d
from metrics.clip_model import ClipModel
from metrics.clip_score import ClipScore, PacScore, clip_score, ref_clip_score
from metrics.code_statistics import CodeFigures, CodeStatistics, code_figures
from metrics.code_usage import CodeUsage, choice_information, codes_used, perplexity
from metrics.consistency import consistency
from metrics.distinct_images import DistinctImages
from metrics.diversity import (
    Neighbours,
    consensus_scores,
    nearest_images,
)
from metrics.document_frequencies import DocumentFrequencies
from metrics.image_facts import (
    DrawingFacts,
    FactAttribute,
    FactComparison,
    ReadImage,
    ReconstructionFacts,
    confusion_matrix,
    marginal_distance,
)
from metrics.java import JavaError
from metrics.latent_statistics import LatentStatistics, active_units, mutual_information
from metrics.log_odds import WordOdds, dirichlet_prior, log_odds_ratios
from metrics.mean_over_captions import MeanOverCaptions
from metrics.mean_over_images import MeanOverImages
from metrics.meteor import (
    Meteor,
    MeteorScores,
    meteor,
    meteor_scores,
    meteor_unavailable,
    why_no_meteor,
    with_meteor_if_possible,
)
from metrics.paired_captions import PairedCaptions, all_candidates, first_candidates
from metrics.per_image_metric import PerImageMetric
from metrics.ptb_tokenizer import ptb_tokenize
from metrics.reconstruction import ReconstructionQuality, psnr, ssim
from metrics.retrieval import retrieval, true_ranks
from metrics.rouge import RougeScore, rouge
from metrics.rouge_l import rouge_l
from metrics.score_notes import notes_on_scores
from metrics.scorer import human_captions, score_captions
from metrics.self_retrieval import self_retrieval
from metrics.spice import Spice, spice, spice_unavailable

__all__ = [
    "CaptionMetric",
    "CaptionScore",
    "CaptionScores",
    "ClipModel",
    "ClipScore",
    "CodeFigures",
    "CodeStatistics",
    "CodeUsage",
    "DistinctImages",
    "DocumentFrequencies",
    "DrawingFacts",
    "FactAttribute",
    "FactComparison",
    "GatheredCaptions",
    "ImageCaptions",
    "JavaError",
    "LatentStatistics",
    "MeanOverCaptions",
    "MeanOverImages",
    "Meteor",
    "MeteorScores",
    "Neighbours",
    "PacScore",
    "PairedCaptions",
    "PerImageMetric",
    "ReadImage",
    "ReconstructionFacts",
    "ReconstructionQuality",
    "ReliabilityTable",
    "RougeScore",
    "Spice",
    "WordCalibration",
    "WordOdds",
    "active_units",
    "all_candidates",
    "bleu_similarities",
    "bleu_statistics",
    "choice_information",
    "cider",
    "cider_d",
    "clip_score",
    "code_figures",
    "codes_used",
    "confusion_matrix",
    "consensus_scores",
    "consistency",
    "corpus_bleu",
    "dirichlet_prior",
    "expected_calibration_error",
    "first_candidates",
    "human_captions",
    "log_odds_ratios",
    "marginal_distance",
    "meteor",
    "meteor_scores",
    "meteor_unavailable",
    "mutual_information",
    "nearest_images",
    "notes_on_scores",
    "perplexity",
    "psnr",
    "ptb_tokenize",
    "ref_clip_score",
    "reliability_table",
    "retrieval",
    "rouge",
    "rouge_l",
    "score_captions",
    "self_retrieval",
    "sentence_bleu",
    "spice",
    "spice_unavailable",
    "ssim",
    "true_ranks",
    "why_no_meteor",
    "with_meteor_if_possible",
]
