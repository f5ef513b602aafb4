"""How much the captions of one image differ, by two published protocols that are kept apart: A and B."""

from metrics.diversity.caption_sets import CaptionSets
from metrics.diversity.consensus import Neighbours, consensus_scores, nearest_images
from metrics.diversity.distinct import distinct_share, div_n, is_novel, sentence, vocabulary_size
from metrics.diversity.mutual_bleu import mean_mutual_bleu, slot_mutual_bleu
from metrics.diversity.protocol_a import protocol_a
from metrics.diversity.protocol_b import protocol_b
from metrics.diversity.self_cider import self_cider

__all__ = [
    "CaptionSets",
    "Neighbours",
    "consensus_scores",
    "distinct_share",
    "div_n",
    "is_novel",
    "mean_mutual_bleu",
    "nearest_images",
    "protocol_a",
    "protocol_b",
    "self_cider",
    "sentence",
    "slot_mutual_bleu",
    "vocabulary_size",
]
