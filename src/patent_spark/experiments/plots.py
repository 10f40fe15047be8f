"""The figures of a back-test: one line a model, by test year and by years since it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from patent_spark.reporting.plots import GREY, plain, save

Found = Mapping[str, Any]

_MODEL: dict[str, Any] = {"linewidth": 2.2, "marker": "o", "markersize": 5}
_BASELINE: dict[str, Any] = {"linewidth": 1.1, "linestyle": "--", "marker": "s", "markersize": 3}
_PRIOR: dict[str, Any] = {"color": GREY, "linewidth": 1.3, "linestyle": ":", "marker": "v", "markersize": 3.5}
_ATTAINABLE: dict[str, Any] = {"color": "#2f855a", "linewidth": 1.5, "linestyle": (0, (5, 1))}
_SHARES = ("accuracy",)
_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8}


def draw_by_year(path: Path, models: Sequence[Found], figures: Mapping[str, str]) -> None:
    """A panel a figure; x is the grant year of the test patents. Prior and attainable are those of the year's newest model."""
    figure, panels = _panels(figures)
    for axes, (name, title) in zip(panels, figures.items(), strict=True):
        for model, colour in zip(models, _colours(len(models)), strict=True):
            years = [each["year"] for each in model["years"]]
            told = [each["figures"][name] for each in model["years"]]
            _band(axes, years, told, colour)
            axes.plot(years, _values(told, "baseline"), color=colour, **_BASELINE)
        newest = {each["year"]: each["figures"][name] for model in models for each in model["years"]}
        years = list(range(min(newest), max(newest) + 1))  # a line breaks where a year is not tested
        for key, style in (("prior", _PRIOR), ("attainable", _ATTAINABLE)):
            if any(each[key] is not None for each in newest.values()):
                axes.plot(years, _values([newest.get(year, {key: None}) for year in years], key), **style)
        _dress(axes, name, title, "grant year of the test patents")
    _legend(figure, models)
    save(figure, path)


def draw_by_distance(path: Path, models: Sequence[Found], figures: Mapping[str, str]) -> None:
    """A panel a figure; x is the years from the model's year to the grant of the test patents."""
    figure, panels = _panels(figures)
    for axes, (name, title) in zip(panels, figures.items(), strict=True):
        for model, colour in zip(models, _colours(len(models)), strict=True):
            _band(
                axes,
                [each["distance"] for each in model["years"]],
                [each["figures"][name] for each in model["years"]],
                colour,
            )
        _dress(axes, name, title, "years after the last one that was known")
    panels[0].legend(list(panels[0].lines), [f"as of {model['as_of']}" for model in models], **_LEGEND)
    save(figure, path)


def draw_mixtures(path: Path, rows: Sequence[Found], task: str, figures: Mapping[str, str]) -> None:
    """A panel a figure, a line a mixture by test year: the colour is the protocol's, the line's kind the model's."""
    figure, panels = _panels(figures)
    protocols = list(dict.fromkeys(row["protocol"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows))
    styles = {}
    for row in rows:
        kind: dict[str, Any] = _MODEL if row["model"] == models[0] else _BASELINE
        styles[f"protocol {row['protocol']}, model {row['model']}"] = {
            **kind,
            "color": _PROTOCOLS[protocols.index(row["protocol"])],
        }
    for axes, (name, title) in zip(panels, figures.items(), strict=True):
        for row, style in zip(rows, styles.values(), strict=True):
            by_year = {
                int(split[-4:]): each[name]
                for split, each in row["tasks"][task]["splits"].items()
                if split[-4:].isdigit()
            }
            axes.plot(
                list(by_year),
                [float("nan") if value is None else value for value in by_year.values()],
                **style,
            )
        _dress(axes, name, title[0].upper() + title[1:], "grant year of the test patents")
    lines = [Line2D([], [], label=name, **style) for name, style in styles.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, **_LEGEND)
    save(figure, path)


_PROTOCOLS = ("#00425e", "#c05621")


def _panels(figures: Mapping[str, str]) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(4.3 * len(figures), 3.7), layout="constrained")
    return figure, list(figure.subplots(1, len(figures), squeeze=False).flat)


def _band(axes: Any, places: Sequence[int], told: Sequence[Found], colour: Any) -> None:
    """The model's line and its interval; a single point has a bar."""
    ends = [each["interval"] or (float("nan"), float("nan")) for each in told]
    values = _values(told, "model")
    axes.plot(places, values, color=colour, **_MODEL)
    if len(places) > 1:
        axes.fill_between(places, *zip(*ends, strict=True), color=colour, alpha=0.12, linewidth=0)
    elif places:
        axes.vlines(places, *zip(*ends, strict=True), color=colour, alpha=0.4)


def _values(told: Sequence[Found], key: str) -> list[float]:
    return [float("nan") if each[key] is None else each[key] for each in told]


def _dress(axes: Any, name: str, title: str, below: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(below, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if name in _SHARES:
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.margins(y=0.1)
    plain(axes)


def _legend(figure: Figure, models: Sequence[Found]) -> None:
    """Below all panels, which share it."""
    styles: dict[str, dict[str, Any]] = {
        f"as of {model['as_of']}": {**_MODEL, "color": colour}
        for model, colour in zip(models, _colours(len(models)), strict=True)
    }
    styles |= {"best baseline": {**_BASELINE, "color": GREY}, "class prior": _PRIOR}
    if any(
        told["attainable"] is not None
        for model in models
        for year in model["years"]
        for told in year["figures"].values()
    ):
        styles["best attainable"] = _ATTAINABLE
    lines = [Line2D([], [], label=name, **style) for name, style in styles.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(styles), **_LEGEND)


def _colours(count: int) -> list[Any]:
    """From light to dark, the newest model last; they read in grey."""
    return [colormaps["viridis_r"](0.25 + 0.7 * (i + 1) / count) for i in range(count)]
