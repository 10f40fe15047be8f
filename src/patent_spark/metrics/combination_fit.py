"""Fitting the weights of a combination on the development split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from patent_spark.core.schemas import DEVELOPMENT
from patent_spark.metrics.combination import LEAST, Combination
from patent_spark.metrics.softmax import softmax

_START = 0.5
_LARGEST = 20.0


def fit_combination(
    network: NDArray[np.float32],
    linear: NDArray[np.float32],
    truth: NDArray[np.integer[Any]],
    linear_digest: str,
) -> Combination:
    """The weights with the least Brier score on patents that neither part was trained on, plus a squared
    penalty on their distance to one half each.

    The Brier score, because the linear model is sure of some labels that are wrong: with the cross entropy
    these few patents decide, and it gets a third of the weight that serves accuracy best. The penalty at a
    distance of 1 is that of one patent, so that a handful of patents moves the weights little, and none
    leaves them at one half.
    """
    parts = [np.log(np.maximum(part, LEAST)).astype(np.float64) for part in (network, linear)]
    happened = np.eye(network.shape[1])[truth.astype(np.int64)]

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = weights[0] * parts[0] + weights[1] * parts[1]
        shares = softmax(scores)
        excess = shares - happened
        slope = 2 * shares * (excess - (excess * shares).sum(axis=1, keepdims=True))
        distance = weights - _START
        gradient = np.array([float((slope * part).sum()) for part in parts]) + 2 * distance
        return float((excess**2).sum() + (distance**2).sum()), gradient

    start = np.full(2, _START)
    best = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(0.0, _LARGEST)] * 2).x
    learned_on = DEVELOPMENT if len(truth) else None
    return Combination(float(best[0]), float(best[1]), linear_digest, learned_on, len(truth))
