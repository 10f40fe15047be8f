"""METRICS/<task>.json as typed records: the metrics of a model and its baselines on a task's test patents.

Field names are the keys of the JSON file. A metric that is not defined (the precision of a label that was
never predicted) is None here and null in the file. A part that does not apply to a task (`top1` of
technology, `by_year` of a stratified split) is None here and missing from the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from patent_spark.core.schemas import LARGE_TEST, TEST
from patent_spark.metrics.earlier_versions import upgraded_metrics, upgraded_split

if TYPE_CHECKING:
    from patent_spark.core.store import Store

Interval = tuple[float, float]
"""Lower and upper end of a 95 % confidence interval."""

FEW_PATENTS = 10
"""With fewer test patents than these, a metric of a label or a group of patents says next to nothing."""

TEST_YEARS = "test_years"
"""The headline of a temporal task: the patents of all its test years together."""


class Metric(StrEnum):
    """A metric of one classifier on a set of patents.

    The value is its key in METRICS; those in the parts `top1` and `all_codes` begin with the part's name.
    """

    ACCURACY = "accuracy"
    TOP3_ACCURACY = "top3_accuracy"
    TOP5_ACCURACY = "top5_accuracy"
    MACRO_F1 = "macro_f1"
    MACRO_PRECISION = "macro_precision"
    MACRO_RECALL = "macro_recall"
    WEIGHTED_F1 = "weighted_f1"
    WEIGHTED_PRECISION = "weighted_precision"
    WEIGHTED_RECALL = "weighted_recall"
    KAPPA = "kappa"
    BRIER = "brier"
    TOP1_SHARE = "top1.share"
    TOP1_PRECISION = "top1.precision"
    TOP1_RECALL = "top1.recall"
    TOP1_F1 = "top1.f1"
    TOP1_PR_AUC = "top1.pr_auc"
    TOP1_ROC_AUC = "top1.roc_auc"
    TOP1_RECALL_AT_PRECISION = "top1.recall_at_precision"
    TOP1_PRECISION_AT_1_PERCENT = "top1.precision_at_1_percent"
    TOP1_LIFT_AT_1_PERCENT = "top1.lift_at_1_percent"
    TOP1_PRECISION_AT_5_PERCENT = "top1.precision_at_5_percent"
    TOP1_LIFT_AT_5_PERCENT = "top1.lift_at_5_percent"
    TOP1_BRIER = "top1.brier"
    ALL_CODES_LABELS = "all_codes.labels"
    ALL_CODES_PRECISION_AT_1 = "all_codes.precision_at_1"
    ALL_CODES_PRECISION_AT_3 = "all_codes.precision_at_3"
    ALL_CODES_PRECISION_AT_5 = "all_codes.precision_at_5"
    ALL_CODES_RECALL_AT_1 = "all_codes.recall_at_1"
    ALL_CODES_RECALL_AT_3 = "all_codes.recall_at_3"
    ALL_CODES_RECALL_AT_5 = "all_codes.recall_at_5"
    ALL_CODES_RANKING_PRECISION = "all_codes.ranking_precision"

    @property
    def of_top1(self) -> bool:
        """Whether it is about finding the patents of `top1`."""
        return self.part == "top1"

    @property
    def part(self) -> str:
        """The part of ClassifierMetrics that holds it; empty: the record itself."""
        return self.value.rpartition(".")[0]

    @property
    def field(self) -> str:
        """The field of ClassifierMetrics, or of its part, that holds it."""
        return self.value.rpartition(".")[2]


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


class Record(BaseModel):
    """A part of METRICS. Fields that were never set are left out of the JSON file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> dict[str, JsonValue]:
        """Plain values for a JSON file."""
        values: dict[str, JsonValue] = self.model_dump(mode="json", exclude_unset=True)
        return values


class ClassMetrics(Record):
    """Metrics of one label."""

    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    support: int
    """Test patents that have the label."""
    too_few: bool = False
    """They are fewer than FEW_PATENTS: pages show no metric of the label."""
    intervals: dict[str, Interval | None] = Field(default_factory=dict)


class Top1Metrics(Record):
    """How well the probability of `top1` finds the patents of that level."""

    share: float | None = None
    """Share of the test patents that are top1: the PR-AUC of a random order."""
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    pr_auc: float | None = None
    roc_auc: float | None = None
    recall_at_precision: float | None = None
    """The largest recall of any threshold with a precision of evaluate.fixed_precision or more."""
    precision_at_1_percent: float | None = None
    lift_at_1_percent: float | None = None
    precision_at_5_percent: float | None = None
    lift_at_5_percent: float | None = None
    brier: float | None = None
    too_few: bool = False
    """Fewer than FEW_PATENTS patents are top1: pages show nothing but their share and the Brier score."""
    intervals: dict[str, Interval | None] = Field(default_factory=dict)


