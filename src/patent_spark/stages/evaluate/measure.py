"""The step `measure`: METRICS from PREDICTIONS and BASELINE_PREDICTIONS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Config, Evaluate
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.schemas import TOP1
from patent_spark.core.store import Store
from patent_spark.metrics import classification
from patent_spark.metrics.baselines import (
    CLASS_PRIOR,
    CLASSIFIERS,
    MAJORITY,
    NETWORK,
    class_prior,
    majority,
)
from patent_spark.metrics.bootstrap import LEVEL
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.calibration_fit import label_reliability
from patent_spark.metrics.comparison import (
    Estimates,
    best_baselines,
    classifier_metrics,
    differences,
    estimate,
)
from patent_spark.metrics.label_sets import LabelSets
from patent_spark.metrics.prediction_records import (
    MODEL,
    TEMPERATURE_ALONE,
    UNCALIBRATED,
    Predictions,
    TestPatents,
    read_label_sets,
    read_predictions,
)
from patent_spark.metrics.report_schema import (
    GroupMetrics,
    Metrics,
    SplitMetrics,
    headline_parts,
    headline_split,
    year_of_split,
)
from patent_spark.stages.evaluate.fitted_baselines import FittedBaselines
from patent_spark.stages.evaluate.inputs import TaskInputs
from patent_spark.stages.evaluate.label_rule import label_rule
from patent_spark.stages.evaluate.references import TaskBayesRates, references_on, task_rates
from patent_spark.stages.evaluate.warnings import metric_warnings

OUTPUTS = ("METRICS",)
SETTINGS = ("evaluate.resamples", "evaluate.fixed_precision", "evaluate.seed", "audit.top1_auc")
READS = ("ingest", "label")
"""Stages that it reads itself, beside the outputs of `predict`."""

Rows = NDArray[np.int64]


def measure_task(config: Config, store: Store, draft: Path, inputs: TaskInputs) -> Metrics:
    """METRICS of a task from the predictions in a draft's directory."""
    fitted = FittedBaselines.model_validate_json((draft / "BASELINES" / f"{inputs.task}.json").read_bytes())
    calibration = Calibration.read(draft / "CALIBRATION" / f"{inputs.task}.json")
    wanted = (inputs.task, inputs.labels, inputs.test_splits)
    predictions = {MODEL: read_predictions(draft / "PREDICTIONS", *wanted)}
    predictions |= {
        name: read_predictions(draft / "BASELINE_PREDICTIONS", *wanted, predictor=name)
        for name in fitted.predictors
    }
    rates, sets = task_rates(store, inputs.task), None
    if predictions[MODEL].sets is not None:
        sets = read_label_sets(draft / "PREDICTIONS", *wanted)
    metrics = task_metrics(predictions, fitted, calibration, rates, config.evaluate, sets)
    warnings = metric_warnings(metrics, fitted.training_labels, config.audit.top1_auc)
    about = {
        "task": inputs.task,
        "label_rule": label_rule(store, inputs.task),
        "warnings": warnings,
        "run_id": inputs.run_id,
        "kept_epoch": inputs.kept_epoch,
        "release_id": store.metadata(IngestMetadata).release_id,
        "settings": {
            "interval": LEVEL,
            "resamples": config.evaluate.resamples,
            "resampled": "families",
            "fixed_precision": config.evaluate.fixed_precision,
        },
    }
    return Metrics.model_validate(_fields(metrics) | about)


def task_metrics(
    predictions: Mapping[str, Predictions],
    fitted: FittedBaselines,
    calibration: Calibration,
    rates: TaskBayesRates | None,
    config: Evaluate,
    sets: LabelSets | None = None,
) -> Metrics:
    """The metrics of a task, without what METRICS says of its origin.

    predictions: of the model (MODEL), of the model without its calibration, and of the fitted baselines.
    sets: all labels of the patents, where they have several.
    """
    patents = predictions[MODEL].patents
    labels = patents.labels
    headline = headline_split(patents.splits)
    groups = _split_groups(patents, headline)
    sections = _class_groups(patents, groups[headline], "S1")
    classes = _class_groups(patents, groups[headline], "S3") if TOP1 in labels else {}
    estimates = estimate(
        _compared(predictions, fitted, sets),
        groups | sections | classes,
        config,
        [(group, MODEL) for group in groups],
    )
    splits = {}
    for name, rows in groups.items():
        parts = headline_parts(patents.splits) if name == headline else [name]
        group = _group(
            estimates[name], labels, fitted if name == headline else FittedBaselines(training_labels={})
        )
        confusion = _confusion(predictions[MODEL], rows)
        references = references_on(rates, {part: len(patents.rows_of(part)) for part in parts})
        splits[name] = SplitMetrics.model_validate(group | {"confusion": confusion, "references": references})
    metrics = _fields(splits[headline]) | {
        "headline": headline,
        "labels": list(labels),
        "families": len(np.unique(patents.family[groups[headline]])),
        "calibration": _calibration(calibration, predictions, groups[headline]),
        "by_section": {name: _group_metrics(estimates[name], labels) for name in sections},
        "splits": {name: splits[name] for name in patents.splits},
    }
    if classes:
        metrics["by_class"] = {
            name: _group_metrics(estimates[name], labels, baselines=False) for name in classes
        }
    if years := {year_of_split(name): splits[name] for name in patents.splits if year_of_split(name)}:
        metrics["by_year"] = years
    return Metrics.model_validate(metrics)


