"""The model beside its baselines: figures with intervals for groups of test patents, and paired differences.

All predictors are weighed with the same resamples, so that the interval of a difference is that of the difference
itself: two classifiers that err on the same patents are told apart by the few on which they differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Evaluate
from patent_spark.metrics.bootstrap import interval, resampled_weights, verdict
from patent_spark.metrics.classification import Floats
from patent_spark.metrics.estimator import Measure, Said
from patent_spark.metrics.report_schema import Metric

Figures = dict[str, Any]

COMPARED = (
    Metric.ACCURACY,
    Metric.MACRO_F1,
    Metric.TOP5_ACCURACY,
    Metric.KAPPA,
    Metric.TOP1_PR_AUC,
    Metric.TOP1_ROC_AUC,
    Metric.TOP1_PRECISION_AT_1_PERCENT,
)
"""Metrics in which the model is compared with the baselines; higher is better in all of them."""
_LABEL = "per_class."
_COUNTED = (f"{_LABEL}support", "top1.share")  # what the test set is, not what was found in it


@dataclass(frozen=True)
class Measured:
    """The figures of a predictor on a group: as they are, and in each resample (a last axis more)."""

    points: dict[str, Floats]
    resampled: dict[str, Floats]


def measure(
    predictors: Mapping[str, Said],
    truth: NDArray[Any],
    families: NDArray[np.int64],
    labels: list[str],
    groups: Mapping[str, NDArray[np.int64]],
    config: Evaluate,
    labelled: Collection[tuple[str, str]] = (),
) -> dict[str, dict[str, Measured]]:
    """Every predictor on every group; groups are numbers of rows among the test patents.

    labelled: (group, predictor) whose figures of each label are resampled too, the others' are many and not asked for.
    """
    measures = {
        (group, name): Measure(words, truth, labels, chosen, config.fixed_precision)
        for group, chosen in groups.items()
        for name, words in predictors.items()
    }
    whole = np.ones((len(truth), 1))
    points = {
        place: {name: values[..., 0] for name, values in each(whole).items()}
        for place, each in measures.items()
    }
    batches: dict[tuple[str, str], list[dict[str, Floats]]] = {place: [] for place in measures}
    for weights in resampled_weights(families, config.resamples, config.seed):
        for place, each in measures.items():
            batches[place].append(
                {
                    name: values
                    for name, values in each(weights).items()
                    if place in labelled or not name.startswith(_LABEL)
                }
            )
    found: dict[str, dict[str, Measured]] = {group: {} for group in groups}
    for (group, name), point in points.items():
        parts = batches[group, name]
        resampled = {
            figure: np.concatenate([part[figure] for part in parts], axis=-1)
            for figure in (parts[0] if parts else ())
        }
        found[group][name] = Measured(point, resampled)
    return found


def written(measured: Measured, labels: list[str], *, by_label: bool = True) -> Figures:
    """The figures as METRICS holds them, `intervals` beside what they are of; by_label: with `per_class`."""
    figures: Figures = {"intervals": {}, "examples": round(float(measured.points[f"{_LABEL}support"].sum()))}
    per_class: dict[str, Figures] = {label: {} for label in labels}
    for name, value in measured.points.items():
        family, _, figure = name.rpartition(".")
        resampled = measured.resampled.get(name)
        if name.startswith(_LABEL):
            for i, label in enumerate(labels):
                _put(per_class[label], figure, name, value[i], None if resampled is None else resampled[i])
        else:
            _put(figures.setdefault(family, {}) if family else figures, figure, name, value, resampled)
    figures["accuracy_interval"] = figures["intervals"].get("accuracy")
    return figures | ({"per_class": per_class} if by_label else {})


def differences(model: Measured, baselines: Mapping[str, Measured]) -> dict[str, dict[str, Figures]]:
    """By baseline and figure: how much better the model is, the interval of that, and what it says in words."""
    return {
        name: {figure: _difference(model, other, figure) for figure in COMPARED if figure in model.points}
        for name, other in baselines.items()
    }


def best_baselines(
    figures: Mapping[str, Measured], told: Mapping[str, dict[str, Figures]]
) -> dict[str, Figures]:
    """By figure: the baseline that is best in it, and the model's difference to that one."""
    best = {}
    for figure in next(iter(told.values())):
        values = {name: np.nan_to_num(figures[name].points[figure], nan=-np.inf) for name in told}
        name = max(values, key=values.__getitem__)
        best[figure] = {"baseline": name} | told[name][figure]
    return best


def _difference(model: Measured, other: Measured, figure: str) -> Figures:
    difference = model.points[figure] - other.points[figure]
    apart = (
        interval(model.resampled[figure] - other.resampled[figure], float(difference))
        if figure in model.resampled
        else None
    )
    return {"difference": _plain(difference), "interval": apart, "verdict": verdict(apart)}


def _put(place: Figures, figure: str, name: str, value: Floats, resampled: Floats | None) -> None:
    place[figure] = round(float(value)) if figure == "support" else _plain(value)
    if resampled is not None and name not in _COUNTED:
        place.setdefault("intervals", {})[figure] = interval(resampled, float(value))


def _plain(value: Floats) -> float | None:
    return float(value) if np.isfinite(value) else None
