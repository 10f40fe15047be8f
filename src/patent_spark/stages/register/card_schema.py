"""The records of card.json, the content of a model card."""

from __future__ import annotations

from typing import Literal

from patent_spark.metrics.report_schema import (
    BestBaseline,
    CombinationWeights,
    Interval,
    Metric,
    Record,
    Top1Metrics,
)
from patent_spark.stages.register.audit_result import AuditCheck
from patent_spark.stages.register.report_schema import Decision


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
    combination: CombinationWeights | None = None
    """None: the network is used alone."""


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
    networks: int
    """Networks whose probabilities are averaged, each with its own word vectors."""
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
