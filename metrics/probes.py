"""How well a label can be told from a code by a classifier that is fitted to one half and scored on the other.

Shape legend: N samples, H samples of the half that is held out, Z dimensions of the code.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from metrics.factor import Floats, Integers

HIDDEN = 32


class Probed(NamedTuple):
    """How well a label was told.

    Attributes:
        accuracy: Share of the held-out samples whose label was told.
        majority: The share that is told without a look at the code: of the class that is most frequent in the other
            half.
        num_classes: Classes among all samples.
        num_samples: Samples that were held out.
    """

    accuracy: float
    majority: float
    num_classes: int
    num_samples: int


def linear_probe(codes_NZ: Floats, labels_N: Integers, groups_N: Integers, *, seed: int = 0) -> Probed:
    """Probe a code by logistic regression (Alain and Bengio 2017) on standardised dimensions.

    Args:
        codes_NZ: The codes.
        labels_N: The label of each.
        groups_N: Samples of one group, such as captions of one image, are all in the same half.
        seed: Decides which half a group is in.

    Raises:
        ValueError: There are not two groups, the numbers of rows differ, or a code is not finite.
    """
    return _probe(LogisticRegression(max_iter=1000), codes_NZ, labels_N, groups_N, seed)


def mlp_probe(codes_NZ: Floats, labels_N: Integers, groups_N: Integers, *, seed: int = 0) -> Probed:
    """Probe a code by a network with one hidden layer of 32 units and weight decay; as `linear_probe` otherwise."""
    network = MLPClassifier((HIDDEN,), solver="lbfgs", alpha=1.0, max_iter=100, random_state=seed)
    return _probe(network, codes_NZ, labels_N, groups_N, seed)


def is_held_out(groups_N: Integers, *, seed: int) -> NDArray[np.bool_]:
    """Return for each sample whether it is held out: half of the groups are, one fewer where their number is odd.

    Raises:
        ValueError: There are not two groups.
    """
    groups, group_of_sample_N = np.unique(groups_N, return_inverse=True)
    if len(groups) < 2:
        raise ValueError(f"expected samples of at least two groups, to fit to some and score others, got {len(groups)}")
    order = np.random.default_rng(seed).permutation(len(groups))
    return order[group_of_sample_N] < len(groups) // 2


@contextmanager
def fitting() -> Iterator[None]:
    """Fit small classifiers: on one thread, and whatever they have come to after so many iterations counts.

    Threads slow down products of matrices that small by far, and their sums are rounded by the number of threads.
    """
    with threadpool_limits(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _probe(classifier: ClassifierMixin, codes_NZ: Floats, labels_N: Integers, groups_N: Integers, seed: int) -> Probed:
    if not len(codes_NZ) == len(labels_N) == len(groups_N):
        raise ValueError(
            f"expected a label and a group of each code, got {len(labels_N)} labels and {len(groups_N)} groups of "
            f"{len(codes_NZ)} codes"
        )
    if not np.isfinite(codes_NZ).all():
        raise ValueError("expected finite codes, got NaN or infinity; look into the model's training")
    held_out_N = is_held_out(groups_N, seed=seed)
    known_N, told_H = labels_N[~held_out_N], labels_N[held_out_N]
    classes, counts = np.unique(known_N, return_counts=True)
    majority = float((told_H == classes[counts.argmax()]).mean())
    accuracy = majority
    if len(classes) > 1:  # otherwise there is nothing to learn
        with fitting():
            fitted = make_pipeline(StandardScaler(), classifier).fit(codes_NZ[~held_out_N], known_N)
            accuracy = float((fitted.predict(codes_NZ[held_out_N]) == told_H).mean())
    return Probed(accuracy, majority, len(np.unique(labels_N)), len(told_H))
