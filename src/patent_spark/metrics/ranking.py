"""How well a score finds the patents of a rare label, for any weights of the patents: `top1` of the citation
levels.

The order of negatives between two scores of positives has no effect. So patents fall into cells, in falling
order of the score: cell 2p+1 holds those that tie with the p-th score of a positive, the even cells hold
those between. Weights are summed by cell once, and every metric follows from the sums: a thousand resamples
of a bootstrap cost little more than one. With equal weights the results are scikit-learn's
average_precision_score and roc_auc_score.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.classification import Floats, ratio

SHARES = {"1_percent": 0.01, "5_percent": 0.05}
"""Shares of the patents, the highest scores first, for which precision and lift are computed."""


class Ranking:
    """The cells of patents by a score [n]; positive: the patents that the score should find."""

    def __init__(self, positive: NDArray[np.bool_], score: NDArray[np.floating[Any]]) -> None:
        scores, place = np.unique(-score, return_inverse=True)
        has_positive = np.bincount(place[positive], minlength=len(scores)) > 0
        before: NDArray[np.int64] = np.cumsum(has_positive) - has_positive
        self.cell: NDArray[np.int64] = (2 * before + has_positive)[place]
        """The cell of each patent."""
        self.step: NDArray[np.int64] = before[place[positive]]
        """The place of each positive's score among the scores of positives."""
        self.steps = int(has_positive.sum())
        self.cells = 2 * self.steps + 1


def ranking_metrics(patents: Floats, positives: Floats, fixed_precision: float) -> dict[str, Floats]:
    """Metrics [weightings] from sums of weights: patents [cells, weightings], positives [steps,
    weightings]."""
    reached, true_positives = np.cumsum(patents, axis=0), np.cumsum(positives, axis=0)
    total, n_positives = reached[-1], positives.sum(axis=0)
    precision = ratio(true_positives, reached[1::2])
    share = ratio(n_positives, total)
    metrics = {
        "share": share,
        "pr_auc": ratio((positives * precision).sum(axis=0), n_positives, otherwise=np.nan),
        "roc_auc": _roc_auc(patents, positives, reached, true_positives),
        "recall_at_precision": _recall_at(precision, true_positives, n_positives, fixed_precision),
    }
    for name, part in SHARES.items():
        metrics[f"precision_at_{name}"] = _precision_at(reached, true_positives, part)
        metrics[f"lift_at_{name}"] = ratio(metrics[f"precision_at_{name}"], share, otherwise=np.nan)
    return metrics


def _roc_auc(patents: Floats, positives: Floats, reached: Floats, true_positives: Floats) -> Floats:
    """Chance that a positive scores higher than a negative; a tie counts half."""
    n_positives = positives.sum(axis=0)
    misses = reached[-1] - n_positives
    above = reached[:-1:2] - (true_positives - positives)
    tied = patents[1::2] - positives
    return 1 - ratio((positives * (above + tied / 2)).sum(axis=0), n_positives * misses, otherwise=np.nan)


def _recall_at(precision: Floats, true_positives: Floats, n_positives: Floats, least: float) -> Floats:
    """The largest recall of any threshold with at least that precision; 0 when no threshold has it."""
    enough = np.where(precision >= least, true_positives, 0).max(axis=0, initial=0)
    return ratio(enough, n_positives, otherwise=np.nan)


def _precision_at(reached: Floats, true_positives: Floats, share: float) -> Floats:
    """Precision among the share of patents that score highest, of one patent at least.

    Patents that tie at the cut count with their mean, so the order of rows does not matter.
    """
    start = np.zeros((1, reached.shape[1]))
    ends = np.concatenate([start, reached])
    positives_at_ends = np.repeat(np.concatenate([start, true_positives]), 2, axis=0)
    kept = np.maximum(1, np.round(reached[-1] * share))
    after = np.argmax(ends >= kept, axis=0).clip(min=1)
    (from_, to), (least, most) = (
        [np.take_along_axis(values, each[None], axis=0)[0] for each in (after - 1, after)]
        for values in (ends, positives_at_ends)
    )
    within = least + (most - least) * ratio(kept - from_, to - from_)
    return ratio(within, np.where(reached[-1] > 0, kept, 0), otherwise=np.nan)
