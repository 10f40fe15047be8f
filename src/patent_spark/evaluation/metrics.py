"""Figures of merit: pure functions of a confusion matrix, or of scores for one label.

A confusion matrix has a row for each true label and a column for each predicted one and counts patents, so the
matrices of several test splits add up. A share whose denominator is zero is 0, as in scikit-learn's `zero_division=0`;
a figure that cannot be had at all (a curve without a positive) is None, never NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
Figures = dict[str, Any]


def confusion(truth: NDArray[Any], predicted: NDArray[Any], labels: int) -> Matrix:
    """Counts, shape [labels, labels], of label numbers."""
    cells = truth.astype(np.int64) * labels + predicted
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def by_row(matrix: Matrix) -> NDArray[np.float64]:
    """Each cell as a share of its true label's patents; the diagonal is recall."""
    return _ratio(matrix, np.broadcast_to(matrix.sum(axis=1, keepdims=True), matrix.shape))


def by_column(matrix: Matrix) -> NDArray[np.float64]:
    """Each cell as a share of its predicted label's patents; the diagonal is precision."""
    return _ratio(matrix, np.broadcast_to(matrix.sum(axis=0, keepdims=True), matrix.shape))


def accuracy(matrix: Matrix) -> float:
    """Share of patents on the diagonal."""
    return float(np.trace(matrix) / matrix.sum()) if matrix.any() else 0.0


def precision(matrix: Matrix) -> NDArray[np.float64]:
    """For each label: share of the patents predicted as it that are it."""
    return _ratio(np.diag(matrix), matrix.sum(axis=0))


def recall(matrix: Matrix) -> NDArray[np.float64]:
    """For each label: share of its patents that are predicted as it."""
    return _ratio(np.diag(matrix), matrix.sum(axis=1))


def f1(matrix: Matrix) -> NDArray[np.float64]:
    """For each label: harmonic mean of precision and recall."""
    return _ratio(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def macro(matrix: Matrix, values: NDArray[np.float64]) -> float:
    """Plain mean over the labels that occur, as truth or as prediction (scikit-learn's rule when no labels are named)."""
    occurring = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(values[occurring].mean()) if occurring.any() else 0.0


def weighted(matrix: Matrix, values: NDArray[np.float64]) -> float:
    """Mean weighted by support."""
    return float((values * matrix.sum(axis=1)).sum() / matrix.sum()) if matrix.any() else 0.0


def interval(share: float, examples: float) -> list[float]:
    """95 % confidence interval of a share of independent examples (Wilson's score interval)."""
    if examples <= 0:
        return [0.0, 1.0]
    z = 1.959964
    middle = share + z * z / (2 * examples)
    half = z * math.sqrt(share * (1 - share) / examples + z * z / (4 * examples * examples))
    scale = 1 + z * z / examples
    return [max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)]


def figures(matrix: Matrix, labels: list[str]) -> Figures:
    """Everything that a confusion matrix says: averages, and `per_class` as in Appendix B of the paper."""
    p, r, f, support = precision(matrix), recall(matrix), f1(matrix), matrix.sum(axis=1)
    columns = zip(labels, p.tolist(), r.tolist(), f.tolist(), support.tolist(), strict=True)
    per_class = {label: {"precision": p_, "recall": r_, "f1": f_, "support": round(n)} for label, p_, r_, f_, n in columns}
    return {
        "accuracy": accuracy(matrix),
        "accuracy_interval": interval(accuracy(matrix), float(matrix.sum())),
        "macro_f1": macro(matrix, f),
        "macro_precision": macro(matrix, p),
        "macro_recall": macro(matrix, r),
        "weighted_f1": weighted(matrix, f),
        "weighted_precision": weighted(matrix, p),
        "weighted_recall": weighted(matrix, r),
        "examples": round(float(matrix.sum())),
        "per_class": per_class,
    }


def top_hits(truth: NDArray[Any], scores: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """For each row of scores [n, labels]: whether fewer than k labels score higher than the true one."""
    own = np.take_along_axis(scores, truth[:, None].astype(np.int64), axis=1)
    hits: NDArray[np.bool_] = (scores > own).sum(axis=1) < k
    return hits


def precision_at(positive: NDArray[np.bool_], score: NDArray[Any], share: float) -> float | None:
    """Precision among the `share` of patents that score highest.

    Patents that tie at the cut count with their mean, so the order of rows does not matter.
    """
    if not len(score):
        return None
    kept = max(1, round(len(score) * share))
    cut = np.partition(score, len(score) - kept)[len(score) - kept]
    above, tied = score > cut, score == cut
    hits = positive[above].sum() + (kept - above.sum()) * positive[tied].mean()
    return float(hits / kept)


def pr_auc(positive: NDArray[np.bool_], score: NDArray[Any]) -> float | None:
    """Average precision, the area below the precision-recall curve; its floor is the share of positives."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, score)) if positive.any() else None


def roc_auc(positive: NDArray[np.bool_], score: NDArray[Any]) -> float | None:
    """Chance that a positive scores higher than a negative."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score)) if positive.any() and not positive.all() else None


def lift(precision_there: float | None, share: float) -> float | None:
    """How many times more frequent positives are there than overall."""
    return precision_there / share if precision_there is not None and share > 0 else None


def ranking(positive: NDArray[np.bool_], score: NDArray[Any]) -> Figures:
    """How well a score finds the positives: for `top1` at the citation level."""
    share = float(positive.mean()) if len(positive) else 0.0
    first = precision_at(positive, score, 0.01)
    return {
        "share": share,
        "pr_auc": pr_auc(positive, score),
        "roc_auc": roc_auc(positive, score),
        "precision_at_1_percent": first,
        "lift_at_1_percent": lift(first, share),
    }


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """part / whole by element, 0 where whole is 0."""
    shares: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(part.shape, np.float64), where=whole > 0)
    return shares
