"""Fitting the calibration of a model, and the reliability of its probabilities before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.schemas import DEVELOPMENT, TOP1
from patent_spark.metrics.calibration import MIN_PROBABILITY, Calibration, fit_scales, fit_temperature
from patent_spark.metrics.prediction_records import Predictions
from patent_spark.metrics.report_schema import LabelReliability, Reliability, ReliabilityBin

BINS = 10

# Development patents of a level. Measured for top1 on draws from a simulated release: with 8 to 11, the ECE
# in the worst decile was higher with scales than with the temperature in one draw of five (by up to 2.1
# points against 1.5); with 12 to 15 in one of nine (1.3 against 1.4); with more in none.
_MIN_LEVEL_PATENTS = 12
_FOLDS, _ROUNDS = 5, 4  # two passes of 20 fits: under a second for 4,000 patents
_STANDARD_ERRORS = 2  # by which scales must be better: about the 5 % of the temperature's own test


def fit_calibration(
    probabilities: NDArray[np.float32],
    truth: NDArray[np.int64],
    families: NDArray[np.int64],
    levels: Sequence[str],
    seed: int,
) -> Calibration:
    """The calibration fitted on development patents [n]: a temperature, or scales for `levels` where they are
    better.

    levels: the names of the labels if they are levels. Most classes have too few development patents for
    scales.
    """
    if not len(truth):
        return Calibration(why="there are no development patents")
    temperature = fit_temperature(probabilities, truth)
    if not levels:
        return Calibration(temperature, (), (), DEVELOPMENT, len(truth), "classes share a temperature")
    from threadpoolctl import threadpool_limits

    # Arrays are small: a second thread only waits for the first, and doubles the time on a busy machine.
    with threadpool_limits(1, "blas"):
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
    """Whether scales have a lower cross entropy than the temperature in cross-validation by family; and
    why."""
    patents = np.bincount(truth, minlength=len(levels))
    rarest = int(patents.argmin())
    if patents[rarest] < _MIN_LEVEL_PATENTS:
        return False, (
            f"{levels[rarest]} has {patents[rarest]:,} development patents, "
            f"fewer than the {_MIN_LEVEL_PATENTS} needed for scales of its own"
        )
    gain, family = _cross_validated_gain(probabilities, truth, families, seed)
    by_family = np.bincount(family, gain)
    error = by_family.std() * np.sqrt(len(by_family))
    better = bool(gain.sum() > _STANDARD_ERRORS * error)
    return better, (
        f"in cross-validation, a slope and an intercept for each level change the cross entropy by "
        f"{_signed(-gain.mean())} a patent compared with the temperature "
        f"(standard error {error / len(gain):.4f}), {'more' if better else 'not more'} than "
        f"{_STANDARD_ERRORS} standard errors better"
    )


def _cross_validated_gain(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], families: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Loss with the temperature minus loss with scales for each patent when its family is held out; its
    family."""
    names, family = np.unique(families, return_inverse=True)
    draws, gain = np.random.default_rng(seed), np.zeros(len(truth))
    for fold in (draws.permutation(len(names))[family] % _FOLDS for _ in range(_ROUNDS)):
        for out in (fold == number for number in range(_FOLDS)):
            known, known_truth = probabilities[~out], truth[~out]
            alone = Calibration(fit_temperature(known, known_truth))
            scales = fit_scales(known, known_truth, alone.temperature)
            scaled = Calibration(alone.temperature, *scales)
            losses = [_losses(each(probabilities[out]), truth[out]) for each in (alone, scaled)]
            gain[out] += (losses[0] - losses[1]) / _ROUNDS
    return gain, family


def _losses(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cross entropy of each patent."""
    own = np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0]
    losses: NDArray[np.float64] = -np.log(np.maximum(own.astype(np.float64), MIN_PROBABILITY))
    return losses


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−") if round(value, 4) else "0.0000"


def label_reliability(predictions: Predictions) -> LabelReliability:
    """Reliability of the most probable label and, for citation levels, of `top1`."""
    patents = predictions.patents
    correct = reliability(predictions.confidence, predictions.predicted == patents.truth)
    if TOP1 not in patents.labels:
        return LabelReliability(ece=correct.ece, bins=correct.bins)
    is_top1 = patents.truth == patents.labels.index(TOP1)
    top1 = reliability(predictions.top1_probability, is_top1)
    return LabelReliability(ece=correct.ece, bins=correct.bins, top1=top1)


def reliability(probability: NDArray[np.float32], happened: NDArray[np.bool_]) -> Reliability:
    """Mean probability and observed share in ten bins of equally many patents; `ece` is their mean distance.

    scikit-learn's calibration_curve(strategy="quantile") cuts at quantiles of the probability, so that ties
    make its bins unequal; these bins are equal within one patent.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    bins = [
        ReliabilityBin(
            probability=float(probability[part].mean()),
            share=float(happened[part].mean()),
            patents=len(part),
        )
        for part in parts
    ]
    distance = sum(each.patents * abs(each.probability - each.share) for each in bins)
    return Reliability(ece=distance / len(order) if len(order) else None, bins=bins)
