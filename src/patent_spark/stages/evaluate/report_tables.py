"""Tables that only the report has: metrics by label, by level and year, by CPC section or class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.baselines import NAMES, TFIDF_LINEAR
from patent_spark.metrics.cells import (
    METRIC_ROWS,
    TOO_FEW,
    TOP1_ROWS,
    MetricRow,
    difference_cell,
    label_cell,
    metric_cell,
    metric_name,
    split_name,
)
from patent_spark.metrics.report_schema import GroupMetrics, Metric, Metrics, SplitMetrics
from patent_spark.reporting.html import Cell, Row, Table, count, share

SECTIONS = {
    "A": "Human necessities",
    "B": "Performing operations; transporting",
    "C": "Chemistry; metallurgy",
    "D": "Textiles; paper",
    "E": "Fixed constructions",
    "F": "Mechanical engineering; lighting; heating; weapons; blasting",
    "G": "Physics",
    "H": "Electricity",
    "Y": "New and cross-sectional technologies",
}
"""The sections of the Cooperative Patent Classification."""

_OF_LABEL = ("precision", "recall", "f1")
_GROUP_METRICS = (Metric.ACCURACY, Metric.KAPPA, Metric.TOP1_PR_AUC)


def group_table(groups: Mapping[str, GroupMetrics], head: str) -> Table:
    """A row for each CPC section or class of the headline's patents."""
    first = next(iter(groups.values()))
    shown = [row for row in (*METRIC_ROWS, *TOP1_ROWS) if row.metric in _GROUP_METRICS]
    shown = [row for row in shown if first.value(row.metric) is not None or row.metric in first.best_baseline]
    rows = [
        Row(f"{code} {SECTIONS.get(code, '')}".strip(), _group_cells(group, shown))
        for code, group in groups.items()
    ]
    heads = (metric_name(row.metric) for row in shown)
    return Table([head, "test patents", *heads, "best baseline", "more accurate by"], rows)


def level_tables(splits: Mapping[str, SplitMetrics]) -> list[Table]:
    """Appendix B by test year: a table for each metric of a level, with a column for each year."""
    tables = []
    labels = list(next(iter(splits.values())).per_class)
    heads = [split_name(split) for split in splits]
    for metric in _OF_LABEL:
        rows = [
            Row(label, [label_cell(split.per_class[label], metric) for split in splits.values()])
            for label in labels
        ]
        tables.append(Table(["F1" if metric == "f1" else metric, *heads], rows))
    support = [
        Row(label, [Cell(count(split.per_class[label].support)) for split in splits.values()])
        for label in labels
    ]
    return [*tables, Table(["support", *heads], support)]


def class_table(metrics: Metrics) -> Table:
    """Appendix B: a row for each label, with the linear baseline's F1 and the most frequent wrong
    prediction."""
    matrix = np.array(metrics.confusion.matrix if metrics.confusion else [], np.int64)
    linear = metrics.baselines[TFIDF_LINEAR].per_class
    rows = []
    for i, label in enumerate(metrics.labels):
        of_label = metrics.per_class[label]
        cells = [Cell(count(of_label.support), key=of_label.support)]
        cells += [label_cell(of_label, metric) for metric in _OF_LABEL]
        cells.append(label_cell(linear[label].model_copy(update={"intervals": {}}), "f1"))
        rows.append(Row(label, [*cells, _most_frequent_error(i, matrix, metrics.labels)]))
    heads = ["label", "test patents", "precision", "recall", "F1", f"F1 of {NAMES[TFIDF_LINEAR]}"]
    return Table([*heads, "most often mistaken for"], rows)


def _group_cells(group: GroupMetrics, shown: Sequence[MetricRow]) -> list[Cell]:
    best = group.best_baseline[Metric.ACCURACY]
    name = NAMES[best.baseline]
    lead = [Cell(name, kind="text", key=name), difference_cell(best, Metric.ACCURACY)]
    return [
        Cell(count(group.examples), key=group.examples),
        *(metric_cell(group, row) for row in shown),
        *([Cell("", kind="text"), TOO_FEW] if group.too_few else lead),
    ]


def _most_frequent_error(label: int, matrix: NDArray[np.int64], labels: Sequence[str]) -> Cell:
    errors = matrix[label].copy()
    errors[label] = 0
    worst = int(errors.argmax())
    part = errors[worst] / max(1, matrix[label].sum())
    text = f"{labels[worst]} ({share(part, 0)})" if errors[worst] else "–"
    return Cell(text, kind="text", key=float(part))
