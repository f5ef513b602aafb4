"""Different codes for the captions of an image: samples without replacement.

Shape legend: B images, G groups, K codes of a group, J = K^G combinations, M samples.
"""

import torch
from torch import Tensor

from utils.seeding import Generators, random_rows

MOST_COMBINATIONS = 2**16  # each gets a random number, so that the samples are exact


def gumbel(uniform: Tensor) -> Tensor:
    """Return random numbers of the standard Gumbel distribution, from uniform ones."""
    return -torch.log(-torch.log(uniform.clamp(min=torch.finfo(uniform.dtype).tiny)))


def distinct_choices(logits_BGK: Tensor, num: int, generators: Generators | None = None) -> Tensor:
    """Sample different combinations of codes of each image, one a group, without replacement: `choices_BMG`.

    The combinations with the highest perturbed log-probabilities, falling (Gumbel top-k; Kool, van Hoof and Welling
    2019, section 2.3): the first is a sample of the distribution itself, each later one a sample of what is left.

    Args:
        logits_BGK: Of the codes of each group; the groups are independent.
        num: Samples M.
        generators: One for each image; None for PyTorch's own.

    Raises:
        ValueError: There are fewer combinations, or too many to list.
    """
    num_groups, num_codes = logits_BGK.shape[1:]
    combinations = num_codes**num_groups
    if not num <= combinations <= MOST_COMBINATIONS:
        raise ValueError(
            f"generation.distinct needs at least as many different codes as are drawn of an image, {num}, and at most "
            f"{MOST_COMBINATIONS}, got {num_codes}^{num_groups} = {combinations}; set generation.distinct=false"
        )
    joint_BJ = logits_BGK[:, 0]
    for group in range(1, num_groups):
        joint_BJ = (joint_BJ.unsqueeze(2) + logits_BGK[:, group].unsqueeze(1)).flatten(1)
    perturbed_BJ = joint_BJ + gumbel(random_rows(torch.rand, joint_BJ, generators))
    best_BM = perturbed_BJ.topk(num, dim=1).indices
    place_G = num_codes ** torch.arange(num_groups - 1, -1, -1, device=best_BM.device)
    return best_BM.unsqueeze(2) // place_G % num_codes
