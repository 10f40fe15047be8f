"""Intervals by resampling whole families: patents that share an abstract or are relatives are no independent witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Of all intervals."""

_CELLS = 2**24  # weights held at a time: 64 MB

BETTER, SAME, WORSE = "better", "no better than", "worse"


def resampled_weights(families: NDArray[Any], resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Weights [patents, some resamples] of a bootstrap, `resamples` in all.

    Each resample draws as many families as there are, with replacement; a patent weighs as often as its family is
    drawn. families: one number a patent, the same for patents that belong together.
    """
    names, member = np.unique(families, return_inverse=True)
    rng = np.random.default_rng(seed)
    at_once = max(1, _CELLS // max(1, len(families)))
    for start in range(0, resamples if len(names) else 0, at_once):
        drawn = np.empty((len(names), min(at_once, resamples - start)), np.float32)
        for resample in range(drawn.shape[1]):
            drawn[:, resample] = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        yield drawn[member]


def interval(resampled: NDArray[np.float64], figure: float) -> list[float] | None:
    """95 % interval of a figure: how the resamples spread about their mean, set about the figure itself.

    In a resample a third of the patents are missing, so that figures which depend on rare ones (macro F1 with many
    labels, PR-AUC) come out higher or lower as a whole; the plain percentiles might not even hold the figure. None when
    the figure cannot be had, or when a tenth of the resamples and more do not have it.
    """
    known = resampled[np.isfinite(resampled)]
    if not np.isfinite(figure) or len(known) <= 0.9 * len(resampled):
        return None
    ends = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) + figure - known.mean()
    low, high = np.clip(ends, min(figure, known.min()), max(figure, known.max()))
    return [float(low), float(high)]


def verdict(difference: list[float] | None) -> str:
    """What the interval of a difference to another classifier says, in words."""
    if difference is not None and difference[0] > 0:
        return BETTER
    return WORSE if difference is not None and difference[1] < 0 else SAME
