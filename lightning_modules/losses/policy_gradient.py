"""Policy gradient with a baseline: pure functions that know neither model nor reward.

Shape legend: B images, N captions, image by image, K captions of an image, W words of all captions, V vocabulary.
"""

from torch import Tensor, segment_reduce


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


def kl_of_words(logits_WV: Tensor, start_logits_WV: Tensor, num_words_N: Tensor) -> Tensor:
    """Return Σ_t KL[p_t ‖ p0_t] of each caption in nats: [N], how far its word distributions are from earlier ones.

    Args:
        logits_WV: Of p, the distributions of each caption's words, one caption after the other.
        start_logits_WV: Of p0, likewise.
        num_words_N: How many words each caption has.
    """
    log_p_WV, log_p0_WV = logits_WV.log_softmax(dim=-1), start_logits_WV.log_softmax(dim=-1)
    kl_W = (log_p_WV.exp() * (log_p_WV - log_p0_WV)).sum(dim=-1)
    return segment_reduce(kl_W, "sum", lengths=num_words_N, unsafe=True)  # lengths fit
