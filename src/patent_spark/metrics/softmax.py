"""The softmax in NumPy alone: a model in use needs no SciPy."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=np.floating[Any])


def softmax(scores: NDArray[F]) -> NDArray[F]:
    """Scores [n, labels] as probabilities; those of minus infinity are 0."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    result: NDArray[F] = powers / powers.sum(axis=1, keepdims=True)
    return result
