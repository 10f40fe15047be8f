"""Making probabilities mean what they say, and whether they do: reliability in bins of equally many patents, before and after calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.schemas import DEVELOPMENT
from patent_spark.metrics.calibration import Calibration, fit_scales, fit_temperature
from patent_spark.metrics.estimator import Said
from patent_spark.reporting.html import signed

BINS = 10

# Of a level's development patents. Measured for top1 on draws from a simulated release: with 8 to 11 the scales left its worst decile further off
# than the temperature did in one draw of five (by up to 2.1 points against 1.5), with 12 to 15 in one of nine (1.3 against 1.4), with more in none.
_FEWEST = 12
_FOLDS, _ROUNDS = 5, 4  # two passes of 20 fits: under a second for 4,000 patents
_ERRORS = 2  # standard errors by which the scales must be better: about the 5 % of the temperature's own test


def calibration_of(
    probabilities: NDArray[np.float32],
    truth: NDArray[np.int64],
    families: NDArray[np.int64],
    levels: Sequence[str],
    seed: int,
) -> Calibration:
    """What is learned from development patents [n]: a temperature, and for `levels` a power and a factor each where they can be told to be better.

    levels: names of the labels; none for classes, most of which have too few development patents to be scaled by themselves.
    """
    if not len(truth):
        return Calibration(why="there are no development patents")
    temperature = fit_temperature(probabilities, truth)
    if not levels:
        return Calibration(temperature, (), (), DEVELOPMENT, len(truth), "classes share a temperature")
    from threadpoolctl import threadpool_limits

    with threadpool_limits(
        1, "blas"
    ):  # its arrays are small: a second thread only waits for the first, for twice the time on a busy machine
        better, why = _scales_are_better(probabilities, truth, families, levels, seed)
        scales = fit_scales(probabilities, truth, temperature) if better else ((), ())
    return Calibration(temperature, *scales, DEVELOPMENT, len(truth), why)


def _scales_are_better(
    probabilities: NDArray[np.float32],
    truth: NDArray[np.int64],
    families: NDArray[np.int64],
    levels: Sequence[str],
    seed: int,
) -> tuple[bool, str]:
    """Whether scaled levels have less cross entropy than the temperature on families that neither was learned from; and why, in words."""
    patents = np.bincount(truth, minlength=len(levels))
    rarest = int(patents.argmin())
    if patents[rarest] < _FEWEST:
        return (
            False,
            f"{levels[rarest]} has {patents[rarest]:,} development patents, fewer than the {_FEWEST} from which a level is scaled by itself",
        )
    names, family = np.unique(families, return_inverse=True)
    draws, gain = np.random.default_rng(seed), np.zeros(len(truth))
    for fold in (draws.permutation(len(names))[family] % _FOLDS for _ in range(_ROUNDS)):
        for out in (fold == number for number in range(_FOLDS)):
            known, known_truth = probabilities[~out], truth[~out]
            alone = Calibration(fit_temperature(known, known_truth))
            scaled = Calibration(alone.temperature, *fit_scales(known, known_truth, alone.temperature))
            gain[out] += (
                _losses(alone(probabilities[out]), truth[out])
                - _losses(scaled(probabilities[out]), truth[out])
            ) / _ROUNDS
    each = np.bincount(family, gain)
    error = each.std() * np.sqrt(len(each))
    better, change = bool(gain.sum() > _ERRORS * error), signed(-gain.mean(), digits=4)
    return better, (
        f"on development patents left out in turn, a power and a factor for each level change the cross entropy by {change} a patent "
        f"against the temperature (standard error {error / len(gain):.4f}), {'more' if better else 'not more'} than {_ERRORS} standard errors better"
    )


def _losses(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cross entropy of each patent."""
    own = np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0]
    losses: NDArray[np.float64] = -np.log(np.maximum(own.astype(np.float64), 1e-12))
    return losses


def reliability(times: Mapping[str, Said], truth: NDArray[Any], top1: int | None) -> dict[str, Any]:
    """Reliability of the most probable label and, at the citation level, of `top1` (its label number): before calibration, after it, ..."""
    found = {}
    for name, words in times.items():
        found[name] = bins_of(words.confidence, words.predicted == truth)
        if top1 is not None:
            found[name]["top1"] = bins_of(words.top1, truth == top1)
    return found


def bins_of(probability: NDArray[Any], happened: NDArray[np.bool_]) -> dict[str, Any]:
    """Deciles of the patents by probability: the mean of it and how often it happened; `ece` is their mean distance.

    With bins of equal mass, not of equal width, every bin has patents enough to be judged by, however rare the label.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    bins = [
        {
            "probability": float(probability[part].mean()),
            "share": float(happened[part].mean()),
            "patents": len(part),
        }
        for part in parts
    ]
    distance = sum(each["patents"] * abs(each["probability"] - each["share"]) for each in bins)
    return {"ece": distance / len(order) if len(order) else None, "bins": bins}
