"""Classification metrics: pure functions of how many patents have, are predicted, and correctly get each
label.

Counts may be sums of weights. They may have further axes after that of the labels, one place for each
weighting, so that all resamples of a bootstrap are computed at once. A metric that is not defined is NaN here
and null in METRICS: the precision of a label that is never predicted, the recall of a label without patents.
Means over labels count it as 0, as scikit-learn's `zero_division=0` does: a model gains nothing by never
predicting a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | NDArray[np.float64]


def confusion(
    truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]], labels: int
) -> NDArray[np.int64]:
    """Counts [labels, labels] of label numbers: a row for each true label, a column for each predicted
    one."""
    cells = truth.astype(np.int64) * labels + predicted
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def by_row(matrix: Counts) -> Floats:
    """Each cell as a share of its true label's patents; the diagonal is recall."""
    return ratio(matrix, matrix.sum(axis=1, keepdims=True))


def by_column(matrix: Counts) -> Floats:
    """Each cell as a share of its predicted label's patents; the diagonal is precision."""
    return ratio(matrix, matrix.sum(axis=0, keepdims=True))


@dataclass(frozen=True)
class LabelCounts:
    """Patents by label, arrays [labels, ...]: all that accuracy, precision, recall and F1 depend on."""

    true: Counts
    predicted: Counts
    correct: Counts

    @property
    def patents(self) -> Counts:
        """All patents, [...]."""
        total: Counts = self.true.sum(axis=0)
        return total


def accuracy(counts: LabelCounts) -> Floats:
    """Share of patents whose label is predicted correctly."""
    return ratio(counts.correct.sum(axis=0), counts.patents)


def precision(counts: LabelCounts) -> Floats:
    """For each label: the share of its predictions that are correct."""
    return ratio(counts.correct, counts.predicted, otherwise=np.nan)


def recall(counts: LabelCounts) -> Floats:
    """For each label: the share of its patents that are predicted correctly."""
    return ratio(counts.correct, counts.true, otherwise=np.nan)


def f1(counts: LabelCounts) -> Floats:
    """For each label: the harmonic mean of precision and recall, 0 where one of them is not defined."""
    return ratio(2 * counts.correct, counts.predicted + counts.true)


def macro(counts: LabelCounts, values: Floats) -> Floats:
    """Plain mean over the labels that occur as truth or as prediction, scikit-learn's default rule."""
    occurring = counts.predicted + counts.true > 0
    return ratio((np.nan_to_num(values) * occurring).sum(axis=0), occurring.sum(axis=0))


def weighted(counts: LabelCounts, values: Floats) -> Floats:
    """Mean weighted by support."""
    return ratio((np.nan_to_num(values) * counts.true).sum(axis=0), counts.patents)


def quadratic_kappa(counts: LabelCounts, squared_steps_off: Floats) -> Floats:
    """Cohen's kappa with quadratic weights, for ordered labels: 1 perfect, 0 chance level, negative worse.

    squared_steps_off: the sum over patents of the squared steps between the true and the predicted label.
    """
    chance = np.einsum("i...,ij,j...->...", counts.true, squared_steps(len(counts.true)), counts.predicted)
    return 1 - ratio(squared_steps_off * counts.patents, chance, otherwise=np.nan)


def squared_steps(labels: int) -> Floats:
    """Squared steps between any two labels, [labels, labels]."""
    return np.subtract.outer(np.arange(labels), np.arange(labels)).astype(np.float64) ** 2


def top_hits(truth: NDArray[np.integer[Any]], scores: NDArray[np.floating[Any]], k: int) -> NDArray[np.bool_]:
    """For each row of scores [n, labels]: whether fewer than k labels score higher than the true one."""
    own = np.take_along_axis(scores, truth[:, None].astype(np.int64), axis=1)
    in_top_k: NDArray[np.bool_] = (scores > own).sum(axis=1) < k
    return in_top_k


def ratio(part: Counts, whole: Counts, otherwise: float = 0.0) -> Floats:
    """part / whole by element, and `otherwise` where whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    shares: Floats = np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole > 0)
    return shares
