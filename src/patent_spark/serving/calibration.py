"""Temperature scaling (Guo et al. 2017): one number that makes probabilities mean what they say.

Probabilities are raised to the power 1 / temperature and brought back to the sum 1, which is the softmax of the logits
divided by it. Above 1 it tempers a model that is too sure of itself. The most probable label stays the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-12  # of a probability, so that one certain error does not decide everything
_RANGE = (0.05, 20.0)
_CHI_SQUARE = 3.841  # its 95th percentile with one degree of freedom


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities [n, labels] at another temperature; 1 leaves them as they are."""
    if temperature == 1:
        return probabilities
    powers = (probabilities / probabilities.max(axis=1, keepdims=True, initial=_LEAST)) ** np.float32(1 / temperature)
    result: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return result


def fit_temperature(probabilities: NDArray[np.float32], truth: NDArray[Any]) -> float:
    """The temperature with the least cross entropy on patents that the model did not learn from.

    1 when there are none, or when they cannot tell it from 1 (likelihood ratio test, 5 %): it would be noise.
    """
    from scipy.optimize import minimize_scalar

    if not len(truth):
        return 1.0

    def cross_entropy(logarithm: float) -> float:
        own = np.take_along_axis(tempered(probabilities, float(np.exp(logarithm))), truth[:, None].astype(np.int64), axis=1)
        return float(-np.log(np.maximum(own, _LEAST)).mean())

    best = minimize_scalar(cross_entropy, bounds=np.log(_RANGE), method="bounded")
    told_apart = 2 * len(truth) * (cross_entropy(0.0) - best.fun) > _CHI_SQUARE
    return float(np.exp(best.x)) if told_apart else 1.0
