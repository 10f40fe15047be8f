"""METRICS as rows of tables, for every page that shows metrics: report, model cards, experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.cpc_levels import level_of
from patent_spark.metrics.baselines import CLASSIFIERS, NAMES
from patent_spark.metrics.report_schema import (
    COMPARED,
    TEST_YEARS,
    ClassifierMetrics,
    ClassMetrics,
    GroupMetrics,
    Interval,
    Metric,
    MetricDifference,
    Metrics,
    SplitMetrics,
)
from patent_spark.reporting.html import Cell, Row, Table, count, form, interval_range, signed

TITLES = {TECHNOLOGY: "Technology", CITATION_LEVEL: "Citation level"}
"""Name of each task, whatever the level of its labels."""
QUESTIONS = {
    TECHNOLOGY: "Which CPC class is a patent listed under, from its title and abstract alone?",
    CITATION_LEVEL: "How cited will a patent be within its class after five years, "
    "from what is known on the day of its grant?",
}
"""What each task predicts; see `question`."""


def task_title(task: str, labels: Sequence[str]) -> str:
    """The name of a task with these labels: `Technology subclass`."""
    return f"{TITLES[task]} {level_of(labels)}" if task == TECHNOLOGY else TITLES[task]


def question(task: str, labels: Sequence[str]) -> str:
    """What a task with these labels predicts."""
    return QUESTIONS[task].replace("CPC class", f"CPC {level_of(labels)}")


@dataclass(frozen=True)
class MetricRow:
    """How a table shows a metric."""

    name: str
    metric: Metric
    form: str
    """share, number, count or times; see reporting.html.form."""


METRIC_ROWS = (
    MetricRow("accuracy", Metric.ACCURACY, "share"),
    MetricRow("top-3 accuracy", Metric.TOP3_ACCURACY, "share"),
    MetricRow("top-5 accuracy", Metric.TOP5_ACCURACY, "share"),
    MetricRow("macro F1", Metric.MACRO_F1, "number"),
    MetricRow("weighted F1", Metric.WEIGHTED_F1, "number"),
    MetricRow("kappa, quadratic weights", Metric.KAPPA, "number"),
    MetricRow("Brier score (lower is better)", Metric.BRIER, "number"),
)
"""Metrics over all labels."""
TOP1_ROWS = (
    MetricRow("share of top1 among the patents", Metric.TOP1_SHARE, "share"),
    MetricRow("precision", Metric.TOP1_PRECISION, "number"),
    MetricRow("recall", Metric.TOP1_RECALL, "number"),
    MetricRow("PR-AUC (random order: the share above)", Metric.TOP1_PR_AUC, "number"),
    MetricRow("ROC-AUC", Metric.TOP1_ROC_AUC, "number"),
    MetricRow("precision in the first 1 %", Metric.TOP1_PRECISION_AT_1_PERCENT, "number"),
    MetricRow("lift in the first 1 %", Metric.TOP1_LIFT_AT_1_PERCENT, "times"),
    MetricRow("precision in the first 5 %", Metric.TOP1_PRECISION_AT_5_PERCENT, "number"),
    MetricRow("lift in the first 5 %", Metric.TOP1_LIFT_AT_5_PERCENT, "times"),
    MetricRow("recall at the fixed precision", Metric.TOP1_RECALL_AT_PRECISION, "number"),
    MetricRow("Brier score of top1", Metric.TOP1_BRIER, "number"),
)
"""Metrics of the citation level that are about the patents of `top1`."""
ALL_CODES_ROWS = (
    MetricRow("codes of a patent", Metric.ALL_CODES_LABELS, "number"),
    MetricRow("most probable label is one of them", Metric.ALL_CODES_PRECISION_AT_1, "share"),
    MetricRow("precision of the first 3 labels", Metric.ALL_CODES_PRECISION_AT_3, "share"),
    MetricRow("precision of the first 5 labels", Metric.ALL_CODES_PRECISION_AT_5, "share"),
    MetricRow("recall of the first label", Metric.ALL_CODES_RECALL_AT_1, "share"),
    MetricRow("recall of the first 3 labels", Metric.ALL_CODES_RECALL_AT_3, "share"),
    MetricRow("recall of the first 5 labels", Metric.ALL_CODES_RECALL_AT_5, "share"),
    MetricRow("label ranking average precision", Metric.ALL_CODES_RANKING_PRECISION, "number"),
)
"""Metrics of technology that are about all codes of a patent, not only the one listed first."""
PARTS = {
    "top1": ("finding top1", TOP1_ROWS),
    "all_codes": ("all CPC codes of a patent", ALL_CODES_ROWS),
}
"""Head and rows of each part of ClassifierMetrics."""


TOO_FEW = Cell("too few", kind="soft")
"""In the place of a metric that rests on fewer than FEW_PATENTS test patents."""


_ALL_ROWS = (*METRIC_ROWS, *(row for _, rows in PARTS.values() for row in rows))


def metric_name(metric: Metric) -> str:
    """The name of a metric outside of its table: `PR-AUC of top1`."""
    name = next(row.name for row in _ALL_ROWS if row.metric == metric).split(" (")[0]
    if not metric.of_top1 or "top1" in name:
        return name
    kind, first, share = name.partition(" in the first ")
    return f"{kind} of top1{first}{share}"


def split_name(split: str) -> str:
    """A split as the head of a column: test_2011 is `2011`."""
    return {TEST_YEARS: "all years", "large_test": "large test"}.get(split, split.removeprefix("test_"))


def metric_cell(metrics: ClassifierMetrics | None, row: MetricRow) -> Cell:
    """The value of a metric with its interval; a dash where there is none."""
    if metrics is None:
        return Cell("–")
    if metrics.has_too_few_for(row.metric):
        return TOO_FEW
    return value_cell(metrics.value(row.metric), metrics.interval(row.metric), row.form)


def label_cell(of_label: ClassMetrics, metric: str) -> Cell:
    """Precision, recall or F1 (`f1`) of a label with its interval."""
    if of_label.too_few:
        return TOO_FEW
    value: float | None = getattr(of_label, metric)
    return value_cell(value, of_label.intervals.get(metric), "number")


def value_cell(value: float | None, interval: Interval | None, kind: str) -> Cell:
    """A value with its interval; kind: its form."""
    return Cell(form(value, kind), interval_text(interval, kind), key=value)


def difference_cell(difference: MetricDifference, metric: Metric | str) -> Cell:
    """A difference with its interval; differences of accuracies are in percentage points."""
    points = "accuracy" in metric
    interval = difference.interval
    kind = {"better": "better", "worse": "worse"}.get(difference.verdict, "same")
    ends = "" if interval is None else interval_range(interval, points)
    return Cell(signed(difference.difference, points), ends, kind, difference.difference)


def interval_text(interval: Sequence[float] | None, kind: str) -> str:
    """An interval in the form of its metric: 0.61 to 0.64."""
    if interval is None:
        return ""
    low = form(interval[0], kind).removesuffix(" %").removesuffix(" ×")
    return f"{low} to {form(interval[1], kind)}"


def comparison_table(metrics: Metrics) -> Table:
    """The headline's metrics: a column for the model, each baseline and reference; then differences."""
    others = shown_baselines([metrics])
    references = list(metrics.references.values())
    columns: list[ClassifierMetrics] = [metrics, *(metrics.baselines[name] for name in others), *references]
    rows = [_across(columns, row) for row in METRIC_ROWS if _is_set(metrics, row)]
    for name in PARTS:
        rows += _rows_of_part(columns, name)
    rows.append(Row("by how much this model is better"))
    for metric in (each for each in COMPARED if each in metrics.best_baseline):
        differences = [
            _lead_cell(metrics, metrics.baselines[name].model_better_by[metric], metric) for name in others
        ]
        rows.append(Row(metric_name(metric), [Cell(""), *differences, *[Cell("")] * len(references)]))
    heads = [*(NAMES[name] for name in others), *(each.title for each in references)]
    return Table(["", "this model", *heads], rows)


