"""Plots of the report: confusion matrices (figures 3 to 6 of the paper), reliability, training curves.

Each function draws one figure into a PNG file. Colours are perceptually uniform and can be told apart in
grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from patent_spark.core.metadata import EpochRecord
from patent_spark.metrics.classification import by_column, by_row
from patent_spark.metrics.report_schema import Reliability
from patent_spark.reporting.plots import (
    BASELINE_STYLES,
    GREY,
    INK,
    MODEL_STYLE,
    RAMP,
    Line,
    Style,
    plain,
    plot_lines,
    save,
)

_COLOURS = LinearSegmentedColormap.from_list("patent_spark", RAMP)
_SCALE = PowerNorm(0.5, 0, 1)  # the square root, so that confusions of a few per cent are visible
_MANY = 30
"""More labels than this: a large figure."""
_NUMBERED = 12
"""At most this many labels: numbers in the cells."""
_NAMED = 160
"""More labels than this: the axes name classes in place of subclasses."""
_TICKS = (0, 0.05, 0.2, 0.5, 1)
_TIME_STYLES: Mapping[str, Style] = {
    "before": {"color": GREY, "marker": "s", "markersize": 4, "linewidth": 1.2},
    "after": MODEL_STYLE,
}
_SIDES = {"train": "training", "dev": "development"}
_SIDE_STYLES: Mapping[str, Style] = {"train": BASELINE_STYLES["majority"], "dev": MODEL_STYLE}
_DIRECTIONS = {
    "row": (by_row, "share of the true label's patents"),
    "column": (by_column, "share of the predicted label's patents"),
}


def draw_confusion(path: Path, matrix: NDArray[np.int64], labels: Sequence[str], direction: str) -> None:
    """One matrix, normalised by `row` or by `column`; legible at 125 labels. Colour is by the square root."""
    normalise, meaning = _DIRECTIONS[direction]
    shares, many = normalise(matrix), len(labels) > _MANY
    size = 17.0 if many else max(5.0, 2.2 + 0.24 * len(labels))
    figure = Figure(figsize=(size, size * 1.03), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap=_COLOURS, norm=_SCALE, interpolation="nearest")
    places, names = _ticks(labels)
    points = min(9.0, 900 / len(names)) if many else 9
    axes.set_xticks(places, names, rotation=90, fontsize=points)
    axes.set_yticks(places, names, fontsize=points)
    axes.tick_params(length=1.5, pad=1.5, top=many, right=many, labeltop=many, labelright=many)
    if len(labels) <= _NUMBERED:
        _write_numbers(axes, shares)
    for edge in _section_edges(labels) if many else []:
        axes.axhline(edge, color=GREY, linewidth=0.6)
        axes.axvline(edge, color=GREY, linewidth=0.6)
    large = 14 if many else 9
    axes.set_xlabel("predicted label", fontsize=large)
    axes.set_ylabel("true label", fontsize=large)
    bar = figure.colorbar(
        image,
        ax=axes,
        location="bottom",
        shrink=0.4,
        pad=0.015,
        aspect=40,
        format=PercentFormatter(1, 0),
        ticks=_TICKS,
    )
    bar.ax.tick_params(labelsize=large - 2)
    bar.set_label(meaning, fontsize=large - 1)
    save(figure, path)


def _ticks(labels: Sequence[str]) -> tuple[list[float], list[str]]:
    """Positions and names of the ticks: each label, or each class in the middle of its many subclasses.

    labels: in the order of the alphabet, so the subclasses of a class stand together.
    """
    if len(labels) <= _NAMED:
        return [float(place) for place in range(len(labels))], list(labels)
    members: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        members.setdefault(label[:3], []).append(place)
    return [(own[0] + own[-1]) / 2 for own in members.values()], list(members)


def draw_confusions(
    path: Path, matrices: Mapping[str, NDArray[np.int64]], labels: Sequence[str], direction: str
) -> None:
    """A small matrix for each test split, its numbers in the cells, normalised by `row` or by `column`."""
    normalise, meaning = _DIRECTIONS[direction]
    columns = min(3, len(matrices))
    rows = -(-len(matrices) // columns)
    figure = Figure(figsize=(0.6 + 3.5 * columns, 0.4 + 3.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(matrices) :]:
        axes.set_axis_off()
    for axes, (name, matrix) in zip(panels.flat, matrices.items(), strict=False):
        shares = normalise(matrix)
        image = axes.imshow(shares, cmap=_COLOURS, norm=_SCALE)
        _write_numbers(axes, shares)
        axes.set_xticks(
            range(len(labels)), labels, rotation=35, ha="right", fontsize=8, rotation_mode="anchor"
        )
        axes.set_yticks(range(len(labels)), labels, fontsize=8)
        axes.set_title(f"{name}   n = {int(matrix.sum()):,}", fontsize=10)
        axes.tick_params(length=0)
    figure.supxlabel("predicted label", fontsize=10)
    figure.supylabel("true label", fontsize=10)
    bar = figure.colorbar(
        image, ax=panels, shrink=0.6, aspect=30, format=PercentFormatter(1, 0), ticks=_TICKS
    )
    bar.set_label(meaning, fontsize=9)
    save(figure, path)


def draw_reliability(path: Path, panels: Mapping[str, Mapping[str, Reliability]]) -> None:
    """Observed share against predicted probability, before and after calibration; a panel for each event."""
    figure = Figure(figsize=(0.6 + 3.6 * len(panels), 3.5), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False)
    for axes, (name, panel) in zip(grid.flat, panels.items(), strict=True):
        _draw_reliability_panel(axes, panel)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("mean predicted probability", fontsize=9)
        axes.set_ylabel("observed share", fontsize=9)
        plain(axes)
        axes.legend(frameon=False, fontsize=7.5, loc="lower right")
    save(figure, path)


def _draw_reliability_panel(axes: Axes, panel: Mapping[str, Reliability]) -> None:
    """panel: reliability by time, `before` and `after`."""
    shown: list[float] = []
    for time, reliability in panel.items():
        points = [(each.probability, each.share) for each in reliability.bins]
        axes.plot(*zip(*points, strict=True), label=f"{time} calibration", **_TIME_STYLES[time])
        shown += [value for point in points for value in point]
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="perfectly calibrated")
    margin = 0.06 * (max(shown) - min(shown)) + 1e-3
    axes.set_xlim(max(0, min(shown) - margin), min(1, max(shown) + margin))
    axes.set_ylim(*axes.get_xlim())
    axes.locator_params(nbins=6)
    decimals = 1 if max(shown) - min(shown) < 0.2 else 0
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals))


def draw_training(path: Path, history: Sequence[EpochRecord]) -> None:
    """Loss and accuracy by epoch on the training and the development patents."""
    figure = Figure(figsize=(6.4, 3.0), layout="constrained")
    epochs = [epoch.epoch for epoch in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for side, style in _SIDE_STYLES.items():
            values: list[float | None] = [getattr(epoch, f"{side}_{name}") for epoch in history]
            if any(value is not None for value in values):
                plot_lines(axes, epochs, [Line(_SIDES[side], style, values)])
        axes.set_xlabel("epoch", fontsize=9)
        axes.set_title(name, fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        plain(axes)
        axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def _write_numbers(axes: Axes, shares: NDArray[np.float64]) -> None:
    for row, column in np.ndindex(*shares.shape):
        share = shares[row, column]
        colour = "white" if _SCALE(share) > 0.5 else INK
        axes.text(
            column,
            row,
            f"{share:.2f}" if share else "0",
            ha="center",
            va="center",
            fontsize=8.5,
            color=colour,
        )


def _section_edges(labels: Sequence[str]) -> list[float]:
    """Between labels whose first letter, the CPC section, differs."""
    return [i - 0.5 for i in range(1, len(labels)) if labels[i][:1] != labels[i - 1][:1]]
