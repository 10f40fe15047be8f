"""What all plots have in common: colours that can be told apart in grey, plain axes, PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

INK, GREY, BLUE = "#1f2933", "#8794a0", "#00425e"
GRID = "#e4e7eb"

RAMP = ("#ffffff", "#c3e6f0", "#92cbdf", "#67aecd", "#4591b6", "#30749b", "#27577a", "#243c57", "#1e242f")
"""Lightness falls in equal steps of CIELAB's L*, from 100 to 14; hue turns from cyan to blue."""

Style = Mapping[str, Any]
"""Keyword arguments of matplotlib's `plot`."""

MODEL_STYLE: Style = {"color": BLUE, "linewidth": 2.4, "marker": "o", "markersize": 6}
BASELINE_STYLES: Mapping[str, Style] = {
    "tfidf_linear": {"color": "#c05621", "linewidth": 1.6, "marker": "s", "markersize": 4.5},
    "tfidf_linear_features": {"color": "#97266d", "linewidth": 1.4, "marker": "P", "markersize": 4.5},
    "tfidf_nearest": {"color": "#d69e2e", "linewidth": 1.2, "marker": "D", "markersize": 3.5},
    "majority": {"color": GREY, "linewidth": 1.4, "marker": "^", "markersize": 4.5},
    "class_prior": {"color": GREY, "linewidth": 1.2, "linestyle": ":", "marker": "v", "markersize": 4},
}
"""By baseline."""
OTHER_STYLE: Style = {"color": GREY, "linewidth": 1.2, "marker": "x", "markersize": 4}
"""Of a baseline without a style of its own."""
REFERENCE_STYLE: Style = {"color": "#2f855a", "linewidth": 1.6, "linestyle": "--"}

_DPI = 130


@dataclass(frozen=True)
class Line:
    """A line of a plot: a value for each place on the x axis, None where there is none."""

    name: str
    style: Style = field(default_factory=dict)
    values: Sequence[float | None] = ()


def plain(axes: Axes) -> None:
    """Two spines, light horizontal lines, small numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG on white."""
    figure.savefig(path, dpi=_DPI, facecolor="white")


def draw_by_year(
    path: Path,
    years: Sequence[str],
    lines: Sequence[Line],
    intervals: Sequence[Sequence[float] | None],
    name: str,
    *,
    shares: bool,
) -> None:
    """A metric by test year.

    The interval of the first line is shaded; shares: values are shown as percentages.
    """
    figure = Figure(figsize=(6.4, 3.0), layout="constrained")
    axes = figure.subplots()
    plot_lines(axes, years, lines)
    shade(axes, years, intervals, lines[0].style.get("color", INK))
    axes.set_ylabel(name, fontsize=9)
    axes.set_xlabel("grant year of the test patents", fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1) if shares else "{x:.2f}")
    axes.margins(y=0.12)
    plain(axes)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


def plot_lines(axes: Axes, x: Sequence[Any], lines: Sequence[Line]) -> None:
    """Draw lines with gaps where a value is missing."""
    for line in lines:
        axes.plot(x, with_gaps(line.values), label=line.name, **line.style)


def shade(axes: Axes, x: Sequence[Any], intervals: Sequence[Sequence[float] | None], color: str) -> None:
    """Shade intervals, with gaps where one is missing."""
    nothing = (float("nan"), float("nan"))
    low, high = zip(*(nothing if ends is None else tuple(ends) for ends in intervals), strict=True)
    axes.fill_between(x, low, high, color=color, alpha=0.13, linewidth=0)


def with_gaps(values: Sequence[float | None]) -> list[float]:
    """NaN, which matplotlib leaves out, for each missing value."""
    return [float("nan") if value is None else value for value in values]
