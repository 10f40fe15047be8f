"""The content of a model card, from METRICS, the model's files, the audit and the manifests of the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from patent_spark.config import Config, recorded
from patent_spark.core.store import Store
from patent_spark.metrics.report_schema import Metric, Metrics, read_metrics
from patent_spark.reporting.provenance import Provenance, provenance
from patent_spark.stages.register.audit_result import AuditCheck, checks_of
from patent_spark.stages.register.card_schema import (
    CalibrationSummary,
    ChangedSetting,
    HeadlineMetric,
    ModelCard,
    SplitProtocol,
    TaskCard,
    TrainingSummary,
)
from patent_spark.stages.register.promotion_rule import COMPARED_METRICS
from patent_spark.stages.register.report_schema import Decision
from patent_spark.tracking.registry import Version


@dataclass(frozen=True)
class Promotion:
    """A decision in favour of a candidate, and the model it is about."""

    model: str
    registered_name: str
    decision: Decision
    previous: Version | None
    """The champion that it replaces."""


def card_metrics(store: Store, tasks: Sequence[str]) -> dict[str, Metrics]:
    """METRICS by task."""
    return {task: read_metrics(store, task) for task in tasks}


def make_card(store: Store, config: Config, promotion: Promotion, checks: Sequence[AuditCheck]) -> ModelCard:
    """The card of the current model; checks: all of the audit's."""
    tasks = config.models[promotion.model]
    origin = provenance(store)
    settings = recorded(dict(chain.from_iterable(manifest.settings.items() for manifest in origin.stages)))
    metrics = card_metrics(store, tasks)
    return ModelCard(
        model=promotion.model,
        registered_name=promotion.registered_name,
        release_id=origin.release_id,
        data_to_date=origin.data_to_date,
        simulated=origin.simulated,
        tasks=tuple(_task_card(store, task, metrics[task], settings, origin) for task in tasks),
        training=_training(settings, origin),
        checks=tuple(checks_of(checks, tasks)),
        decision=promotion.decision,
        margin=config.register.margin,
        previous_champion=promotion.previous.address if promotion.previous else None,
        previous_version=promotion.previous.number if promotion.previous else None,
        settings=_changed_settings(origin),
    )


def _changed_settings(origin: Provenance) -> tuple[ChangedSetting, ...]:
    return tuple(
        ChangedSetting(name=each.name, value=str(each.value), default=str(each.default))
        for each in origin.settings
    )


def _task_card(store: Store, task: str, metrics: Metrics, settings: Config, origin: Provenance) -> TaskCard:
    about: Mapping[str, Any] = store.read_json("MODEL", f"{task}/task.json")
    return TaskCard(
        task=task,
        labels=about["labels"],
        fields=about["text"]["fields"],
        claims=about["text"]["claims"],
        max_tokens=about["max_tokens"],
        min_tokens=about["min_tokens"],
        test_patents=metrics.examples,
        families=metrics.families,
        headline=_headline(metrics, COMPARED_METRICS[task][0]),
        top1=metrics.top1,
        calibration=_calibration(metrics),
        split=_split(settings, task, origin),
        warnings=tuple(warning.message for warning in metrics.warnings),
        run_id=about["run_id"],
        kept_epoch=about.get("kept_epoch"),
    )


def _headline(metrics: Metrics, metric: Metric) -> HeadlineMetric:
    return HeadlineMetric(
        metric=metric,
        value=metrics.value(metric),
        interval=metrics.interval(metric),
        best_baseline=metrics.best_baseline[metric],
    )


def _calibration(metrics: Metrics) -> CalibrationSummary:
    calibration = metrics.calibration
    if calibration is None:
        raise ValueError(f"METRICS of {metrics.task} have no calibration")
    return CalibrationSummary(
        fitted=calibration.learned_on is not None,
        patents=calibration.patents,
        temperature=None if calibration.slopes else calibration.temperature,
        ece_before=calibration.before.ece,
        ece_after=calibration.after.ece,
        reason=calibration.why,
        combination=calibration.combination,
    )


def _split(settings: Config, task: str, origin: Provenance) -> SplitProtocol:
    split = settings.split
    return SplitProtocol(
        protocol=settings.task(task).protocol,
        train_until=split.train_until,
        test_years=split.test_years,
        embargo=split.embargo,
        test_share=split.test,
        development_share=split.development,
        sample_share=split.sample,
        patents=next(each.splits for each in origin.splits if each.task == task),
    )


def _training(settings: Config, origin: Provenance) -> TrainingSummary:
    network = settings.model
    return TrainingSummary(
        horizon_months=settings.label.horizon_months,
        reference_set=settings.label.reference_set,
        grouped_by_family=settings.split.group_by_family,
        vocabulary_size=origin.text.vocabulary_size if origin.text else None,
        training_texts=origin.text.training_texts if origin.text else None,
        text_fit_on=settings.text.fit_on,
        embedding=network.embedding,
        layers=network.layers,
        units=network.units,
        bidirectional=network.bidirectional,
        pooling=network.pool,
        networks=len(settings.text.vector_sets),
        code=origin.stages[-1].code,
    )
