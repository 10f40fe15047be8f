"""Post-hoc calibration of predicted probabilities, fitted on the development split.

Temperature scaling (Guo et al. 2017) raises probabilities to the power 1 / temperature and normalises them,
which is the softmax of the logits divided by the temperature. A temperature above 1 makes an overconfident
model less confident.

One parameter can only sharpen or flatten. A rare level needs more: with smoothed labels a model gives each of
four levels at least a fortieth, so a level with a share of 1 % is predicted at twice its share for every
patent. So levels have a slope and an intercept each (vector scaling, the same paper): p_k ** slope_k *
exp(intercept_k), normalised.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.combination import Combination
from patent_spark.metrics.softmax import softmax

MIN_PROBABILITY = 1e-12
"""Smallest probability in a logarithm, so that a single confident error does not dominate."""
_RANGE = (0.05, 20.0)
_CHI_SQUARE = 3.841  # its 95th percentile with one degree of freedom


@dataclass(frozen=True)
class Calibration:
    """The calibration of a task's model, as in CALIBRATION. The default changes nothing."""

    temperature: float = 1.0
    """The temperature with the least cross entropy."""
    slopes: tuple[float, ...] = ()
    intercepts: tuple[float, ...] = ()
    """One for each label, used instead of the temperature; empty: the temperature is used."""
    learned_on: str | None = None
    """The split it was fitted on; None when there was none."""
    patents: int = 0
    why: str = ""
    """Why slopes and intercepts are used or not."""
    combination: Combination | None = None
    """How the network is combined with the linear model before; None: it is used alone."""

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """From a file of CALIBRATION."""
        values = json.loads(path.read_text())
        if values.get("combination"):
            values["combination"] = Combination(**values["combination"])
        return cls(**values | {name: tuple(values.get(name, ())) for name in ("slopes", "intercepts")})

    def __call__(
        self, network: NDArray[np.float32], linear: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Calibrated probabilities [n, labels] from those of the network and, for a combination, of the
        linear model."""
        return self.calibrated(self.combined(network, linear))

    def combined(
        self, network: NDArray[np.float32], linear: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """The probabilities before they are calibrated."""
        if self.combination is None:
            return network
        if linear is None:
            raise ValueError("a combination takes the probabilities of the linear model too")
        return self.combination(network, linear)

    def calibrated(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities after they are combined."""
        if not self.slopes:
            return tempered(probabilities, self.temperature)
        return scaled(probabilities, np.array(self.slopes), np.array(self.intercepts)).astype(np.float32)


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities [n, labels] at another temperature; 1 changes nothing.

    The most probable label never changes.
    """
    if temperature == 1:
        return probabilities
    powers = (
        probabilities / probabilities.max(axis=1, keepdims=True, initial=MIN_PROBABILITY)
    ) ** np.float32(1 / temperature)
    result: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return result


def scaled(
    probabilities: NDArray[np.floating[Any]], slopes: NDArray[np.float64], intercepts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probabilities [n, labels] with a slope and an intercept for each label."""
    logits = np.log(np.maximum(probabilities, MIN_PROBABILITY)) * slopes + intercepts
    return softmax(logits)


def fit_temperature(probabilities: NDArray[np.float32], truth: NDArray[np.integer[Any]]) -> float:
    """The temperature with the least cross entropy on patents that the model was not trained on.

    1 if there are none, or if it does not differ significantly from 1 (likelihood ratio test, 5 %).
    """
    from scipy.optimize import minimize_scalar

    if not len(truth):
        return 1.0

    def cross_entropy(logarithm: float) -> float:
        return _cross_entropy(tempered(probabilities, float(np.exp(logarithm))), truth)

    best = minimize_scalar(cross_entropy, bounds=np.log(_RANGE), method="bounded")
    significant = 2 * len(truth) * (cross_entropy(0.0) - best.fun) > _CHI_SQUARE
    return float(np.exp(best.x)) if significant else 1.0


def _cross_entropy(probabilities: NDArray[np.float32], truth: NDArray[np.integer[Any]]) -> float:
    own = np.take_along_axis(probabilities, truth[:, None].astype(np.int64), axis=1)
    return float(-np.log(np.maximum(own, MIN_PROBABILITY)).mean())


def fit_scales(
    probabilities: NDArray[np.float32], truth: NDArray[np.integer[Any]], temperature: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Slopes and intercepts with the least cross entropy plus a squared penalty on their distance to the
    temperature's.

    A distance of 1 costs as much as an e-fold in the probability of one patent: a dozen patents of a rare
    level move the parameters little, thousands move them freely. Without patents the result is the
    temperature.
    """
    from scipy.optimize import minimize

    labels = probabilities.shape[1]
    start = np.concatenate([np.full(labels, 1 / temperature), np.zeros(labels)])
    logarithms = np.log(np.maximum(probabilities, MIN_PROBABILITY).astype(np.float64))
    happened = np.eye(labels)[truth.astype(np.int64)]

    def cost(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        calibrated = scaled(probabilities, values[:labels], values[labels:])
        excess = calibrated - happened
        gradient = np.concatenate([(excess * logarithms).sum(axis=0), excess.sum(axis=0)])
        losses = -np.log(np.maximum(calibrated, MIN_PROBABILITY))[happened == 1]
        return float(losses.sum() + ((values - start) ** 2).sum()), gradient + 2 * (values - start)

    best = minimize(
        cost, start, jac=True, method="L-BFGS-B", bounds=[_RANGE] * labels + [(None, None)] * labels
    ).x.tolist()
    return tuple(best[:labels]), tuple(best[labels:])
