"""The records of backtest.json."""

from __future__ import annotations

from pydantic import JsonValue

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.experiments.child_warehouse import AuditOutcome
from patent_spark.experiments.publish import ExperimentReport
from patent_spark.metrics.report_schema import BestBaseline, Interval, Metric, Record

SHOWN_METRICS = {
    CITATION_LEVEL: {
        Metric.TOP1_PR_AUC: "PR-AUC of top1",
        Metric.ACCURACY: "Accuracy",
        Metric.TOP1_LIFT_AT_1_PERCENT: "Lift in the first 1 %",
    },
    TECHNOLOGY: {Metric.ACCURACY: "Accuracy", Metric.MACRO_F1: "Macro F1"},
}
"""The metrics of each task and their titles; the first one is the headline."""


class ReferenceValue(Record):
    """A metric of a reference classifier; see METRICS, `references`."""

    title: str
    value: float


class MetricResult(Record):
    """One metric of one model on one test year, beside its baselines and references."""

    model: float | None
    interval: Interval | None
    best_baseline: str
    baseline: float | None
    """The value of the best baseline."""
    difference: BestBaseline | None
    """Model minus best baseline; None for metrics that METRICS does not compare."""
    class_prior: float | None
    references: dict[str, ReferenceValue]


class YearResult(Record):
    """One model on the patents of one grant year."""

    year: int
    distance: int
    """Years since the model's cutoff."""
    examples: int
    metrics: dict[Metric, MetricResult]


class ModelResult(Record):
    """One model of one task: its training data, its audit, and its test years."""

    as_of: int
    """Nothing after the end of this year is known to the model."""
    open_years: tuple[int, ...]
    """Years that are not tested because their citation windows are open in this release."""
    training: int
    development: int
    vocabulary: int
    run_id: str
    warehouse: str
    audit: AuditOutcome
    years: tuple[YearResult, ...]


class Decay(Record):
    """Change of a metric with each further year between a model's cutoff and the test year."""

    per_year: float
    interval: Interval | None


class TaskBacktest(Record):
    """The models of a task, the oldest first."""

    models: tuple[ModelResult, ...]
    decay: dict[Metric, Decay | None]


class BacktestReport(ExperimentReport):
    """backtest.json."""

    horizon_months: int
    last_closed_year: int
    """The last grant year whose patents can be tested in this release."""
    settings_set: dict[str, JsonValue]
    """Point-in-time settings that differ from the configuration's."""
    excluded_tasks: tuple[str, ...]
    """Tasks that are not split by grant year."""
    classes_at_issue: bool
    """Whether the release has the classes that patents had when they were granted."""
    tasks: dict[str, TaskBacktest]
