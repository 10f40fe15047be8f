"""The results of a back-test: each model on each test year, and how metrics decay with a model's age."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patent_spark.core.metadata import ShardMetadata, TextMetadata
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import ModelPlan
from patent_spark.experiments.backtest.report_schema import (
    SHOWN_METRICS,
    Decay,
    MetricResult,
    ModelResult,
    ReferenceValue,
    YearResult,
)
from patent_spark.experiments.child_warehouse import audit_outcome
from patent_spark.metrics.baselines import BASELINES, CLASS_PRIOR
from patent_spark.metrics.report_schema import Metric, SplitMetrics, read_metrics


def model_result(store: Store, model: ModelPlan, task: str) -> ModelResult:
    """A model's training data, audit, and metrics on each of its test years that has patents."""
    metrics, splits = read_metrics(store, task), store.metadata(ShardMetadata).tasks[task].splits
    years = [(year, each) for year in model.test_years if (each := (metrics.by_year or {}).get(str(year)))]
    return ModelResult(
        as_of=model.year,
        open_years=model.open_years,
        training=splits[TRAIN].rows,
        development=splits[DEVELOPMENT].rows if DEVELOPMENT in splits else 0,
        vocabulary=store.metadata(TextMetadata).vocabulary_size,
        run_id=metrics.run_id or "",
        warehouse=store.address,
        audit=audit_outcome(store),
        years=tuple(_year_result(model, year, each, task) for year, each in years),
    )


def _year_result(model: ModelPlan, year: int, split: SplitMetrics, task: str) -> YearResult:
    return YearResult(
        year=year,
        distance=year - model.year,
        examples=split.examples,
        metrics={metric: _metric_result(split, metric) for metric in SHOWN_METRICS[task]},
    )


def _metric_result(split: SplitMetrics, metric: Metric) -> MetricResult:
    baselines = {name: split.baselines[name].value(metric) for name in BASELINES if name in split.baselines}
    difference = split.best_baseline.get(metric)
    best = difference.baseline if difference else max(baselines, key=lambda name: _or_least(baselines[name]))
    return MetricResult(
        model=split.value(metric),
        interval=split.interval(metric),
        best_baseline=best,
        baseline=baselines[best],
        difference=difference,
        class_prior=baselines[CLASS_PRIOR],
        references={
            name: ReferenceValue(title=reference.title, value=value)
            for name, reference in split.references.items()
            if (value := reference.value(metric)) is not None
        },
    )


def _or_least(value: float | None) -> float:
    return -np.inf if value is None else value


def decay(models: Sequence[ModelResult], metric: Metric) -> Decay | None:
    """Change of a metric with each year of age, on the same test years; None when no year has two models.

    Least squares with an intercept for each test year, so that a year that is hard for all models counts for
    none. An older model has also seen fewer patents, which is part of the cost of age. The interval takes the
    tests for independent; models tested on the same patents err alike, so it is wider than necessary.
    """
    centred, values, errors = [], [], []
    for points in _points_by_test_year(models, metric).values():
        mean = sum(distance for distance, _, _ in points) / len(points)
        centred += [distance - mean for distance, _, _ in points]
        values += [value for _, value, _ in points]
        errors += [error for _, _, error in points]
    spread = float(np.square(centred).sum())
    if not spread:
        return None
    weights = np.array(centred) / spread
    slope, error = float(weights @ values), float(np.sqrt(np.square(weights * errors).sum()))
    interval = (slope - error, slope + error) if np.isfinite(error) else None
    return Decay(per_year=slope, interval=interval)


def _points_by_test_year(
    models: Sequence[ModelResult], metric: Metric
) -> dict[int, list[tuple[int, float, float]]]:
    """For each test year the age, value and half-width of the interval of each model tested on it."""
    by_year: dict[int, list[tuple[int, float, float]]] = {}
    for model in models:
        for year in model.years:
            result = year.metrics[metric]
            if result.model is not None:
                half_width = float(np.diff(result.interval)[0]) / 2 if result.interval else np.nan
                by_year.setdefault(year.year, []).append((year.distance, result.model, half_width))
    return by_year


def mlflow_metrics(task: str, models: Sequence[ModelResult]) -> list[tuple[int, dict[str, float]]]:
    """(test year, metrics by flat names such as citation_level_top1_pr_auc_as_of_2010) of all models."""
    steps = []
    for model in models:
        for year in model.years:
            flat: dict[str, float | None] = {}
            for metric, result in year.metrics.items():
                stem = f"{task}_{metric.replace('.', '_')}"
                flat[f"{stem}_as_of_{model.as_of}"] = result.model
                flat[f"{stem}_best_baseline_as_of_{model.as_of}"] = result.baseline
            steps.append((year.year, {name: value for name, value in flat.items() if value is not None}))
    return steps
