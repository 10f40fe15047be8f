"""The tables of a comparison: metrics of both runs with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patent_spark.experiments.compare.report_schema import TaskComparison, ValuePair
from patent_spark.metrics.cells import (
    METRIC_ROWS,
    PARTS,
    TOO_FEW,
    MetricRow,
    difference_cell,
    label_cell,
    metric_cell,
)
from patent_spark.metrics.paired import ALL, PairedComparison
from patent_spark.metrics.report_schema import ClassMetrics, Metric, MetricDifference
from patent_spark.reporting.html import Cell, Row, Table, count, number

BASELINE, CANDIDATE = "baseline run", "candidate run"
_NOTHING = Cell("–")
_YEAR_ROWS = (
    MetricRow("accuracy", Metric.ACCURACY, "share"),
    MetricRow("PR-AUC of top1", Metric.TOP1_PR_AUC, "number"),
)


def metric_table(comparison: TaskComparison) -> Table:
    """The metrics of the headline."""
    rows = [_metric_row(comparison, row) for row in METRIC_ROWS if _is_known(comparison, row)]
    for head, of_part in PARTS.values():
        known = [_metric_row(comparison, row) for row in of_part if _is_known(comparison, row)]
        rows += [Row(head), *known] if known else []
    return Table(["", BASELINE, CANDIDATE, "difference"], rows)


def year_table(comparison: TaskComparison) -> Table | None:
    """A line for each test year of either run; None when there is none."""
    by_year = [(metrics.by_year or {}) if metrics else {} for metrics in comparison.metrics]
    shown = [row for row in _YEAR_ROWS if _is_known(comparison, row)]
    rows = []
    for year in sorted({*by_year[0], *by_year[1]}):
        parts = [each.get(year) for each in by_year]
        paired = (comparison.paired or {}).get(f"test_{year}")
        cells = [_sizes([part.examples if part else None for part in parts])]
        for row in shown:
            cells += [metric_cell(part, row) for part in parts]
            cells.append(_difference(paired, row.metric))
        rows.append(Row(year, cells))
    heads = [head for row in shown for head in (f"{row.name}, {BASELINE}", CANDIDATE, "difference")]
    return Table(["year", "patents", *heads], rows) if rows else None


def label_table(comparison: TaskComparison) -> Table:
    """A line for each label: support, recall and F1 of both runs."""
    parts = [metrics.per_class if metrics else {} for metrics in comparison.metrics]
    differences = comparison.paired[ALL].per_class if comparison.paired else {}
    rows = []
    for label in dict.fromkeys([*parts[0], *parts[1]]):
        both = [part.get(label) for part in parts]
        cells = [_sizes([each.support if each else None for each in both])]
        cells += [_label_cell(each, name) for name in ("recall", "f1") for each in both]
        rows.append(Row(label, [*cells, _f1_difference(both, differences.get(label))]))
    heads = [head for name in ("recall", "F1") for head in (f"{name}, {BASELINE}", CANDIDATE)]
    return Table(["label", "patents", *heads, "difference in F1"], rows)


def class_table(comparison: TaskComparison) -> Table | None:
    """Accuracies of citation levels by CPC class; None where the classes are the labels."""
    parts = [(metrics.by_class or {}) if metrics else {} for metrics in comparison.metrics]
    row = MetricRow("accuracy", Metric.ACCURACY, "share")
    rows = []
    for code in sorted({*parts[0], *parts[1]}):
        both = [part.get(code) for part in parts]
        cells = [_sizes([each.examples if each else None for each in both])]
        cells += [metric_cell(each, row) for each in both]
        values = [None if each is None or each.too_few else each.accuracy for each in both]
        rows.append(Row(code, [*cells, _plain_difference(values, Metric.ACCURACY)]))
    heads = [f"accuracy, {BASELINE}", CANDIDATE, "difference"]
    return Table(["CPC class", "patents", *heads], rows) if rows else None


def value_table(values: Mapping[str, ValuePair], head: str, *, mark: bool) -> Table:
    """Names and both values as text; mark: values that differ stand out."""
    rows = []
    for name, pair in values.items():
        kind = "text wrap" + (" differs" if mark and pair.differs else "")
        rows.append(Row(name, [Cell(_text(value), kind=kind) for value in pair.values]))
    return Table([head, BASELINE, CANDIDATE], rows)


def _metric_row(comparison: TaskComparison, row: MetricRow) -> Row:
    cells = [metric_cell(metrics, row) for metrics in comparison.metrics]
    paired = comparison.paired[ALL] if comparison.paired else None
    return Row(row.name, [*cells, _difference(paired, row.metric)])


def _is_known(comparison: TaskComparison, row: MetricRow) -> bool:
    return any(metrics and metrics.value(row.metric) is not None for metrics in comparison.metrics)


def _difference(paired: PairedComparison | None, metric: Metric) -> Cell:
    difference = paired.differences.get(metric) if paired else None
    return difference_cell(difference, metric) if difference else Cell("")


def _f1_difference(both: Sequence[ClassMetrics | None], difference: MetricDifference | None) -> Cell:
    """The difference with its interval; without one where there is none or too few patents."""
    if any(each and each.too_few for each in both):
        return TOO_FEW
    if difference:
        return difference_cell(difference, "f1")
    return _plain_difference([each.f1 if each else None for each in both], "f1")


def _label_cell(metrics: ClassMetrics | None, name: str) -> Cell:
    return _NOTHING if metrics is None else label_cell(metrics, name)


def _sizes(sizes: Sequence[int | None]) -> Cell:
    """Test patents of both runs: once where they agree."""
    return Cell(" / ".join(dict.fromkeys(map(count, sizes))), key=max(size or 0 for size in sizes))


def _plain_difference(values: Sequence[float | None], metric: str) -> Cell:
    """A difference without an interval."""
    baseline, candidate = values
    if baseline is None or candidate is None:
        return _NOTHING
    difference = MetricDifference(difference=candidate - baseline, interval=None, verdict="")
    return difference_cell(difference, metric)


def _text(value: str | int | float | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return number(value, 1)
    return count(value) if isinstance(value, int) else value
