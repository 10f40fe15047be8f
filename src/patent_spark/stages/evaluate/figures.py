"""The figures that the report shows of a task, with their captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.metadata import EpochRecord
from patent_spark.metrics.baselines import NAMES
from patent_spark.metrics.cells import metric_name, shown_baselines, split_name
from patent_spark.metrics.report_schema import (
    CalibrationMetrics,
    LabelReliability,
    Metric,
    Metrics,
    Reliability,
    SplitMetrics,
)
from patent_spark.reporting.html import Picture, picture, share
from patent_spark.reporting.plots import (
    BASELINE_STYLES,
    MODEL_STYLE,
    OTHER_STYLE,
    REFERENCE_STYLE,
    Line,
    draw_by_year,
)
from patent_spark.stages.evaluate import plots

_FEW_LABELS, _MANY_LABELS = 6, 30


def draw_figures(task: str, metrics: Metrics, history: Sequence[EpochRecord], folder: Path) -> list[Picture]:
    """Draw the figures of a task into the folder, as PNG files."""
    figures = _confusions(task, metrics, folder)
    if len(metrics.by_year or {}) > 1:
        figures.append(_by_year(folder / f"{task}_by_year.png", metrics, Metric.ACCURACY))
        if metrics.top1 is not None:
            figures.append(_by_year(folder / f"{task}_top1_by_year.png", metrics, Metric.TOP1_PR_AUC))
    if metrics.examples and metrics.calibration is not None:
        figures.append(_reliability(folder / f"{task}_reliability.png", metrics.calibration))
    if history:
        path = folder / f"{task}_training.png"
        plots.draw_training(path, history)
        kept = metrics.kept_epoch
        weights = f"; the weights of epoch {kept} were kept." if kept else "."
        figures.append(picture(path, f"Training by epoch{weights}"))
    return figures


def _confusions(task: str, metrics: Metrics, folder: Path) -> list[Picture]:
    """The confusion matrix normalised by row and by column; for few labels, one for each test split."""
    figures = []
    for direction, diagonal in (("row", "recall"), ("column", "precision")):
        path = folder / f"{task}_confusion_by_{direction}.png"
        shown = "matrix"
        if len(metrics.labels) <= _FEW_LABELS:
            matrices = {split_name(name): _matrix(split) for name, split in metrics.splits.items()}
            plots.draw_confusions(path, matrices, metrics.labels, direction)
            shown = "matrices by test year," if metrics.by_year else "matrices,"
        else:
            plots.draw_confusion(path, _matrix(metrics), metrics.labels, direction)
        caption = f"Confusion {shown} normalised by {direction}; the diagonal is {diagonal}."
        many = len(metrics.labels) > _MANY_LABELS
        if many:
            caption += " Lines separate the CPC sections. Click to enlarge."
        figures.append(picture(path, caption, "wide" if many else "whole" if metrics.by_year else "half"))
    return figures


def _matrix(split: SplitMetrics) -> NDArray[np.int64]:
    return np.array(split.confusion.matrix if split.confusion else [], np.int64)


def _by_year(path: Path, metrics: Metrics, metric: Metric) -> Picture:
    """A line for the model with its interval, for each baseline, and for each reference that has the
    metric."""
    years = metrics.by_year or {}
    parts = list(years.values())
    model = Line("this model", MODEL_STYLE, [part.value(metric) for part in parts])
    lines = [
        Line(
            NAMES[name],
            BASELINE_STYLES.get(name, OTHER_STYLE),
            [part.baselines[name].value(metric) for part in parts],
        )
        for name in shown_baselines(parts)
    ]
    lines += [
        Line(each.title, REFERENCE_STYLE, [part.references[name].value(metric) for part in parts])
        for name, each in metrics.references.items()
        if each.upper_bound and each.value(metric) is not None
    ]
    name = metric_name(metric)
    name = name[0].upper() + name[1:]
    intervals = [part.interval(metric) for part in parts]
    draw_by_year(path, list(years), [model, *lines], intervals, name, shares=metric == Metric.ACCURACY)
    return picture(path, f"{name} by grant year of the test patents. Shaded: the model's 95 % interval.")


def _reliability(path: Path, calibration: CalibrationMetrics) -> Picture:
    """Reliability of the most probable label, and of top1 if there is such a label."""
    both = {"before": calibration.before, "after": calibration.after}
    panels: dict[str, dict[str, Reliability]] = {"most probable label": dict(both)}
    if calibration.before.top1 and calibration.after.top1:
        panels["top1"] = {"before": calibration.before.top1, "after": calibration.after.top1}
    plots.draw_reliability(path, panels)
    errors = [
        f"{name}: {share(panel['before'].ece)} before, {share(panel['after'].ece)} after"
        for name, panel in panels.items()
    ]
    if calibration.temperature_alone is not None:
        errors.append(_temperature_errors(calibration.temperature, calibration.temperature_alone))
    caption = (
        "Reliability: the observed share of ten groups of equally many patents against their predicted "
        f"probability. {_how_calibrated(calibration)} Expected calibration error, {'; '.join(errors)}."
    )
    return picture(path, caption, "half" if len(panels) == 1 else "whole")


def _how_calibrated(calibration: CalibrationMetrics) -> str:
    if calibration.learned_on is None:
        return "Not calibrated: there are no development patents."
    how = f"Temperature {calibration.temperature:.2f}"
    if calibration.combination:
        weights = calibration.combination
        how = f"Network and linear model to the powers {weights.network:.2f} and {weights.linear:.2f}. {how}"
    if calibration.slopes:
        how = "A slope and an intercept for each level"
    return f"{how}, fitted on {calibration.patents:,} development patents ({calibration.why})."


def _temperature_errors(temperature: float, alone: LabelReliability) -> str:
    top1 = f" and {share(alone.top1.ece)} (top1)" if alone.top1 else ""
    return f"with a temperature alone ({temperature:.2f}): {share(alone.ece)}{top1}"