def shown_baselines(parts: Sequence[GroupMetrics]) -> list[str]:
    """The network alone, if the model is a combination, and the baselines that all parts have, the strongest
    first; METRICS of an earlier version may lack some."""
    return [name for name in reversed(CLASSIFIERS) if all(name in part.baselines for part in parts)]


def split_table(splits: Mapping[str, SplitMetrics]) -> Table:
    """A column for each test split: the model, its lead, the baselines, the references."""
    parts = list(splits.values())
    has_top1 = parts[0].top1 is not None
    rows = [Row("test patents", [Cell(count(part.examples)) for part in parts]), Row("this model")]
    rows += [_across(parts, row) for row in METRIC_ROWS if _is_set(parts[0], row)]
    rows.append(_best_differences(parts, "more accurate than the best baseline by", Metric.ACCURACY))
    rows += _rows_of_part(parts, "top1")
    if has_top1:
        name = "PR-AUC above that of the best baseline by"
        rows.append(_best_differences(parts, name, Metric.TOP1_PR_AUC))
    rows += _rows_of_part(parts, "all_codes")
    rows += _baseline_rows(parts, "accuracy of the baselines", Metric.ACCURACY, "share")
    if has_top1:
        rows += _baseline_rows(parts, "PR-AUC of top1 of the baselines", Metric.TOP1_PR_AUC, "number")
    rows += _reference_rows(parts)
    return Table(["", *map(split_name, splits)], rows)


def _rows_of_part(columns: Sequence[ClassifierMetrics], name: str) -> list[Row]:
    """A part of the metrics under its head; nothing if the first column lacks it."""
    if getattr(columns[0], name) is None:
        return []
    head, of_part = PARTS[name]
    return [Row(head), *(_across(columns, row) for row in of_part)]


def _baseline_rows(parts: Sequence[SplitMetrics], title: str, metric: Metric, kind: str) -> list[Row]:
    return [
        Row(title),
        *(
            _across([part.baselines[name] for part in parts], MetricRow(NAMES[name], metric, kind))
            for name in shown_baselines(parts)
        ),
    ]


def _reference_rows(parts: Sequence[SplitMetrics]) -> list[Row]:
    """A row for each metric of each reference."""
    rows = []
    for name, first in parts[0].references.items():
        rows.append(Row(first.title))
        for row in (*METRIC_ROWS, *TOP1_ROWS):
            if first.value(row.metric) is not None:
                named = MetricRow(metric_name(row.metric), row.metric, row.form)
                rows.append(_across([part.references.get(name) for part in parts], named))
    return rows


def _best_differences(parts: Sequence[SplitMetrics], name: str, metric: Metric) -> Row:
    return Row(name, [_lead_cell(part, part.best_baseline[metric], metric) for part in parts])


def _lead_cell(metrics: ClassifierMetrics, difference: MetricDifference, metric: Metric) -> Cell:
    return TOO_FEW if metrics.has_too_few_for(metric) else difference_cell(difference, metric)


def _across(parts: Sequence[ClassifierMetrics | None], row: MetricRow) -> Row:
    return Row(row.name, [metric_cell(part, row) for part in parts])


def _is_set(metrics: ClassifierMetrics, row: MetricRow) -> bool:
    """Whether the metric applies to the task: an undefined one is set, to None."""
    return row.metric.field in metrics.model_fields_set
