"""Figures of merit: pure functions of how many patents are, are called, and are rightly called each label.

Counts may be sums of weights, and may have further axes behind that of the labels, one place for each weighting: all
resamples of a bootstrap are worked out at once. A figure that cannot be had is NaN here, null in METRICS and a dash on
pages: the precision of a label that no patent was called, the recall of one that has no patents. Means over labels count
it as 0, as scikit-learn's `zero_division=0` does: a model gains nothing by never saying a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
Floats = NDArray[np.float64]


def confusion(truth: NDArray[Any], predicted: NDArray[Any], labels: int) -> Matrix:
    """Counts, shape [labels, labels], of label numbers: a row for each true label, a column for each predicted one."""
    cells = truth.astype(np.int64) * labels + predicted
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def by_row(matrix: Matrix) -> Floats:
    """Each cell as a share of its true label's patents; the diagonal is recall."""
    return ratio(matrix, matrix.sum(axis=1, keepdims=True))


def by_column(matrix: Matrix) -> Floats:
    """Each cell as a share of its predicted label's patents; the diagonal is precision."""
    return ratio(matrix, matrix.sum(axis=0, keepdims=True))


@dataclass(frozen=True)
class Tally:
    """Patents by label, arrays [labels, ...]: all that accuracy, precision, recall and F1 depend on."""

    true: Floats
    said: Floats
    right: Floats

    @property
    def patents(self) -> Floats:
        """All patents, [...]."""
        total: Floats = self.true.sum(axis=0)
        return total


def accuracy(tally: Tally) -> Floats:
    """Share of patents that are rightly called."""
    return ratio(tally.right.sum(axis=0), tally.patents)


def precision(tally: Tally) -> Floats:
    """For each label: share of the patents called so that are it."""
    return ratio(tally.right, tally.said, otherwise=np.nan)


def recall(tally: Tally) -> Floats:
    """For each label: share of its patents that are called so."""
    return ratio(tally.right, tally.true, otherwise=np.nan)


def f1(tally: Tally) -> Floats:
    """For each label: harmonic mean of precision and recall, 0 where one of them cannot be had."""
    return ratio(2 * tally.right, tally.said + tally.true)


def macro(tally: Tally, values: Floats) -> Floats:
    """Plain mean over the labels that occur, as truth or as prediction (scikit-learn's rule when no labels are named)."""
    occurring = tally.said + tally.true > 0
    return ratio((np.nan_to_num(values) * occurring).sum(axis=0), occurring.sum(axis=0))


def weighted(tally: Tally, values: Floats) -> Floats:
    """Mean weighted by support."""
    return ratio((np.nan_to_num(values) * tally.true).sum(axis=0), tally.patents)


def quadratic_kappa(tally: Tally, distance: Floats) -> Floats:
    """Cohen's kappa with quadratic weights, for labels in an order: 1 right, 0 as good as chance, below 0 worse.

    distance: sum over patents of the squared number of steps between the true and the predicted label.
    """
    chance = np.einsum("i...,ij,j...->...", tally.true, squared_steps(len(tally.true)), tally.said)
    return 1 - ratio(distance * tally.patents, chance, otherwise=np.nan)


def squared_steps(labels: int) -> Floats:
    """Squared steps between any two labels."""
    return np.subtract.outer(np.arange(labels), np.arange(labels)).astype(np.float64) ** 2


def top_hits(truth: NDArray[Any], scores: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """For each row of scores [n, labels]: whether fewer than k labels score higher than the true one."""
    own = np.take_along_axis(scores, truth[:, None].astype(np.int64), axis=1)
    hits: NDArray[np.bool_] = (scores > own).sum(axis=1) < k
    return hits


def ratio(part: NDArray[Any], whole: NDArray[Any], otherwise: float = 0.0) -> Floats:
    """part / whole by element, and `otherwise` where whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole > 0)
    return shares
