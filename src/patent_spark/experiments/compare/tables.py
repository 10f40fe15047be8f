"""A comparison's tables: figures of both runs with their intervals, and the difference where both were asked the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from patent_spark.experiments.compare.collect import Pair, Result, TaskPair
from patent_spark.reporting.html import Cell, Row, Table, count, number
from patent_spark.stages.evaluate.old_report_tables import FIGURES, TOP1_FIGURES, at, cell, lead

ONE, OTHER = "run 1", "run 2"
_NOTHING = Cell("–")


def figure_table(pair: TaskPair) -> Table:
    """The headline's figures."""
    rows = [_figure_row(pair, *figure) for figure in FIGURES if _has(pair, figure[1])]
    if any(_has(pair, figure[1]) for figure in TOP1_FIGURES):
        rows += [
            Row("finding top1"),
            *(_figure_row(pair, *figure) for figure in TOP1_FIGURES if _has(pair, figure[1])),
        ]
    return Table(["", ONE, OTHER, "difference"], rows)


def year_table(pair: TaskPair) -> Table | None:
    """A line for each test year that either run has; None when there is none."""
    years = sorted({year for result in pair.results for year in (result or {}).get("by_year", {})})
    if not years:
        return None
    shown = [("accuracy", "accuracy", "share")] + [("PR-AUC of top1", "top1.pr_auc", "number")] * _has(
        pair, "top1.pr_auc"
    )
    rows = []
    for year in years:
        parts = [(result or {}).get("by_year", {}).get(year) for result in pair.results]
        told = (pair.paired or {}).get(f"test_{year}")
        cells = [_sizes(parts, "examples")]
        for _, place, kind in shown:
            cells += [_cell(part, place, kind) for part in parts] + [_lead(told, place)]
        rows.append(Row(year, cells))
    heads = [head for name, _, _ in shown for head in (f"{name}, {ONE}", OTHER, "difference")]
    return Table(["year", "patents", *heads], rows)


def label_table(pair: TaskPair) -> Table:
    """A line for each label: support, recall and F1 of both."""
    parts = [(result or {}).get("per_class", {}) for result in pair.results]
    differences = (pair.paired or {}).get("all", {}).get("per_class", {})
    rows = []
    for label in dict.fromkeys([*parts[0], *parts[1]]):
        both = [part.get(label) for part in parts]
        cells = [_sizes(both, "support")]
        cells += [_cell(each, name, "number") for name in ("recall", "f1") for each in both]
        rows.append(
            Row(
                label,
                [*cells, lead(differences[label], "f1") if label in differences else _apart(both, "f1")],
            )
        )
    return Table(["label", "patents", f"recall, {ONE}", OTHER, f"F1, {ONE}", OTHER, "difference in F1"], rows)


def class_table(pair: TaskPair) -> Table | None:
    """The citation level by CPC class: accuracies of both; None where the classes are the labels."""
    parts = [(result or {}).get("by_class", {}) for result in pair.results]
    rows = []
    for code in sorted({*parts[0], *parts[1]}):
        both = [part.get(code) for part in parts]
        cells = [_sizes(both, "examples")]
        cells += [_cell(each, "accuracy", "share") for each in both]
        rows.append(Row(code, [*cells, _apart(both, "accuracy")]))
    return Table(["CPC class", "patents", f"accuracy, {ONE}", OTHER, "difference"], rows) if rows else None


def difference_table(values: Mapping[str, Pair], head: str, *, mark: bool) -> Table:
    """Names and both values as text; mark: those that differ stand out."""
    rows = []
    for name, pair in values.items():
        kind = "text wrap" + (" differs" if mark and pair[0] != pair[1] else "")
        rows.append(Row(name, [Cell(_text(value), kind=kind) for value in pair]))
    return Table([head, ONE, OTHER], rows)


def _figure_row(pair: TaskPair, name: str, place: str, kind: str) -> Row:
    return Row(
        name,
        [
            *(_cell(result, place, kind) for result in pair.results),
            _lead((pair.paired or {}).get("all"), place),
        ],
    )


def _has(pair: TaskPair, place: str) -> bool:
    return any(result is not None and at(result, place) is not None for result in pair.results)


def _cell(result: Result | None, place: str, kind: str) -> Cell:
    return _NOTHING if result is None or at(result, place) is None else cell(result, place, kind)


def _lead(told: Result | None, place: str) -> Cell:
    """By how much the second run is better."""
    return lead(told["differences"][place], place) if told and place in told["differences"] else Cell("")


def _sizes(parts: Sequence[Result | None], name: str) -> Cell:
    """Test patents of both runs: once where they agree."""
    sizes = [part[name] if part else None for part in parts]
    return Cell(" / ".join(dict.fromkeys(map(count, sizes))), key=max(size or 0 for size in sizes))


def _apart(both: list[Result | None], name: str) -> Cell:
    """A difference of which no interval is known."""
    if both[0] is None or both[1] is None:
        return _NOTHING
    return lead({"difference": both[1][name] - both[0][name], "interval": None, "verdict": ""}, name)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return (
        number(value, 1)
        if isinstance(value, float)
        else count(value)
        if isinstance(value, int)
        else str(value)
    )
