"""The records of decision.json and card.json."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from patent_spark.metrics.report_schema import BestBaseline, Interval, Metric, Record, Top1Metrics
from patent_spark.stages.register.audit_result import AuditCheck

Verdict = Literal["first", "better", "not_worse", "rejected", "already_champion"]
"""first, better and not_worse: the candidate becomes the champion."""

FIRST: Literal["first"] = "first"
BETTER: Literal["better"] = "better"
NOT_WORSE: Literal["not_worse"] = "not_worse"
REJECTED: Literal["rejected"] = "rejected"
ALREADY_CHAMPION: Literal["already_champion"] = "already_champion"


class MetricComparison(Record):
    """One metric of the candidate and of the champion on the same test patents."""

    task: str
    metric: Metric
    candidate: float | None
    champion: float | None
    difference: float | None
    """Candidate minus champion."""
    interval: Interval | None
    """Of the difference: cluster bootstrap over families, both models on the same resamples."""
    patents: int
    excluded: int
    """Test patents left out because the champion's training data has them or one of their family."""


class CheckReference(Record):
    """A check of the audit."""

    name: str
    task: str | None
    """None: the check concerns all tasks."""
    details: str = ""


class AuditChecksFailed(Record):
    """The audit found a leak."""

    code: Literal["audit_checks_failed"] = "audit_checks_failed"
    checks: tuple[CheckReference, ...]
    applicable: int
    """Checks that apply to the model."""


class AuditChecksNotMade(Record):
    """Checks of the audit apply to the model, but their inputs were missing."""

    code: Literal["audit_checks_not_made"] = "audit_checks_not_made"
    checks: tuple[CheckReference, ...]
    applicable: int


class WeakerSetting(Record):
    """A setting of the audit with which it proves less than with the default."""

    name: str
    value: float
    default: float


class AuditWeakened(Record):
    """The audit ran with settings that prove less than the defaults."""

    code: Literal["audit_weakened"] = "audit_weakened"
    settings: tuple[WeakerSetting, ...]


class NotComparable(Record):
    """The difference to the champion has no confidence interval."""

    code: Literal["not_comparable"] = "not_comparable"
    task: str
    metric: Metric
    patents: int
    excluded: int


class WorseThanChampion(Record):
    """The confidence interval of the difference lies below minus the margin."""

    code: Literal["worse_than_champion"] = "worse_than_champion"
    comparison: MetricComparison
    margin: float


RejectionReason = Annotated[
    AuditChecksFailed | AuditChecksNotMade | AuditWeakened | NotComparable | WorseThanChampion,
    Field(discriminator="code"),
]


class Decision(Record):
    """Whether a candidate becomes the champion, and on what grounds."""

    verdict: Verdict
    reasons: tuple[RejectionReason, ...] = ()
    """Why it was rejected."""
    comparisons: tuple[MetricComparison, ...] = ()
    """Empty where no champion was compared."""

    @property
    def rejected(self) -> bool:
        """Whether the champion stays, or there is none."""
        return self.verdict == REJECTED

    @property
    def promotes(self) -> bool:
        """Whether the candidate becomes the champion."""
        return self.verdict in (FIRST, BETTER, NOT_WORSE)


class DecisionReport(Decision):
    """decision.json."""

    champion: str | None
    """MLflow address of the champion after the decision; None: there is none."""
    messages: tuple[str, ...] = ()
    """The reasons as sentences."""


class HeadlineMetric(Record):
    """The metric that a task is promoted by, on all test patents of its headline."""

    metric: Metric
    value: float | None
    interval: Interval | None
    best_baseline: BestBaseline


class CalibrationSummary(Record):
    """How the probabilities of a task were calibrated."""

    fitted: bool
    """False: there were no development patents to fit on, so the probabilities are those of the network."""
    patents: int
    """Development patents it was fitted on."""
    temperature: float | None
    """None: a slope and an intercept for each level instead."""
    ece_before: float | None
    """Expected calibration error of the network's own probabilities."""
    ece_after: float | None
    reason: str
    """Why this kind of calibration was chosen."""


class SplitProtocol(Record):
    """Which patents a task is trained and tested on."""

    protocol: Literal["stratified", "temporal"]
    train_until: int
    test_years: tuple[int, ...]
    embargo: bool
    test_share: float
    development_share: float
    sample_share: float
    patents: dict[str, int]
    """By split."""


class TaskCard(Record):
    """What a model card says of one task."""

    task: str
    labels: tuple[str, ...]
    fields: tuple[str, ...]
    """Text fields that the model reads, in their order."""
    claims: str
    """Which claims, if it reads claims: first or all."""
    max_tokens: int
    min_tokens: int
    test_patents: int
    families: int
    headline: HeadlineMetric
    top1: Top1Metrics | None
    calibration: CalibrationSummary
    split: SplitProtocol
    warnings: tuple[str, ...]
    run_id: str
    """MLflow run of the training."""
    kept_epoch: int | None


class TrainingSummary(Record):
    """Labels, words and network of a model."""

    horizon_months: int
    reference_set: Literal["class", "class_year"]
    """Patents whose citations are ranked together."""
    grouped_by_family: bool
    vocabulary_size: int | None
    training_texts: int | None
    text_fit_on: Literal["all", "train"]
    embedding: str
    layers: int
    units: int
    bidirectional: bool
    pooling: str
    code: str


class ChangedSetting(Record):
    """A setting that differs from its default."""

    name: str
    value: str
    default: str


class ModelCard(Record):
    """card.json: the content of a model card, from which card.html and card.md are rendered."""

    model: str
    """A task, or joint."""
    registered_name: str
    release_id: str
    data_to_date: str
    simulated: bool
    tasks: tuple[TaskCard, ...]
    training: TrainingSummary
    checks: tuple[AuditCheck, ...]
    """Those of the audit that concern the model."""
    decision: Decision
    margin: float
    """register.margin."""
    previous_champion: str | None
    """Its MLflow address."""
    previous_version: str | None
    settings: tuple[ChangedSetting, ...]