def _compared(
    predictions: Mapping[str, Predictions], fitted: FittedBaselines, sets: LabelSets | None
) -> dict[str, Predictions]:
    """The model, all baselines, and of a combined model the network alone."""
    model = predictions[MODEL]
    training = np.array([fitted.training_labels[label] for label in model.patents.labels], np.int64)
    prior = class_prior(training, model.patents, sets)
    constant = {MAJORITY: majority(training, prior), CLASS_PRIOR: prior}
    return {
        MODEL: model,
        **constant,
        **{name: predictions[name] for name in CLASSIFIERS if name in predictions},
    }


def _split_groups(patents: TestPatents, headline: str) -> dict[str, Rows]:
    """Rows of each split, and of the headline if it is several splits together."""
    groups = {split: patents.rows_of(split) for split in patents.splits}
    if headline in groups:
        return groups
    return groups | {headline: np.concatenate([groups[split] for split in headline_parts(patents.splits)])}


def _class_groups(patents: TestPatents, among: Rows, width: str) -> dict[str, Rows]:
    """Rows of the patents of each CPC section (S1) or class (S3); patents without a class are in none."""
    codes = patents.cpc_class[among].astype(width).astype(str)
    return {str(code): among[codes == code] for code in np.unique(codes) if code}


def _group(
    estimates: Mapping[str, Estimates],
    labels: tuple[str, ...],
    fitted: FittedBaselines,
    by_label: bool = True,
) -> dict[str, Any]:
    """The model on a group of patents, the baselines, and how they differ."""
    others = {name: estimates[name] for name in CLASSIFIERS if name in estimates}
    baselines = {name: each for name, each in others.items() if name != NETWORK}
    better_by = {name: differences(estimates[MODEL], each) for name, each in others.items()}
    return classifier_metrics(estimates[MODEL], labels, by_label=by_label) | {
        "baselines": {
            name: classifier_metrics(each, labels, by_label=by_label)
            | {"model_better_by": better_by[name]}
            | (fitted.fitted[name].fields() if name in fitted.fitted else {})
            for name, each in others.items()
        },
        "best_baseline": best_baselines(baselines, better_by),
    }


def _group_metrics(
    estimates: Mapping[str, Estimates], labels: tuple[str, ...], baselines: bool = True
) -> GroupMetrics:
    """A group of patents without the metrics of each label."""
    group = _group(estimates, labels, FittedBaselines(training_labels={}), by_label=False)
    if not baselines:
        del group["baselines"]
    return GroupMetrics.model_validate(group)


def _confusion(predictions: Predictions, rows: Rows) -> dict[str, Any]:
    patents = predictions.patents
    matrix = classification.confusion(patents.truth[rows], predictions.predicted[rows], len(patents.labels))
    return {"labels": list(patents.labels), "matrix": matrix.tolist()}


_STAGES_OF_CALIBRATION = {"before": UNCALIBRATED, "temperature_alone": TEMPERATURE_ALONE, "after": MODEL}


def _calibration(
    calibration: Calibration, predictions: Mapping[str, Predictions], rows: Rows
) -> dict[str, Any]:
    """The calibration, and the reliability of the headline's probabilities before and after it."""
    return dataclasses.asdict(calibration) | {
        name: label_reliability(predictions[predictor].take(rows)).as_json()
        for name, predictor in _STAGES_OF_CALIBRATION.items()
        if predictor in predictions
    }


def _fields(metrics: SplitMetrics) -> dict[str, Any]:
    """The fields that are set, by name."""
    return {name: getattr(metrics, name) for name in metrics.model_fields_set}
