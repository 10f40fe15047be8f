"""Plausibility: metrics that follow from the predictions, and that are not too good to be true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from patent_spark.core.features import encode_rows
from patent_spark.core.schemas import TOP1, is_test
from patent_spark.inference.known_features import known_of_patents
from patent_spark.inference.scorer import current_scorer
from patent_spark.metrics.report_schema import ClassifierMetrics
from patent_spark.stages.audit.check_spec import CheckSpec, sampling_noise
from patent_spark.stages.audit.checks.shortcuts import area_under_curve
from patent_spark.stages.audit.features import token_ids
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData

_MAX_LOSS = 0.02
_ROUNDING = 1e-6

METRICS = CheckSpec(
    "metrics_recomputed",
    "metrics recomputed from the predictions",
    "largest difference",
    "number",
    "METRICS does not describe the current PREDICTIONS: it belongs to another model or was edited. "
    "Run `patent-spark evaluate --force`.",
)
TOP1_AUC = CheckSpec(
    "top1_auc",
    "ROC-AUC of top1",
    "ROC-AUC",
    "number",
    "Text does not predict so well which patents will be cited most. "
    "Look for the label, or what it is computed from, in the model's input.",
)
UPPER_BOUND = CheckSpec(
    "upper_bound",
    "accuracy above a known upper bound",
    "accuracy above the bound",
    "share",
    "No classifier of the texts can be this accurate on this release. "
    "The model used something else than the text.",
)
SHORT_TEXTS = CheckSpec(
    "short_texts",
    "accuracy without and with short texts",
    "difference in accuracy",
    "share",
    "The accuracy is that of selected patents. "
    "It drops by this much when the test patents that min_tokens excluded are included.",
)


def metrics_recomputed(data: TaskData) -> CheckResult:
    """Test patents, accuracy and ROC-AUC of top1 in METRICS against PREDICTIONS.

    They are compared for each test split and for the headline. A metric that only one of the two has counts
    as 1, and so does another number of patents. Predictions that are not the most probable label count by
    their share.
    """
    predictions, metrics = data.predictions, data.metrics
    by_split = {str(split): rows for split, rows in predictions.groupby("split")}
    years = predictions[predictions["split"].str.fullmatch(r"test_\d{4}")]
    stored: list[tuple[str, ClassifierMetrics]] = [(metrics.headline, metrics), *metrics.splits.items()]
    stored += [(split, ClassifierMetrics()) for split in by_split if split not in metrics.splits]
    not_most_probable = float((predictions["of_predicted"] < predictions["most_probable"]).mean())
    worst = not_most_probable, "predictions that are not the most probable label"
    for split, values in stored:
        rows = by_split.get(split, years if split == metrics.headline else predictions[:0])
        differences = _differences(data, rows, values)
        worst = max(worst, *((difference, f"{name} of {split}") for name, difference in differences))
    details = f"{len(predictions):,} predictions, {len(stored)} test sets."
    if worst[0] > _ROUNDING:
        details += f" Largest difference: {worst[1]}."
    return METRICS.measured(worst[0], _ROUNDING, details)


def _differences(
    data: TaskData, rows: pd.DataFrame, stored: ClassifierMetrics
) -> Iterator[tuple[str, float]]:
    """Name of each metric, and the difference between METRICS and these predictions."""
    yield "patents", float(stored.examples != len(rows))
    accuracy = float((rows["truth"] == rows["predicted"]).mean()) if len(rows) else None
    yield "accuracy", _difference(stored.accuracy, accuracy)
    if TOP1 in data.label_names:
        stored_auc = stored.top1.roc_auc if stored.top1 else None
        yield "ROC-AUC of top1", _difference(stored_auc, _top1_auc(rows))


def _difference(stored: float | None, recomputed: float | None) -> float:
    """The absolute difference; 1 if only one of the two is defined."""
    if stored is None or recomputed is None:
        return float((stored is None) != (recomputed is None))
    return abs(stored - recomputed)


def _top1_auc(predictions: pd.DataFrame) -> float | None:
    """ROC-AUC of the probability of top1; None if all or none of the patents are top1."""
    truth = (predictions["truth"] == TOP1).to_numpy()
    if not 0 < truth.sum() < len(truth):
        return None
    return area_under_curve(truth, predictions["of_top1"].to_numpy())


def top1_auc(data: TaskData) -> CheckResult:
    """ROC-AUC of the probability of top1, from PREDICTIONS."""
    if TOP1 not in data.label_names:
        return TOP1_AUC.not_applicable("The task has no label top1.")
    auc = _top1_auc(data.predictions)
    top1 = int((data.predictions["truth"] == TOP1).sum())
    of_all = f"{top1:,} of {len(data.predictions):,} test patents are top1"
    if auc is None:
        return TOP1_AUC.not_made(f"{of_all}. Test more patents: add years to split.test_years.")
    return TOP1_AUC.measured(auc, data.settings.top1_auc, f"{of_all}.")


def upper_bound(data: TaskData) -> CheckResult:
    """The accuracy against the lowest known upper bound: a reference classifier in METRICS."""
    metrics = data.metrics
    bounds = [
        (reference.accuracy, reference.title)
        for reference in metrics.references.values()
        if reference.upper_bound and reference.accuracy is not None
    ]
    if not bounds or metrics.accuracy is None:
        return UPPER_BOUND.not_applicable("No upper bound of the accuracy is known for this release.")
    bound, title = min(bounds)
    details = f"{metrics.accuracy:.1%} on {metrics.examples:,} test patents; {title}: {bound:.1%}."
    return UPPER_BOUND.measured(metrics.accuracy - bound, sampling_noise(bound, metrics.examples), details)


def short_texts(data: TaskData) -> CheckResult:
    """By how much the accuracy drops with the test patents that min_tokens excluded.

    The calibrated model classifies a sample of them here."""
    predictions, excluded = data.predictions, _excluded_patents(data)
    accuracy = float((predictions["truth"] == predictions["predicted"]).mean())
    if excluded.empty:
        return SHORT_TEXTS.measured(0.0, _MAX_LOSS, f"No test patent was excluded; accuracy {accuracy:.1%}.")
    on_short = _accuracy_on_sample(data, excluded)
    n, n_short = len(predictions), len(excluded)
    on_all = (accuracy * n + on_short * n_short) / (n + n_short)
    details = (
        f"{accuracy:.1%} on {n:,} test patents; {on_short:.1%} on {n_short:,} with too few words; "
        f"{on_all:.1%} on all."
    )
    return SHORT_TEXTS.measured(accuracy - on_all, _MAX_LOSS, details)


def _excluded_patents(data: TaskData) -> pd.DataFrame:
    """patent_key of the patents in a test split that have no example."""
    splits = data.warehouse.splits
    tested = (splits["task"] == data.task) & splits["split"].map(is_test)
    members = splits.loc[tested, ["patent_key"]]
    return members[~members["patent_key"].isin(data.examples["patent_key"])]


def _accuracy_on_sample(data: TaskData, patents: pd.DataFrame) -> float:
    """The calibrated model's accuracy on a seeded sample of these patents."""
    size = min(len(patents), data.settings.sample_size)
    sample = patents.sample(size, random_state=data.settings.seed)
    truth = sample.merge(data.warehouse.labels, on="patent_key", how="left")[data.label_column].to_numpy()
    scorer = current_scorer(data.store, data.task)
    keys = sample["patent_key"].to_numpy()
    tokens, features = token_ids(data.store, keys, data.max_tokens), None
    if scorer.features:
        beside = known_of_patents(data.store, keys)
        known = [beside.get(key, {}) for key in keys.tolist()]
        features = encode_rows(scorer.features, known, np.count_nonzero(tokens, axis=1))
    predicted = np.array(scorer.labels)[scorer.probabilities(tokens, features=features).argmax(axis=1)]
    return float((predicted == truth).mean())
