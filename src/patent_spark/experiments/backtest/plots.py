"""The plots of a back-test: one line a model, by test year and by years since its cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes

from patent_spark.experiments.backtest.report_schema import MetricResult, ModelResult
from patent_spark.experiments.plots import (
    SMALL_LEGEND,
    interval_band,
    label_axes,
    legend_below,
    panels,
)
from patent_spark.metrics.report_schema import Metric
from patent_spark.reporting.plots import GREY, REFERENCE_STYLE, Line, Style, plot_lines, save

_MODEL: Style = {"linewidth": 2.2, "marker": "o", "markersize": 5}
_BASELINE: Style = {"linewidth": 1.1, "linestyle": "--", "marker": "s", "markersize": 3}
_PRIOR: Style = {"color": GREY, "linewidth": 1.3, "linestyle": ":", "marker": "v", "markersize": 3.5}
_REFERENCES: tuple[Style, ...] = (
    REFERENCE_STYLE,
    {**REFERENCE_STYLE, "color": "#6b46c1", "linestyle": "-."},
)


def draw_by_year(path: Path, models: Sequence[ModelResult], titles: Mapping[Metric, str]) -> None:
    """A panel a metric; x is the grant year of the test patents.

    Class prior and references are those beside the newest model of the year.
    """
    figure, all_axes = panels(len(titles))
    references = _reference_titles(models)
    for axes, (metric, title) in zip(all_axes, titles.items(), strict=True):
        _draw_models_and_baselines(axes, models, metric)
        _draw_prior_and_references(axes, models, metric, references)
        label_axes(axes, metric, title, "grant year of the test patents")
    styles = _legend_styles(models, references)
    legend_below(figure, styles, len(styles))
    save(figure, path)


def _draw_models_and_baselines(axes: Axes, models: Sequence[ModelResult], metric: Metric) -> None:
    for model, color in zip(models, _colors(len(models)), strict=True):
        years = [each.year for each in model.years]
        results = [each.metrics[metric] for each in model.years]
        _draw_model(axes, years, results, color)
        baseline = [each.baseline for each in results]
        plot_lines(axes, years, [Line("", {**_BASELINE, "color": color}, baseline)])


def _draw_prior_and_references(
    axes: Axes, models: Sequence[ModelResult], metric: Metric, references: Mapping[str, str]
) -> None:
    newest = {each.year: each.metrics[metric] for model in models for each in model.years}
    # A line breaks where a year is not tested.
    years = list(range(min(newest), max(newest) + 1))
    priors = [newest[year].class_prior if year in newest else None for year in years]
    plot_lines(axes, years, [Line("", _PRIOR, priors)])
    for name, style in zip(references, _REFERENCES, strict=False):
        values = [_reference(newest.get(year), name) for year in years]
        plot_lines(axes, years, [Line("", style, values)])


def _legend_styles(models: Sequence[ModelResult], references: Mapping[str, str]) -> dict[str, Style]:
    """Line styles by the text of the legend."""
    styles: dict[str, Style] = {
        f"as of {model.as_of}": {**_MODEL, "color": color}
        for model, color in zip(models, _colors(len(models)), strict=True)
    }
    styles |= {"best baseline": {**_BASELINE, "color": GREY}, "class prior": dict(_PRIOR)}
    styles |= {title: dict(style) for title, style in zip(references.values(), _REFERENCES, strict=False)}
    return styles


def draw_by_distance(path: Path, models: Sequence[ModelResult], titles: Mapping[Metric, str]) -> None:
    """A panel a metric; x is the years from the model's cutoff to the grant of the test patents."""
    figure, all_axes = panels(len(titles))
    for axes, (metric, title) in zip(all_axes, titles.items(), strict=True):
        for model, color in zip(models, _colors(len(models)), strict=True):
            distances = [each.distance for each in model.years]
            _draw_model(axes, distances, [each.metrics[metric] for each in model.years], color)
        label_axes(axes, metric, title, "years since the model's cutoff")
    all_axes[0].legend(list(all_axes[0].lines), [f"as of {model.as_of}" for model in models], **SMALL_LEGEND)
    save(figure, path)


def _draw_model(axes: Any, x: Sequence[int], results: Sequence[MetricResult], color: Any) -> None:
    plot_lines(axes, x, [Line("", {**_MODEL, "color": color}, [each.model for each in results])])
    interval_band(axes, x, [each.interval for each in results], color)


def _reference_titles(models: Sequence[ModelResult]) -> dict[str, str]:
    """Names and titles of all references."""
    return {
        name: reference.title
        for model in models
        for year in model.years
        for result in year.metrics.values()
        for name, reference in result.references.items()
    }


def _reference(result: MetricResult | None, name: str) -> float | None:
    return result.references[name].value if result is not None and name in result.references else None


def _colors(count: int) -> list[Any]:
    """From light to dark, the newest model last; they are distinct in grey."""
    return [colormaps["viridis_r"](0.25 + 0.7 * (i + 1) / count) for i in range(count)]
