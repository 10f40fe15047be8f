"""The records of ablation.json."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.experiments.ablation.effects import Effects, MetricValue
from patent_spark.experiments.child_warehouse import AuditOutcome
from patent_spark.experiments.publish import ExperimentReport
from patent_spark.metrics.report_schema import BestBaseline, Metric, Record

SHOWN_METRICS = {
    TECHNOLOGY: {
        Metric.ACCURACY: "accuracy",
        Metric.MACRO_F1: "macro F1",
        Metric.WEIGHTED_F1: "weighted F1",
    },
    CITATION_LEVEL: {
        Metric.ACCURACY: "accuracy",
        Metric.TOP1_PRECISION: "precision of top1",
        Metric.TOP1_RECALL: "recall of top1",
        Metric.TOP1_PR_AUC: "PR-AUC of top1",
        Metric.TOP1_ROC_AUC: "ROC-AUC of top1",
    },
}
"""Metrics of each task and their names: the paper's and, for top1, the areas under two curves."""

Factor = Literal["protocol", "model"]


class SettingDifference(Record):
    """A setting of protocol or model that differs between the two configurations."""

    name: str
    factor: Factor
    base: JsonValue
    against: JsonValue


class TaskResult(Record):
    """One task in one variant."""

    training: int
    development: int
    examples: int
    """Test patents of the headline."""
    headline: str
    """The test splits of the headline, joined by +."""
    run_id: str
    metrics: dict[Metric, MetricValue]
    top1_share: float | None
    majority: float | None
    """Accuracy of the majority class."""
    best_baseline: dict[Metric, BestBaseline]
    baselines: dict[str, dict[Metric, float | None]]
    references: dict[str, dict[Metric, float | None]]
    splits: dict[str, dict[Metric, float | None]]
    """Metrics of each test split."""


class VariantResult(Record):
    """One protocol with one model, each by the name of its configuration."""

    protocol: str
    model: str
    warehouse: str
    audit: AuditOutcome
    tasks: dict[str, TaskResult]

    @property
    def title(self) -> str:
        """As a page names it."""
        return f"protocol {self.protocol}, model {self.model}"


class AblationReport(ExperimentReport):
    """ablation.json."""

    base: str
    against: str
    settings: tuple[SettingDifference, ...]
    variants: tuple[VariantResult, ...]
    """(base, base), (against, base), (base, against), (against, against)."""
    effects: dict[str, dict[Metric, Effects]]
    """By task; metrics that a variant does not have are missing."""
