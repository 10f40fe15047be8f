"""The report's figures: confusion matrices by row and by column (figures 3 to 6 of the paper), curves.

Each function draws one figure into a PNG file. Colours are perceptually uniform and read in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from patent_spark.metrics.classification import by_column, by_row
from patent_spark.reporting.plots import GREY, INK, RAMP, plain, save

_COLOURS = LinearSegmentedColormap.from_list("patent_spark", RAMP)
_SCALE = PowerNorm(0.5, 0, 1)  # the square root: a confusion of 4 % is seen, and one of 1 % is not lost
_MANY, _NUMBERED = 30, 12
_TICKS = (0, 0.05, 0.2, 0.5, 1)
_STYLES: dict[str, dict[str, Any]] = {
    "this model": {"color": "#00425e", "linewidth": 2.4, "marker": "o", "markersize": 6},
    "TF-IDF + linear": {"color": "#c05621", "linewidth": 1.6, "marker": "s", "markersize": 4.5},
    "TF-IDF nearest": {"color": "#d69e2e", "linewidth": 1.2, "marker": "D", "markersize": 3.5},
    "majority class": {"color": GREY, "linewidth": 1.4, "marker": "^", "markersize": 4.5},
    "class prior": {"color": GREY, "linewidth": 1.2, "linestyle": ":", "marker": "v", "markersize": 4},
    "best attainable": {"color": "#2f855a", "linewidth": 1.6, "linestyle": "--"},
}
_DIRECTIONS = {
    "row": (by_row, "share of the true label's patents"),
    "column": (by_column, "share of the predicted label's patents"),
}


def draw_confusion(path: Path, matrix: NDArray[Any], labels: Sequence[str], direction: str) -> None:
    """One matrix, normalised by `row` or by `column`; legible at 125 labels. Colour grows with the square root."""
    normalise, meaning = _DIRECTIONS[direction]
    shares, many = normalise(matrix), len(labels) > _MANY
    size = 17.0 if many else max(5.0, 2.2 + 0.24 * len(labels))
    figure = Figure(figsize=(size, size * 1.03), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap=_COLOURS, norm=_SCALE, interpolation="nearest")
    points = min(9.0, 900 / len(labels)) if many else 9
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=points)
    axes.set_yticks(range(len(labels)), labels, fontsize=points)
    axes.tick_params(length=1.5, pad=1.5, top=many, right=many, labeltop=many, labelright=many)
    if len(labels) <= _NUMBERED:
        _write_numbers(axes, shares)
    for edge in _section_edges(labels) if many else []:
        axes.axhline(edge, color=GREY, linewidth=0.6)
        axes.axvline(edge, color=GREY, linewidth=0.6)
    large = 14 if many else 9
    axes.set_xlabel("predicted class", fontsize=large)
    axes.set_ylabel("true class", fontsize=large)
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


def draw_confusions(
    path: Path, matrices: Mapping[str, NDArray[Any]], labels: Sequence[str], direction: str
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


def draw_by_year(
    path: Path,
    years: Sequence[str],
    lines: Mapping[str, Sequence[float | None]],
    interval: Sequence[Sequence[float] | None],
    name: str,
) -> None:
    """A figure by test year: a line for the model, its interval shaded, and lines for each baseline and the attainable."""
    figure = Figure(figsize=(6.4, 3.0), layout="constrained")
    axes = figure.subplots()
    for line, values in lines.items():
        axes.plot(
            years, [float("nan") if value is None else value for value in values], label=line, **_STYLES[line]
        )
    low, high = zip(
        *((float("nan"), float("nan")) if ends is None else ends for ends in interval), strict=True
    )
    axes.fill_between(years, low, high, color=_STYLES["this model"]["color"], alpha=0.13, linewidth=0)
    axes.set_ylabel(name, fontsize=9)
    axes.set_xlabel("grant year of the test patents", fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1) if name == "Accuracy" else "{x:.2f}")
    axes.margins(y=0.12)
    plain(axes)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


def draw_reliability(path: Path, panels: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """How often it came true against the probability, before and after calibration: a panel for each thing foretold."""
    figure = Figure(figsize=(0.6 + 3.6 * len(panels), 3.5), layout="constrained")
    styles = {
        "before": {"color": GREY, "marker": "s", "markersize": 4, "linewidth": 1.2},
        "after": _STYLES["this model"],
    }
    for axes, (name, times) in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels.items(), strict=True
    ):
        seen: list[float] = []
        for time, told in times.items():
            points = [(each["probability"], each["share"]) for each in told["bins"]]
            axes.plot(*zip(*points, strict=True), label=f"{time} calibration", **styles[time])
            seen += [value for point in points for value in point]
        axes.plot(
            [0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="probabilities mean what they say"
        )
        margin = 0.06 * (max(seen) - min(seen)) + 1e-3
        axes.set_xlim(max(0, min(seen) - margin), min(1, max(seen) + margin))
        axes.set_ylim(*axes.get_xlim())
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("mean probability", fontsize=9)
        axes.set_ylabel("share that came true", fontsize=9)
        axes.locator_params(nbins=6)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, 1 if max(seen) - min(seen) < 0.2 else 0))
        plain(axes)
        axes.legend(frameon=False, fontsize=7.5, loc="lower right")
    save(figure, path)


def draw_training(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Loss and accuracy by epoch on the training and the development patents."""
    figure = Figure(figsize=(6.4, 3.0), layout="constrained")
    epochs = [int(entry.get("epoch", i + 1)) for i, entry in enumerate(history)]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for side, style in (("train", _STYLES["majority class"]), ("dev", _STYLES["this model"])):
            name = f"{side}_{measure}"
            if any(name in entry for entry in history):
                values = [entry.get(name, float("nan")) for entry in history]
                axes.plot(epochs, values, label={"train": "training", "dev": "development"}[side], **style)
        axes.set_xlabel("epoch", fontsize=9)
        axes.set_title(measure, fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if measure == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        plain(axes)
        axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def _write_numbers(axes: Any, shares: NDArray[Any]) -> None:
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
