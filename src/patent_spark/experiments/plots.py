"""What the plots of all experiments share: panels side by side, intervals, a legend below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from patent_spark.metrics.report_schema import Interval, Metric
from patent_spark.reporting.plots import Style, plain, shade

SMALL_LEGEND: Style = {"frameon": False, "fontsize": 8}


def panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side."""
    figure = Figure(figsize=(4.3 * count, 3.7), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False).flat)


def interval_band(axes: Axes, x: Sequence[int], intervals: Sequence[Interval | None], color: str) -> None:
    """95 % intervals as a band; that of a single point as a bar."""
    if len(x) > 1:
        shade(axes, x, intervals, color)
    elif x and intervals[0] is not None:
        axes.vlines(x, *intervals[0], color=color, alpha=0.4)


def label_axes(axes: Axes, metric: Metric, title: str, x_label: str) -> None:
    """Title, labels and ticks of a panel with whole numbers on x."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if metric == Metric.ACCURACY:
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.margins(y=0.1)
    plain(axes)


def legend_below(figure: Figure, styles: Mapping[str, Style], columns: int) -> None:
    """One legend for all panels: a line in each style."""
    lines = [Line2D([], [], label=name, **style) for name, style in styles.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=columns, **SMALL_LEGEND)
