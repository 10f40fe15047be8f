"""The plots of the data quality report: label mix by year and class, forward counts, citation categories.
One PNG file each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from patent_spark.core.schemas import BTM90, LEVELS, TOP1, TOP10, ZEROCITE
from patent_spark.reporting.plots import GREY, INK, RAMP, plain, save
from patent_spark.stages.quality.aggregates import BLANK, CATEGORIES
from patent_spark.stages.quality.report_schema import ForwardCitations
from patent_spark.stages.quality.summary import NO_CLASS, NO_REFERENCE_SET, OPEN, OUTCOMES

_COLOURS = {
    TOP1: "#c05621",
    TOP10: RAMP[6],
    BTM90: RAMP[3],
    ZEROCITE: RAMP[1],
    OPEN: "#b8c1ca",
    NO_CLASS: "#d9dfe5",
    NO_REFERENCE_SET: GREY,
}
_CATEGORY_COLOURS = dict(
    zip((BLANK, *CATEGORIES), ("#d9dfe5", RAMP[6], RAMP[3], RAMP[1], "#c05621", INK), strict=True)
)
_SIZE = (6.4, 3.6)


def draw_years(path: Path, years: Mapping[str, Mapping[str, int]]) -> None:
    """Patents by grant year, stacked by label outcome."""
    _draw_by_year(path, years, OUTCOMES, "patents", shares=False)


def draw_level_mix(path: Path, years: Mapping[str, Mapping[str, int]]) -> None:
    """The share of each level among the labelled patents of a grant year."""
    labelled = {
        year: outcomes for year, outcomes in years.items() if any(outcomes[level] for level in LEVELS)
    }
    _draw_by_year(path, labelled, LEVELS, "share of the labelled patents", shares=True)


def draw_classes(path: Path, classes: Mapping[str, Mapping[str, int]]) -> None:
    """Patents by CPC class, the largest first, stacked by label outcome."""
    names = sorted(classes, key=lambda name: (-sum(classes[name].values()), name))
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    axes = figure.subplots()
    bottom = np.zeros(len(names))
    for outcome in OUTCOMES:
        values = np.array([classes[name][outcome] for name in names], float)
        if values.any():
            axes.bar(
                range(len(names)), values, bottom=bottom, color=_COLOURS[outcome], width=0.85, label=outcome
            )
            bottom += values
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=max(4.5, min(8.5, 800 / len(names))))
    axes.set_ylabel("patents", fontsize=9)
    axes.yaxis.set_major_formatter(FuncFormatter(_whole))
    axes.margins(x=0.01)
    plain(axes)
    axes.tick_params(axis="x", labelsize=max(5.5, min(8.5, 800 / len(names))), length=2)
    axes.legend(frameon=False, fontsize=8.5)
    save(figure, path)


def draw_forward_counts(path: Path, decades: Mapping[str, ForwardCitations]) -> None:
    """The share of patents with at least so many forward citations, by decade; both axes logarithmic, a
    power law is a line.
    """
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    for place, (name, spread) in enumerate(decades.items()):
        counts = spread.counts
        values = np.array(sorted(counts))
        patents = np.array([counts[value] for value in values])
        at_least = patents[::-1].cumsum()[::-1] / patents.sum()
        cited = values > 0
        if cited.any():
            colour = RAMP[2 + round(place * 6 / max(1, len(decades) - 1))]
            axes.step(values[cited], at_least[cited], where="pre", color=colour, linewidth=1.7, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("forward citations within the horizon", fontsize=9)
    axes.set_ylabel("share of patents with at least so many", fontsize=9)
    axes.xaxis.set_major_formatter(FuncFormatter(_whole))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    _finish(figure, axes, path)


def draw_categories(path: Path, categories: Mapping[str, Mapping[str, int]]) -> None:
    """The share of each citation category by the citing patent's grant year."""
    years = {
        year: {name: rows.get(name, 0) for name in _CATEGORY_COLOURS} for year, rows in categories.items()
    }
    _draw_by_year(
        path,
        years,
        tuple(_CATEGORY_COLOURS),
        "share of the citations made",
        shares=True,
        year="grant year of the citing patent",
    )


def _draw_by_year(
    path: Path,
    years: Mapping[str, Mapping[str, int]],
    names: tuple[str, ...],
    what: str,
    *,
    shares: bool,
    year: str = "grant year",
) -> None:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    _stack(axes, years, names, shares=shares)
    axes.set_ylabel(what, fontsize=9)
    axes.set_xlabel(year, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if shares:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_ylim(0, 1)
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(_whole))
    _finish(figure, axes, path)


def _stack(
    axes: Any, years: Mapping[str, Mapping[str, int]], names: tuple[str, ...], *, shares: bool
) -> None:
    """A bar a year, a colour a name; names without a row are left out."""
    places = [int(year) for year in years]
    values = np.array([[outcomes[name] for name in names] for outcomes in years.values()], float).reshape(
        len(places), len(names)
    )
    if shares:
        values /= np.maximum(values.sum(axis=1, keepdims=True), 1)
    bottom = np.zeros(len(places))
    for name, heights in zip(names, values.T, strict=True):
        if heights.any():
            axes.bar(
                places,
                heights,
                bottom=bottom,
                width=0.9,
                color=(_COLOURS | _CATEGORY_COLOURS)[name],
                label=name,
            )
            bottom += heights


def _finish(figure: Figure, axes: Any, path: Path) -> None:
    plain(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
    save(figure, path)


def _whole(value: float, _: int | None = None) -> str:
    return f"{value:,.0f}"
