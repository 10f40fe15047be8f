"""Cluster bootstrap over patent families: members of a family are not independent observations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Confidence level of all intervals."""

_CELLS = 2**24  # weights held at a time: 64 MB

BETTER, SAME, WORSE = "better", "no better than", "worse"


def resampled_weights(
    families: NDArray[np.int64], resamples: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Weights of patents in `resamples` bootstrap resamples, some at a time: [patents, some resamples].

    Each resample draws as many families as there are, with replacement; a patent weighs as often as its
    family is drawn. families: one number per patent, the same for members of a family.
    """
    names, member = np.unique(families, return_inverse=True)
    rng = np.random.default_rng(seed)
    at_once = max(1, _CELLS // max(1, len(families)))
    for start in range(0, resamples if len(names) else 0, at_once):
        drawn = np.empty((len(names), min(at_once, resamples - start)), np.float32)
        for resample in range(drawn.shape[1]):
            drawn[:, resample] = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        yield drawn[member]


def interval(resampled: NDArray[np.float64], value: float) -> tuple[float, float] | None:
    """95 % interval of a metric: the spread of the resamples about their mean, centred on the metric's value.

    A resample lacks about a third of the families. Metrics that depend on rare patents (macro F1 with many
    labels, PR-AUC) are biased in resamples, and the plain percentiles might not even contain the value. None
    when the metric is not defined, or not in a tenth of the resamples or more.
    """
    known = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or len(known) <= 0.9 * len(resampled):
        return None
    ends = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) + value - known.mean()
    low, high = np.clip(ends, min(value, known.min()), max(value, known.max()))
    return float(low), float(high)


def verdict(difference: tuple[float, float] | None) -> str:
    """What the interval of a difference to another classifier shows: better, no better than, or worse."""
    if difference is not None and difference[0] > 0:
        return BETTER
    return WORSE if difference is not None and difference[1] < 0 else SAME