class AllCodesMetrics(Record):
    """How the most probable labels find all CPC codes of a patent at the level of the label.

    These are its inventional codes or, without any, all codes. Means over patents; see metrics/label_sets.py.
    """

    labels: float | None = None
    """Codes of a patent, on average."""
    precision_at_1: float | None = None
    """Share of patents whose most probable label is any of their codes."""
    precision_at_3: float | None = None
    """Share of the three most probable labels that are codes of the patent."""
    precision_at_5: float | None = None
    recall_at_1: float | None = None
    recall_at_3: float | None = None
    """Share of the patent's codes that are among the three most probable labels."""
    recall_at_5: float | None = None
    ranking_precision: float | None = None
    """Label ranking average precision: 1 if the codes of each patent are its most probable labels."""
    intervals: dict[str, Interval | None] = Field(default_factory=dict)


class MetricDifference(Record):
    """By how much the model is better than another classifier on the same patents."""

    difference: float | None
    interval: Interval | None
    verdict: str
    """`better`, `no better than` or `worse`: the interval is above zero, includes it, or is below."""


class BestBaseline(MetricDifference):
    """The difference to the baseline that is best in a metric."""

    baseline: str


class ClassifierMetrics(Record):
    """Metrics of one classifier on one set of patents."""

    examples: int = 0
    accuracy: float | None = None
    accuracy_interval: Interval | None = None
    top3_accuracy: float | None = None
    top5_accuracy: float | None = None
    """Share of patents whose label is among the five most probable; for tasks with more than five labels."""
    macro_f1: float | None = None
    macro_precision: float | None = None
    macro_recall: float | None = None
    weighted_f1: float | None = None
    weighted_precision: float | None = None
    weighted_recall: float | None = None
    kappa: float | None = None
    """Cohen's kappa with quadratic weights, for ordered labels only."""
    brier: float | None = None
    top1: Top1Metrics | None = None
    all_codes: AllCodesMetrics | None = None
    """Of technology."""
    too_few: bool = False
    """There are fewer than FEW_PATENTS patents: pages show no metric."""
    per_class: dict[str, ClassMetrics] = Field(default_factory=dict)
    intervals: dict[str, Interval | None] = Field(default_factory=dict)

    def value(self, metric: Metric) -> float | None:
        """The value of a metric; None where it is not defined or does not apply."""
        part = getattr(self, metric.part) if metric.part else self
        value: float | None = getattr(part, metric.field) if part is not None else None
        return value

    def interval(self, metric: Metric) -> Interval | None:
        """The 95 % confidence interval of a metric; None where there is none."""
        part = getattr(self, metric.part) if metric.part else self
        return part.intervals.get(metric.field) if part is not None else None

    def has_too_few_for(self, metric: Metric) -> bool:
        """Whether a metric rests on fewer than FEW_PATENTS patents."""
        of_top1 = metric.of_top1 and metric not in (Metric.TOP1_SHARE, Metric.TOP1_BRIER)
        return self.too_few or (of_top1 and self.top1 is not None and self.top1.too_few)


class BaselineMetrics(ClassifierMetrics):
    """A baseline on the same patents, and by how much the model is better than it."""

    model_better_by: dict[Metric, MetricDifference] = Field(default_factory=dict)
    chosen: str | None = None
    """Hyperparameters that were chosen on the development patents."""
    training_examples: int | None = None


class ReferenceMetrics(ClassifierMetrics):
    """The expected metrics of a reference classifier that is known by other means than its predictions."""

    title: str
    about: str
    upper_bound: bool
    """No classifier of the same texts can be expected to have a higher value."""


class GroupMetrics(ClassifierMetrics):
    """The model and its baselines on a group of patents, such as a CPC section."""

    baselines: dict[str, BaselineMetrics] = Field(default_factory=dict)
    best_baseline: dict[Metric, BestBaseline] = Field(default_factory=dict)


class Confusion(Record):
    """Counts [true label][predicted label]."""

    labels: list[str]
    matrix: list[list[int]]


class SplitMetrics(GroupMetrics):
    """The model, its baselines and references on a test split, or on all test years together."""

    confusion: Confusion | None = None
    references: dict[str, ReferenceMetrics] = Field(default_factory=dict)
    """Empty where no reference is known, as on every real release."""

    _read_earlier_versions = model_validator(mode="before")(upgraded_split)


class ReliabilityBin(Record):
    """A tenth of the patents, by predicted probability."""

    probability: float
    """Mean predicted probability."""
    share: float
    """Share of the patents for which the predicted event was true."""
    patents: int


