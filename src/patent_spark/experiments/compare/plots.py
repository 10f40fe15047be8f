"""A comparison's figures: both runs by epoch, by test year and by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from patent_spark.experiments.compare.tables import ONE, OTHER
from patent_spark.reporting.plots import INK, plain, save

_COLOURS = {ONE: "#c05621", OTHER: "#00425e"}
_MARKERS = {ONE: "s", OTHER: "o"}
Curves = Mapping[str, Sequence[tuple[int, float]]]


def draw_curves(path: Path, curves: tuple[Curves, Curves]) -> None:
    """Loss and accuracy by epoch: development solid, training dotted."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for run, told in zip((ONE, OTHER), curves, strict=True):
            for side, style in (
                ("dev", {"marker": _MARKERS[run], "markersize": 4}),
                ("train", {"linestyle": ":"}),
            ):
                if points := told.get(f"{side}_{measure}"):
                    name = f"{run}, {'development' if side == 'dev' else 'training'}"
                    axes.plot(
                        *zip(*points, strict=True), color=_COLOURS[run], linewidth=1.7, label=name, **style
                    )
        axes.set_title(measure, fontsize=10)
        axes.set_xlabel("epoch", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if measure == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        plain(axes)
        if axes.lines:
            axes.legend(frameon=False, fontsize=7.5)
    save(figure, path)


def draw_by_year(
    path: Path, results: Sequence[Mapping[str, Any] | None], figure_place: str, name: str
) -> None:
    """A figure by test year, each run's 95 % interval shaded."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    family, _, figure_name = figure_place.rpartition(".")
    for run, result in zip((ONE, OTHER), results, strict=True):
        years = (result or {}).get("by_year", {})
        parts = [year[family] if family else year for year in years.values()]
        values = [float("nan") if part[figure_name] is None else part[figure_name] for part in parts]
        axes.plot(
            list(years),
            values,
            color=_COLOURS[run],
            marker=_MARKERS[run],
            markersize=5,
            linewidth=1.8,
            label=run,
        )
        low, high = (
            zip(
                *(part["intervals"].get(figure_name) or (float("nan"), float("nan")) for part in parts),
                strict=True,
            )
            if parts
            else ((), ())
        )
        axes.fill_between(list(years), low, high, color=_COLOURS[run], alpha=0.13, linewidth=0)
    axes.set_ylabel(name, fontsize=9)
    axes.set_xlabel("grant year of the test patents", fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1) if name == "Accuracy" else "{x:.2f}")
    plain(axes)
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def draw_labels(
    path: Path, one: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]], named: int = 10
) -> None:
    """F1 of each label that both know, the second run's over the first's; those that moved most are named."""
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    axes = figure.subplots()
    labels = [label for label in one if label in other]
    points = {label: (one[label]["f1"], other[label]["f1"]) for label in labels}
    sizes = [12 + 3 * max(one[label]["support"], other[label]["support"]) ** 0.5 for label in labels]
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    across, up = zip(*points.values(), strict=True)
    axes.scatter(across, up, s=sizes, color=_COLOURS[OTHER], alpha=0.55, linewidths=0)
    for label in sorted(labels, key=lambda label: -abs(points[label][1] - points[label][0]))[:named]:
        axes.annotate(label, points[label], xytext=(4, 3), textcoords="offset points", fontsize=8)
    axes.set_xlabel(f"F1, {ONE}", fontsize=9)
    axes.set_ylabel(f"F1, {OTHER}", fontsize=9)
    plain(axes)
    save(figure, path)
