"""The plots of a comparison: both runs by epoch, by test year and by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from patent_spark.experiments.compare.report_schema import Curve
from patent_spark.experiments.compare.tables import BASELINE, CANDIDATE
from patent_spark.metrics.report_schema import ClassMetrics, Metric, Metrics, SplitMetrics
from patent_spark.reporting.plots import INK, Style, plain, save, shade, with_gaps

_COLORS = {BASELINE: "#c05621", CANDIDATE: "#00425e"}
_MARKERS = {BASELINE: "s", CANDIDATE: "o"}
_RUNS = (BASELINE, CANDIDATE)
Curves = Mapping[str, Curve]


def draw_curves(path: Path, curves: tuple[Curves, Curves]) -> None:
    """Loss and accuracy by epoch: development solid, training dotted."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for run, by_name in zip(_RUNS, curves, strict=True):
            _draw_run(axes, run, by_name, measure)
        axes.set_title(measure, fontsize=10)
        axes.set_xlabel("epoch", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if measure == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        plain(axes)
        if axes.lines:
            axes.legend(frameon=False, fontsize=7.5)
    save(figure, path)


def _draw_run(axes: Axes, run: str, curves: Curves, measure: str) -> None:
    """A run's loss or accuracy: development, then training."""
    color = _COLORS[run]
    if points := curves.get(f"dev_{measure}"):
        style: Style = {"color": color, "marker": _MARKERS[run], "markersize": 4, "linewidth": 1.7}
        axes.plot(*zip(*points, strict=True), label=f"{run}, development", **style)
    if points := curves.get(f"train_{measure}"):
        style = {"color": color, "linestyle": ":", "linewidth": 1.7}
        axes.plot(*zip(*points, strict=True), label=f"{run}, training", **style)


def draw_metric_by_year(
    path: Path, runs: tuple[Metrics | None, Metrics | None], metric: Metric, title: str
) -> None:
    """A metric by test year; the 95 % interval of each run is shaded."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    for run, metrics in zip(_RUNS, runs, strict=True):
        if metrics and metrics.by_year:
            _draw_years(axes, run, metrics.by_year, metric)
    axes.set_ylabel(title, fontsize=9)
    axes.set_xlabel("grant year of the test patents", fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1) if metric == Metric.ACCURACY else "{x:.2f}")
    plain(axes)
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def _draw_years(axes: Axes, run: str, by_year: Mapping[str, SplitMetrics], metric: Metric) -> None:
    years, color = list(by_year), _COLORS[run]
    values = with_gaps([each.value(metric) for each in by_year.values()])
    style: Style = {"color": color, "marker": _MARKERS[run], "markersize": 5, "linewidth": 1.8}
    axes.plot(years, values, label=run, **style)
    shade(axes, years, [each.interval(metric) for each in by_year.values()], color)


def draw_labels(
    path: Path,
    baseline: Mapping[str, ClassMetrics],
    candidate: Mapping[str, ClassMetrics],
    labels: Sequence[str],
    named: int = 10,
) -> None:
    """F1 of each label, the candidate's over the baseline's; the largest differences are named."""
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    axes = figure.subplots()
    points = {label: (baseline[label].f1 or 0.0, candidate[label].f1 or 0.0) for label in labels}
    sizes = [12 + 3 * max(baseline[label].support, candidate[label].support) ** 0.5 for label in labels]
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    across, up = zip(*points.values(), strict=True)
    axes.scatter(across, up, s=sizes, color=_COLORS[CANDIDATE], alpha=0.55, linewidths=0)
    for label in sorted(labels, key=lambda label: -abs(points[label][1] - points[label][0]))[:named]:
        axes.annotate(label, points[label], xytext=(4, 3), textcoords="offset points", fontsize=8)
    axes.set_xlabel(f"F1, {BASELINE}", fontsize=9)
    axes.set_ylabel(f"F1, {CANDIDATE}", fontsize=9)
    plain(axes)
    save(figure, path)
