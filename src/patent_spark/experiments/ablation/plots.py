"""The plot of an ablation: metrics of the four variants by test year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from patent_spark.experiments.ablation.report_schema import VariantResult
from patent_spark.experiments.plots import label_axes, legend_below, panels
from patent_spark.metrics.report_schema import Metric, year_of_split
from patent_spark.reporting.plots import Line, Style, plot_lines, save

_PROTOCOL_COLORS = ("#00425e", "#c05621")
_MODEL_STYLES: tuple[Style, ...] = (
    {"linewidth": 2.2, "marker": "o", "markersize": 5},
    {"linewidth": 1.1, "linestyle": "--", "marker": "s", "markersize": 3},
)


def draw_variants(
    path: Path, variants: Sequence[VariantResult], task: str, titles: Mapping[Metric, str]
) -> None:
    """A panel a metric, a line a variant: color by protocol, line style by model."""
    figure, all_axes = panels(len(titles))
    styles = _styles(variants)
    for axes, (metric, title) in zip(all_axes, titles.items(), strict=True):
        for variant in variants:
            by_year = {
                int(year_of_split(split)): values[metric]
                for split, values in variant.tasks[task].splits.items()
                if year_of_split(split)
            }
            values = list(by_year.values())
            plot_lines(axes, list(by_year), [Line("", styles[variant.title], values)])
        label_axes(axes, metric, title[0].upper() + title[1:], "grant year of the test patents")
    legend_below(figure, styles, 2)
    save(figure, path)


def _styles(variants: Sequence[VariantResult]) -> dict[str, Style]:
    """The line style of each variant, by title."""
    protocols = list(dict.fromkeys(variant.protocol for variant in variants))
    models = list(dict.fromkeys(variant.model for variant in variants))
    return {
        variant.title: {
            **_MODEL_STYLES[models.index(variant.model)],
            "color": _PROTOCOL_COLORS[protocols.index(variant.protocol)],
        }
        for variant in variants
    }
