"""What makes probabilities mean what they say, learned on patents that the model did not learn from.

Temperature scaling (Guo et al. 2017): probabilities are raised to the power 1 / temperature and brought back to the sum
1, which is the softmax of the logits divided by it. Above 1 it tempers a model that is too sure of itself.

One number cannot do more than sharpen or blur, and a rare level is mostly wrong by its size: smoothed labels promise
each of four levels a fortieth, so that a one-percent level comes out at twice its share for everybody. So levels have a
power and a factor each (vector scaling, the same paper): p_k ** slope_k * exp(intercept_k), brought back to the sum 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-12
"""Of a probability, so that one certain error does not decide everything."""
_RANGE = (0.05, 20.0)
_CHI_SQUARE = 3.841  # its 95th percentile with one degree of freedom


@dataclass(frozen=True)
class Calibration:
    """How a task's probabilities are calibrated, as CALIBRATION holds it; the default leaves them as they are."""

    temperature: float = 1.0
    """The one with the least cross entropy."""
    slopes: tuple[float, ...] = ()
    intercepts: tuple[float, ...] = ()
    """One a label, which then stand in for the temperature; none: the temperature calibrates."""
    learned_on: str | None = None
    """The split; None when there was none to learn from."""
    patents: int = 0
    why: str = ""
    """Why levels were, or were not, scaled one by one."""

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """A file of CALIBRATION."""
        told = json.loads(path.read_text())
        return cls(**told | {name: tuple(told.get(name, ())) for name in ("slopes", "intercepts")})

    def __call__(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities [n, labels]."""
        if not self.slopes:
            return tempered(probabilities, self.temperature)
        return scaled(probabilities, np.array(self.slopes), np.array(self.intercepts)).astype(np.float32)


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities [n, labels] at another temperature; 1 leaves them as they are. The most probable label stays the same."""
    if temperature == 1:
        return probabilities
    powers = (probabilities / probabilities.max(axis=1, keepdims=True, initial=LEAST)) ** np.float32(
        1 / temperature
    )
    result: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return result


def scaled(
    probabilities: NDArray[Any], slopes: NDArray[np.float64], intercepts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probabilities [n, labels] with a power and a factor for each label."""
    from scipy.special import softmax

    result: NDArray[np.float64] = softmax(
        np.log(np.maximum(probabilities, LEAST)) * slopes + intercepts, axis=1
    )
    return result


def fit_temperature(probabilities: NDArray[np.float32], truth: NDArray[Any]) -> float:
    """The temperature with the least cross entropy on patents that the model did not learn from.

    1 when there are none, or when they cannot tell it from 1 (likelihood ratio test, 5 %): it would be noise.
    """
    from scipy.optimize import minimize_scalar

    if not len(truth):
        return 1.0

    def cross_entropy(logarithm: float) -> float:
        own = np.take_along_axis(
            tempered(probabilities, float(np.exp(logarithm))), truth[:, None].astype(np.int64), axis=1
        )
        return float(-np.log(np.maximum(own, LEAST)).mean())

    best = minimize_scalar(cross_entropy, bounds=np.log(_RANGE), method="bounded")
    told_apart = 2 * len(truth) * (cross_entropy(0.0) - best.fun) > _CHI_SQUARE
    return float(np.exp(best.x)) if told_apart else 1.0


def fit_scales(
    probabilities: NDArray[np.float32], truth: NDArray[Any], temperature: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Slopes and intercepts with the least cross entropy, held to those of the temperature by the square of what they are off.

    The square of 1 costs as much as an e-fold in the probability of one patent: a dozen patents of a rare level move
    them little beyond what they can tell, thousands as far as they like. Of no patents it is the temperature.
    """
    from scipy.optimize import minimize

    labels = probabilities.shape[1]
    start = np.concatenate([np.full(labels, 1 / temperature), np.zeros(labels)])
    logarithms, happened = (
        np.log(np.maximum(probabilities, LEAST).astype(np.float64)),
        np.eye(labels)[truth.astype(np.int64)],
    )

    def cost(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = scaled(probabilities, values[:labels], values[labels:])
        excess = found - happened
        slope = np.concatenate([(excess * logarithms).sum(axis=0), excess.sum(axis=0)]) + 2 * (values - start)
        return float(
            -np.log(np.maximum(found, LEAST))[happened == 1].sum() + ((values - start) ** 2).sum()
        ), slope

    best = minimize(
        cost, start, jac=True, method="L-BFGS-B", bounds=[_RANGE] * labels + [(None, None)] * labels
    ).x.tolist()
    return tuple(best[:labels]), tuple(best[labels:])
