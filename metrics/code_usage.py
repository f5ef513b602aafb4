"""Whether a discrete latent code is used: how many of its codes are, and mutual information.

Shape legend: B images, N captions, G groups, K codes of a group.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from metrics.latent_statistics import MOST_CAPTIONS
from metrics.rows_by_image import RowsByImage, places_of


def codes_used(choice_NG: Tensor) -> float:
    """Return how many different codes of a group were drawn over the data; the mean of the groups."""
    return sum(len(choice_N.unique()) for choice_N in choice_NG.T) / choice_NG.shape[1]


def perplexity(log_probability_NGK: Tensor) -> float:
    """Return exp H[q(k)], as how many equally frequent codes a group's are; the mean of the groups, from 1 to K.

    q(k) is the mean of the posteriors of all captions given.
    """
    q_GK = log_probability_NGK.double().exp().mean(dim=0)
    return float(torch.special.entr(q_GK).sum(dim=1).exp().mean())


def choice_information(log_probability_NGK: Tensor, choice_NG: Tensor) -> float:
    """Return an estimate of I(k; x) under q, all groups together, in nats: E[log q(k|x) − log q(k)].

    q(k) is the mean of the posteriors of all captions given; the estimate is at most log N, as that of
    `mutual_information`. Time and memory grow as N · (N + G · K).

    Args:
        log_probability_NGK: Of each caption's posterior, whose groups are independent.
        choice_NG: Drawn from each.
    """
    log_q_NGK = log_probability_NGK.double().clamp(min=math.log(torch.finfo(torch.float32).tiny))  # −∞ · 0 is no number
    drawn_NGK = one_hot(choice_NG, log_q_NGK.shape[2]).to(log_q_NGK)
    log_q_NN = drawn_NGK.flatten(1) @ log_q_NGK.flatten(1).T  # a row for each choice, a column for each posterior
    log_q_N = log_q_NN.logsumexp(dim=1) - math.log(len(log_q_NN))
    return float((log_q_NN.diagonal() - log_q_N).mean())


class CodeUsage(RowsByImage):
    """How many codes are used, their perplexity and mutual information, over the captions of a split.

    All are over distinct captions; mutual information is that of the first 2500 in the order of their images' ids.

    Args:
        name: Of the code, "style" or "content".
    """

    def __init__(self, name: str) -> None:
        super().__init__(torch.float32)  # as posteriors are
        self.name = name

    def update(
        self, log_probability_NGK: Tensor, choice_NG: Tensor, image_ids_B: Tensor, image_of_caption_N: Tensor
    ) -> None:
        """Add the posteriors of all captions of some images, and what was drawn from them.

        Args:
            log_probability_NGK: Of each caption's posterior.
            choice_NG: Drawn from each.
            image_ids_B: The images' ids.
            image_of_caption_N: For each caption the row of its image; those of an image stand together.
        """
        groups_N1 = torch.full_like(choice_NG[:, :1], choice_NG.shape[1])  # by which the rest is told apart
        row = torch.cat([groups_N1, choice_NG, log_probability_NGK.flatten(1)], dim=1)
        self.add(image_ids_B[image_of_caption_N], row, places_of(image_of_caption_N))

    def compute(self) -> dict[str, Tensor]:
        """Return all by name.

        Raises:
            ValueError: No caption was added.
        """
        rows = self.distinct()
        if rows is None:
            raise ValueError("CodeUsage has no caption to look at; call update() first")
        num_groups = int(rows[0, 0])
        choice_NG = rows[:, 1 : num_groups + 1].long()
        log_probability_NGK = rows[:, num_groups + 1 :].unflatten(1, (num_groups, -1))
        some = slice(MOST_CAPTIONS)
        figures = {
            "codes_used": codes_used(choice_NG),
            "perplexity": perplexity(log_probability_NGK),
            "mutual_information": choice_information(log_probability_NGK[some], choice_NG[some]),
        }
        return {f"{self.name}_{figure}": torch.tensor(value) for figure, value in figures.items()}
