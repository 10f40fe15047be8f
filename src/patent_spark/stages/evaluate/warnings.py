"""Warnings about a task's metrics, for METRICS and the top of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from patent_spark.core.schemas import TOP1
from patent_spark.metrics.baselines import MAJORITY, NAMES
from patent_spark.metrics.bootstrap import BETTER, WORSE
from patent_spark.metrics.report_schema import FEW_PATENTS, Metric, Metrics, MetricWarning, WarningCode
from patent_spark.reporting.html import interval_range, share, signed

_SMALL_TEST_SET = 1000
_RATIO = 1.5  # between a level's share of the training and of the test patents
_MOVED = 0.1  # share of the patents that would need another class for both distributions to be equal
_P_VALUE = 0.001  # of a chi-squared test between both distributions
_STANDARD_ERRORS = 3
_NAMED = 8

_COMPARED = {
    Metric.ACCURACY: "accuracy",
    Metric.MACRO_F1: "macro F1",
    Metric.TOP1_PR_AUC: "PR-AUC of top1",
}

TrainingLabels = Mapping[str, int]
"""Training patents of each label."""


def metric_warnings(
    metrics: Metrics, training: TrainingLabels, suspicious_top1_auc: float
) -> list[MetricWarning]:
    """Warnings about a task; suspicious_top1_auc: a ROC-AUC of top1 above it is too good to be true."""
    return [
        *_small_test_set(metrics),
        *_not_better_than_baselines(metrics),
        *_above_upper_bound(metrics),
        *_labels_without_training_or_prediction(metrics, training),
        *_few_of_a_label(metrics),
        *_label_shift(metrics, training),
        *_drift(metrics),
        *_suspicious_top1(metrics, suspicious_top1_auc),
    ]


def _warning(code: WarningCode, message: str, **facts: Any) -> MetricWarning:
    return MetricWarning(code=code, message=message, facts=facts)


def _small_test_set(metrics: Metrics) -> list[MetricWarning]:
    if metrics.examples >= _SMALL_TEST_SET or metrics.accuracy_interval is None:
        return []
    low, high = metrics.accuracy_interval
    message = (
        f"There are only {metrics.examples:,} test patents: the 95 % interval of the accuracy is "
        f"{share(low)} to {share(high)}."
    )
    return [_warning(WarningCode.SMALL_TEST_SET, message, patents=metrics.examples, low=low, high=high)]


def _not_better_than_baselines(metrics: Metrics) -> list[MetricWarning]:
    accuracy = metrics.accuracy or 0.0
    if accuracy <= (metrics.baselines[MAJORITY].accuracy or 0.0):
        message = (
            f"The model ({share(accuracy)}) is no better than always predicting the most frequent label. "
            "It has learned nothing useful."
        )
        return [_warning(WarningCode.NOT_BETTER_THAN_MAJORITY, message, accuracy=accuracy)]
    warnings = []
    for metric, name in _COMPARED.items():
        best = metrics.best_baseline.get(metric)
        if best is None or best.verdict == BETTER:
            continue
        interval = "" if best.interval is None else f", 95 % interval {interval_range(best.interval)}"
        where = f"{NAMES[best.baseline]} in {name} ({signed(best.difference)}{interval})"
        facts = {"metric": str(metric), "baseline": best.baseline, "difference": best.difference or 0.0}
        if best.verdict == WORSE:
            message = f"The model is worse than {where}. It needs more data, more epochs or other settings."
            warnings.append(_warning(WarningCode.WORSE_THAN_BASELINE, message, **facts))
        else:
            message = f"The model is not significantly better than {where} on these test patents."
            warnings.append(_warning(WarningCode.NOT_BETTER_THAN_BASELINE, message, **facts))
    return warnings


def _above_upper_bound(metrics: Metrics) -> list[MetricWarning]:
    warnings = []
    for reference in metrics.references.values():
        bound = reference.accuracy
        if bound is None or not reference.upper_bound or metrics.accuracy is None:
            continue
        error = math.sqrt(bound * (1 - bound) / max(1, metrics.examples))
        if metrics.accuracy > bound + _STANDARD_ERRORS * error:
            message = (
                f"The accuracy ({share(metrics.accuracy)}) is above the upper bound of this release, "
                f"{reference.title} ({share(bound)}). Look for a leak."
            )
            facts = {"accuracy": metrics.accuracy, "bound": bound}
            warnings.append(_warning(WarningCode.ABOVE_UPPER_BOUND, message, **facts))
    return warnings


def _labels_without_training_or_prediction(metrics: Metrics, training: TrainingLabels) -> list[MetricWarning]:
    matrix = metrics.confusion.matrix if metrics.confusion else []
    present = {label for label, patents in _tested(metrics).items() if patents}
    predicted = {label for i, label in enumerate(metrics.labels) if any(row[i] for row in matrix)}
    warnings = []
    untrained = sorted(label for label in present if not training.get(label))
    if untrained:
        message = (
            f"{_labels(untrained)} test patents but no training patents: "
            "all predictions for these patents are errors."
        )
        warnings.append(_warning(WarningCode.UNTRAINED_LABELS, message, labels=untrained))
    never = sorted(present - predicted - set(untrained))
    if never:
        message = f"{_labels(never)} test patents but are never predicted."
        warnings.append(_warning(WarningCode.NEVER_PREDICTED, message, labels=never))
    return warnings


def _few_of_a_label(metrics: Metrics) -> list[MetricWarning]:
    few = sorted(label for label, each in metrics.per_class.items() if each.too_few)
    if not few:
        return []
    message = (
        f"{_labels(few)} fewer than {FEW_PATENTS} test patents: too few for metrics of their own. In macro "
        "F1 they count as much as labels with many."
    )
    return [_warning(WarningCode.FEW_OF_A_LABEL, message, labels=few)]


def _label_shift(metrics: Metrics, training: TrainingLabels) -> list[MetricWarning]:
    """Labels whose share of the test patents differs from that of the training patents, where calibration
    is fitted."""
    learned = {label: training.get(label, 0) for label in metrics.labels}
    tested = _tested(metrics)
    totals = sum(learned.values()), sum(tested.values())
    if not all(totals):
        return []
    if TOP1 in tested:
        return _level_shift(learned, tested, totals)
    return _class_shift(learned, tested, totals)


def _level_shift(
    learned: TrainingLabels, tested: Mapping[str, int], totals: tuple[int, int]
) -> list[MetricWarning]:
    from scipy.stats import chi2_contingency

    warnings = []
    for label in tested:
        shares = learned[label] / totals[0], tested[label] / totals[1]
        if max(shares) <= _RATIO * min(shares):
            continue
        counts = [[learned[label], totals[0] - learned[label]], [tested[label], totals[1] - tested[label]]]
        if chi2_contingency(counts).pvalue < _P_VALUE:
            message = (
                f"{label} is {share(shares[0])} of the training patents but {share(shares[1])} of the test "
                "patents, a significant difference. Its probabilities are calibrated to the training patents "
                "and are off by as much. A likely cause is small reference sets that grow over the years: "
                "the top 1 % of a dozen patents is one patent. See label.reference_set."
            )
            facts = {"label": label, "training": shares[0], "test": shares[1]}
            warnings.append(_warning(WarningCode.LABEL_SHIFT, message, **facts))
    return warnings


def _class_shift(
    learned: TrainingLabels, tested: Mapping[str, int], totals: tuple[int, int]
) -> list[MetricWarning]:
    from scipy.stats import chi2_contingency

    present = [label for label in tested if learned[label] + tested[label]]
    shares = [(learned[label] / totals[0], tested[label] / totals[1]) for label in present]
    moved = sum(abs(one - other) for one, other in shares) / 2
    if moved <= _MOVED:
        return []
    counts = [[each[label] for label in present] for each in (learned, tested)]
    if chi2_contingency(counts).pvalue >= _P_VALUE:
        return []
    message = (
        "The classes of the test patents are distributed differently from those of the training patents: "
        f"{share(moved)} of the patents would need another class for both to be equal."
    )
    return [_warning(WarningCode.CLASS_SHIFT, message, moved=moved)]


def _drift(metrics: Metrics) -> list[MetricWarning]:
    years = sorted(metrics.by_year or {})
    if len(years) < 2 or metrics.by_year is None:
        return []
    first, last = metrics.by_year[years[0]], metrics.by_year[years[-1]]
    if first.accuracy is None or last.accuracy is None:
        return []
    error = math.sqrt(0.25 / max(1, first.examples) + 0.25 / max(1, last.examples))
    if first.accuracy - last.accuracy <= max(0.05, 2 * error):
        return []
    message = (
        f"Accuracy falls from {share(first.accuracy)} in {years[0]} to {share(last.accuracy)} in "
        f"{years[-1]}: the model or the labels age."
    )
    facts = {"first_year": years[0], "first": first.accuracy, "last_year": years[-1], "last": last.accuracy}
    return [_warning(WarningCode.DRIFT, message, **facts)]


def _suspicious_top1(metrics: Metrics, suspicious: float) -> list[MetricWarning]:
    auc = metrics.value(Metric.TOP1_ROC_AUC)
    if auc is None or auc <= suspicious:
        return []
    message = (
        f"The ROC-AUC of top1 is {auc:.3f}. Text alone should not identify the most cited patents so well; "
        "look for a leak first."
    )
    return [_warning(WarningCode.SUSPICIOUS_TOP1, message, roc_auc=auc)]


def _tested(metrics: Metrics) -> dict[str, int]:
    """Test patents of each label."""
    matrix = metrics.confusion.matrix if metrics.confusion else []
    return {label: sum(row) for label, row in zip(metrics.labels, matrix, strict=True)}


def _labels(labels: list[str]) -> str:
    """`1 label (D) has` or `2 labels (C, D) have`."""
    named = ", ".join(labels[:_NAMED]) + (", ..." if len(labels) > _NAMED else "")
    return f"1 label ({named}) has" if len(labels) == 1 else f"{len(labels)} labels ({named}) have"
