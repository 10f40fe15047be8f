"""Metrics with intervals for groups of test patents, and paired differences between classifiers.

All classifiers are evaluated on the same resamples. The interval of a difference is then that of the
difference itself: two classifiers that make the same errors are distinguished by the few patents on which
they differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Evaluate
from patent_spark.core.schemas import TOP1
from patent_spark.metrics.bootstrap import interval, resampled_weights, verdict
from patent_spark.metrics.classification import Floats
from patent_spark.metrics.estimator import MetricEstimator
from patent_spark.metrics.prediction_records import Predictions
from patent_spark.metrics.report_schema import (
    COMPARED,
    FEW_PATENTS,
    BestBaseline,
    Metric,
    MetricDifference,
)

_LABEL = "per_class."
_COUNTED = (f"{_LABEL}support", Metric.TOP1_SHARE, Metric.ALL_CODES_LABELS)
"""Properties of the test set, which have no interval."""


@dataclass(frozen=True)
class Estimates:
    """The metrics of a classifier on a group of patents, by the names that MetricEstimator gives them."""

    values: dict[str, Floats]
    """Of the group as it is: a number, or [labels]."""
    resampled: dict[str, Floats]
    """In each resample, the last axis; empty without resamples."""


def estimate(
    predictors: Mapping[str, Predictions],
    groups: Mapping[str, NDArray[np.int64]],
    config: Evaluate,
    resampled_labels: Collection[tuple[str, str]] = (),
) -> dict[str, dict[str, Estimates]]:
    """Estimates by group and predictor. Predictors have the same patents; groups are rows of them.

    resampled_labels: (group, predictor) whose metrics of each label are resampled too; for all it would be
    too much.
    """
    estimators = {
        (group, name): MetricEstimator(predictions, rows, config.fixed_precision)
        for group, rows in groups.items()
        for name, predictions in predictors.items()
    }
    patents = next(iter(predictors.values())).patents
    ones = np.ones((len(patents), 1))
    values = {
        place: {name: each[..., 0] for name, each in estimator(ones).items()}
        for place, estimator in estimators.items()
    }
    batches: dict[tuple[str, str], list[dict[str, Floats]]] = {place: [] for place in estimators}
    for weights in resampled_weights(patents.family, config.resamples, config.seed):
        for place, estimator in estimators.items():
            metrics = estimator(weights)
            if place not in resampled_labels:
                metrics = {name: each for name, each in metrics.items() if not name.startswith(_LABEL)}
            batches[place].append(metrics)
    estimates: dict[str, dict[str, Estimates]] = {group: {} for group in groups}
    for (group, name), value in values.items():
        estimates[group][name] = Estimates(value, _joined(batches[group, name]))
    return estimates


def classifier_metrics(
    estimates: Estimates, labels: Sequence[str], *, by_label: bool = True
) -> dict[str, Any]:
    """The fields of report_schema.ClassifierMetrics; by_label: with `per_class`."""
    intervals: dict[str, Any] = {}
    support = estimates.values[f"{_LABEL}support"]
    metrics: dict[str, Any] = {"intervals": intervals, "examples": round(float(support.sum()))}
    per_class: dict[str, dict[str, Any]] = {label: {} for label in labels}
    for name, value in estimates.values.items():
        part, _, field = name.rpartition(".")
        resampled = estimates.resampled.get(name)
        if name.startswith(_LABEL):
            for i, label in enumerate(labels):
                _put(per_class[label], field, name, value[i], None if resampled is None else resampled[i])
        else:
            _put(metrics.setdefault(part, {}) if part else metrics, field, name, value, resampled)
    metrics["accuracy_interval"] = intervals.get(Metric.ACCURACY)
    _mark_too_few(metrics, per_class)
    return metrics | ({"per_class": per_class} if by_label else {})


def differences(model: Estimates, other: Estimates) -> dict[Metric, MetricDifference]:
    """By how much the model is better than another classifier, for each metric that is compared."""
    return {metric: _difference(model, other, metric) for metric in COMPARED if metric in model.values}


def differences_by_label(
    model: Estimates, other: Estimates, labels: Sequence[str]
) -> dict[str, MetricDifference]:
    """By how much the model's F1 of each label is higher than that of another classifier."""
    name = f"{_LABEL}f1"
    values = model.values[name] - other.values[name]
    resampled = np.full((len(labels), 1), np.nan)
    if name in other.resampled:
        resampled = model.resampled[name] - other.resampled[name]
    return {
        label: metric_difference(float(value), interval(each, float(value)))
        for label, value, each in zip(labels, values, resampled, strict=True)
    }


def best_baselines(
    baselines: Mapping[str, Estimates], model_better_by: Mapping[str, Mapping[Metric, MetricDifference]]
) -> dict[Metric, BestBaseline]:
    """By metric: the baseline with the highest value, and the model's difference to it."""
    best = {}
    for metric in next(iter(model_better_by.values())):
        values = {name: np.nan_to_num(each.values[metric], nan=-np.inf) for name, each in baselines.items()}
        name = max(values, key=values.__getitem__)
        best[metric] = BestBaseline(baseline=name, **model_better_by[name][metric].as_json())
    return best


def metric_difference(difference: float, ends: tuple[float, float] | None) -> MetricDifference:
    """A difference with the verdict that its interval allows."""
    return MetricDifference(difference=finite(difference), interval=ends, verdict=verdict(ends))


def finite(value: float | Floats) -> float | None:
    """A metric as METRICS holds it: None when it is not defined."""
    return float(value) if np.isfinite(value) else None


def _difference(model: Estimates, other: Estimates, metric: Metric) -> MetricDifference:
    difference = float(model.values[metric] - other.values[metric])
    ends = None
    if metric in model.resampled:
        ends = interval(model.resampled[metric] - other.resampled[metric], difference)
    return metric_difference(difference, ends)


def _joined(batches: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    names = batches[0] if batches else ()
    return {name: np.concatenate([batch[name] for batch in batches], axis=-1) for name in names}


def _mark_too_few(metrics: dict[str, Any], per_class: dict[str, dict[str, Any]]) -> None:
    """Mark what rests on fewer than FEW_PATENTS patents; the field is left out elsewhere."""
    for of_label in per_class.values():
        if of_label["support"] < FEW_PATENTS:
            of_label["too_few"] = True
    if metrics["examples"] < FEW_PATENTS:
        metrics["too_few"] = True
    if "top1" in metrics and per_class[TOP1]["support"] < FEW_PATENTS:
        metrics["top1"]["too_few"] = True


def _put(place: dict[str, Any], field: str, name: str, value: Floats, resampled: Floats | None) -> None:
    place[field] = round(float(value)) if field == "support" else finite(value)
    if resampled is not None and name not in _COUNTED:
        place.setdefault("intervals", {})[field] = interval(resampled, float(value))
