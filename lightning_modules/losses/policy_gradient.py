"""Policy gradient with a baseline: pure functions that know neither model nor reward.

Shape legend: B images, N captions, image by image, K captions of an image.
"""

from torch import Tensor


def leave_one_out_baseline(reward_BK: Tensor) -> Tensor:
    """Return for each caption the mean reward of the image's other captions: `baseline_BK` (Luo 2020)."""
    return (reward_BK.sum(dim=1, keepdim=True) - reward_BK) / (reward_BK.shape[1] - 1)


def policy_gradient(log_probability_N: Tensor, advantage_N: Tensor) -> Tensor:
    """Return the loss of each caption, −advantage · log P: [N] (REINFORCE; Williams 1992; Rennie et al. 2017, eq. 6).

    Args:
        log_probability_N: log P of the captions in nats under the distribution that they were sampled from, with
            gradients.
        advantage_N: Reward less baseline, without gradients.
    """
    return -(advantage_N * log_probability_N)
