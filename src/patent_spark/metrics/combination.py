"""Combining the network with the linear model: a log-linear opinion pool.

The network reads the order of words through word vectors, the linear model counts words. They make different
errors. The pool multiplies powers of their probabilities (Genest and Zidek 1986), so that it has two
parameters only, can leave either out, and contains temperature scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.softmax import softmax

LEAST = 1e-6
"""The smallest probability of a part: a label that one part knows nothing of, such as
one without training texts, is not ruled out for good."""


@dataclass(frozen=True)
class Combination:
    """The weights of a task's network and linear model, as in CALIBRATION."""

    network: float
    linear: float
    """Exponents of the probabilities."""
    linear_digest: str
    """Of the linear model in LINEAR."""
    learned_on: str | None = None
    """The split it was fitted on; None when there was none."""
    patents: int = 0

    def __call__(self, network: NDArray[np.float32], linear: NDArray[np.float32]) -> NDArray[np.float32]:
        """Combined probabilities [n, labels] of both parts' probabilities; not calibrated yet."""
        return softmax(_power(network, self.network) + _power(linear, self.linear))


def _power(probabilities: NDArray[np.float32], exponent: float) -> NDArray[np.float32]:
    """The logarithm of a part's probabilities to a power."""
    logarithms: NDArray[np.float32] = np.log(np.maximum(probabilities, np.float32(LEAST)))
    return logarithms * np.float32(exponent)
