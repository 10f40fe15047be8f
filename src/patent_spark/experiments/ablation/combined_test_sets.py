"""All stratified test patents together, for protocols that have a small and a large test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.schemas import LARGE_TEST, TEST
from patent_spark.metrics import classification
from patent_spark.metrics.bootstrap import verdict
from patent_spark.metrics.report_schema import (
    BaselineMetrics,
    BestBaseline,
    Confusion,
    Interval,
    Metric,
    MetricDifference,
    Metrics,
    SplitMetrics,
)

COMBINED = f"{TEST}+{LARGE_TEST}"
"""The headline of both test sets together."""


def combine_test_splits(metrics: Metrics) -> Metrics:
    """METRICS whose headline is `test` and `large_test` together; unchanged when one of them is missing.

    Accuracies and their differences are means weighted by patents. The model's F1 are those of the summed
    confusion matrix. Half-widths of intervals are added in quadrature, because no patent is in both splits.
    Baselines keep their accuracy only.
    """
    parts = [metrics.splits[split] for split in (TEST, LARGE_TEST) if split in metrics.splits]
    matrices = [part.confusion.matrix for part in parts if part.confusion is not None]
    if len(matrices) < 2:
        return metrics
    matrix = np.sum(matrices, axis=0)
    weights = [part.examples / matrix.sum() for part in parts]
    values = _values(matrix)
    baselines = {
        name: _baseline([part.baselines[name] for part in parts], weights) for name in metrics.baselines
    }
    return metrics.model_copy(
        update={
            **{metric.value: value for metric, value in values.items()},
            "headline": COMBINED,
            "examples": int(matrix.sum()),
            "intervals": _intervals(values, parts, weights),
            "confusion": Confusion(labels=metrics.labels, matrix=matrix.tolist()),
            "baselines": baselines,
            "best_baseline": {Metric.ACCURACY: _best(baselines)},
        }
    )


def _intervals(
    values: dict[Metric, float], parts: Sequence[SplitMetrics], weights: Sequence[float]
) -> dict[str, Interval | None]:
    return {
        metric.value: _combined_interval(
            value, [(part.value(metric), part.interval(metric)) for part in parts], weights
        )
        for metric, value in values.items()
    }


def _best(baselines: dict[str, BaselineMetrics]) -> BestBaseline:
    """The baseline with the highest accuracy, and the model's difference to it."""
    best = max(baselines, key=lambda name: baselines[name].accuracy or 0.0)
    return BestBaseline(baseline=best, **dict(baselines[best].model_better_by[Metric.ACCURACY]))


def _values(matrix: NDArray[np.int64]) -> dict[Metric, float]:
    counts = classification.LabelCounts(matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal())
    f1 = classification.f1(counts)
    return {
        Metric.ACCURACY: float(classification.accuracy(counts)),
        Metric.MACRO_F1: float(classification.macro(counts, f1)),
        Metric.WEIGHTED_F1: float(classification.weighted(counts, f1)),
    }


def _baseline(parts: Sequence[BaselineMetrics], weights: Sequence[float]) -> BaselineMetrics:
    """A baseline's accuracy on the parts together, and the model's difference to it."""
    differences = [part.model_better_by[Metric.ACCURACY] for part in parts]
    accuracy = float(np.dot(weights, [part.accuracy or 0.0 for part in parts]))
    value = float(np.dot(weights, [each.difference or 0.0 for each in differences]))
    interval = _combined_interval(value, [(each.difference, each.interval) for each in differences], weights)
    difference = MetricDifference(difference=value, interval=interval, verdict=verdict(interval))
    return BaselineMetrics(accuracy=accuracy, model_better_by={Metric.ACCURACY: difference})


def _combined_interval(
    value: float, parts: Sequence[tuple[float | None, Interval | None]], weights: Sequence[float]
) -> Interval | None:
    """The interval of a weighted mean of independent values; None when one of them has none."""
    widths = [
        [weight * abs(end - part) for end in ends]
        for (part, ends), weight in zip(parts, weights, strict=True)
        if ends is not None and part is not None
    ]
    if len(widths) < len(parts):
        return None
    below, above = np.sqrt(np.square(widths).sum(axis=0)).tolist()
    return value - below, value + above