class Reliability(Record):
    """Expected calibration error, and the bins behind it."""

    ece: float | None
    bins: list[ReliabilityBin]


class LabelReliability(Reliability):
    """Reliability of the most probable label and, for citation levels, of `top1`."""

    top1: Reliability | None = None


class CombinationWeights(Record):
    """How the network and the linear model are combined: the exponents of their probabilities."""

    network: float
    linear: float
    linear_digest: str
    learned_on: str | None
    patents: int


class CalibrationMetrics(Record):
    """The model's calibration, and its reliability before and after it on the headline's patents."""

    temperature: float
    slopes: list[float]
    intercepts: list[float]
    learned_on: str | None
    """The split; None when there were no patents to fit it on."""
    patents: int
    why: str
    combination: CombinationWeights | None = None
    """None: the network is used alone."""
    before: LabelReliability
    temperature_alone: LabelReliability | None = None
    """Only for models that are not calibrated by a temperature."""
    after: LabelReliability


class EvaluationSettings(Record):
    """How intervals and metrics were computed."""

    interval: float
    """Confidence level."""
    resamples: int
    resampled: str
    fixed_precision: float


class AuditSummary(Record):
    """The audit's result for the task, added to METRICS by the stage audit."""

    model_config = ConfigDict(frozen=True, extra="allow")

    status: str = ""
    failed: list[str] = Field(default_factory=list)
    not_made: list[str] = Field(default_factory=list)


class WarningCode(StrEnum):
    """What a warning about metrics is about."""

    SMALL_TEST_SET = "small_test_set"
    NOT_BETTER_THAN_MAJORITY = "not_better_than_majority"
    WORSE_THAN_BASELINE = "worse_than_baseline"
    NOT_BETTER_THAN_BASELINE = "not_better_than_baseline"
    ABOVE_UPPER_BOUND = "above_upper_bound"
    UNTRAINED_LABELS = "untrained_labels"
    NEVER_PREDICTED = "never_predicted"
    FEW_OF_A_LABEL = "few_of_a_label"
    LABEL_SHIFT = "label_shift"
    CLASS_SHIFT = "class_shift"
    DRIFT = "drift"
    SUSPICIOUS_TOP1 = "suspicious_top1"
    EARLIER_VERSION = "earlier_version"
    """A message that an earlier version of patent_spark wrote without a code."""


class MetricWarning(Record):
    """A reason to doubt a task's metrics."""

    code: WarningCode
    message: str
    facts: dict[str, float | str | list[str]] = Field(default_factory=dict)
    """The values that the message is about."""


class Metrics(SplitMetrics):
    """METRICS/<task>.json.

    The metrics at the top level are those of the headline: of `test`, or of all test years together.
    """

    task: str = ""
    headline: str = ""
    """The name of a test split, or TEST_YEARS."""
    labels: list[str] = Field(default_factory=list)
    families: int = 0
    """Patent families among the headline's patents."""
    splits: dict[str, SplitMetrics] = Field(default_factory=dict)
    by_year: dict[str, SplitMetrics] | None = None
    by_section: dict[str, GroupMetrics] = Field(default_factory=dict)
    by_class: dict[str, GroupMetrics] | None = None
    calibration: CalibrationMetrics | None = None
    label_rule: str = "default"
    warnings: list[MetricWarning] = Field(default_factory=list)
    run_id: str | None = None
    """MLflow run of the training."""
    kept_epoch: int | None = None
    release_id: str | None = None
    settings: EvaluationSettings | None = None
    audit: AuditSummary | None = None

    _read_earlier_versions_of_files = model_validator(mode="before")(upgraded_metrics)


def read_metrics(store: Store, task: str) -> Metrics:
    """The current METRICS of a task. Raises DataError when there is none."""
    return store.read_record(Metrics, "METRICS", f"{task}.json")


def read_metrics_file(path: Path) -> Metrics:
    """METRICS of a task from a JSON file, such as one that was logged to MLflow."""
    return Metrics.model_validate_json(path.read_bytes())


def year_of_split(split: str) -> str:
    """The grant year of a split such as test_2011; empty for others."""
    match = re.fullmatch(rf"{TEST}_(\d{{4}})", split)
    return match[1] if match else ""


def headline_split(splits: Iterable[str]) -> str:
    """`test` if there is one; else all test years together; else the large test set."""
    names = list(splits)
    if TEST in names:
        return TEST
    return TEST_YEARS if any(map(year_of_split, names)) else LARGE_TEST


def headline_parts(splits: Iterable[str]) -> list[str]:
    """The splits whose patents the headline is about."""
    names = list(splits)
    headline = headline_split(names)
    return [headline] if headline in names else [split for split in names if year_of_split(split)]
