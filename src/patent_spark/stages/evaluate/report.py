"""The step `report`: one HTML file that needs nothing beside it, and its figures as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.core.files import write_json, write_text
from patent_spark.core.store import Store
from patent_spark.metrics.baselines import DESCRIPTIONS, NAMES
from patent_spark.metrics.cells import (
    comparison_table,
    difference_cell,
    question,
    shown_baselines,
    split_name,
    split_table,
    task_title,
)
from patent_spark.metrics.paper_results import PAPER_RESULTS
from patent_spark.metrics.report_schema import FEW_PATENTS, TEST_YEARS, Metric, Metrics, SplitMetrics
from patent_spark.reporting.html import Cell, Picture, Table, render_page
from patent_spark.reporting.provenance import provenance
from patent_spark.stages.evaluate.figures import draw_figures
from patent_spark.stages.evaluate.inputs import TaskInputs
from patent_spark.stages.evaluate.nearest_words import nearest_words
from patent_spark.stages.evaluate.report_tables import class_table, group_table, level_tables


@dataclass(frozen=True)
class Lead:
    """The headline of a card: the model's difference to the best baseline in a metric."""

    cell: Cell
    name: str
    verdict: str
    baseline: str


@dataclass(frozen=True)
class Bar:
    """An accuracy in the bar chart of a card."""

    name: str
    value: float
    kind: str
    """A class of the stylesheet: model, baseline or reference."""


@dataclass(frozen=True)
class TaskSection:
    """What the template shows of a task."""

    task: str
    title: str
    question: str
    metrics: Metrics
    headline: str
    leads: Sequence[Lead]
    bars: Sequence[Bar]
    comparison: Table
    splits: Table | None
    levels: Sequence[Table]
    groups: Sequence[Table]
    classes: Table
    figures: Sequence[Picture]
    paper: Mapping[str, str]


def write_report(
    folder: Path, store: Store, inputs: Sequence[TaskInputs], metrics: Mapping[str, Metrics]
) -> None:
    """Write report.html, figures/*.png, and a copy of each task's METRICS into the folder."""
    (folder / "figures").mkdir()
    sections = []
    for each in inputs:
        write_json(folder / f"{each.task}.json", metrics[each.task].as_json())
        figures = draw_figures(each.task, metrics[each.task], each.history(), folder / "figures")
        sections.append(_task_section(each.task, metrics[each.task], figures))
    page = render_page(
        "patent_spark.stages.evaluate",
        "report.html",
        tasks=sections,
        words=nearest_words(store.read_arrow("VECTORS")),
        origin=provenance(store),
        names=NAMES,
        descriptions=DESCRIPTIONS,
        few_patents=FEW_PATENTS,
    )
    write_text(folder / "report.html", page)


def _task_section(task: str, metrics: Metrics, figures: Sequence[Picture]) -> TaskSection:
    columns: dict[str, SplitMetrics] = dict(metrics.splits)
    if metrics.headline == TEST_YEARS:
        columns[TEST_YEARS] = metrics
    several = len(metrics.splits) > 1
    groups = {"CPC section": metrics.by_section, "CPC class": metrics.by_class or {}}
    return TaskSection(
        task=task,
        title=task_title(task, metrics.labels),
        question=question(task, metrics.labels),
        metrics=metrics,
        headline=split_name(metrics.headline),
        leads=_leads(metrics),
        bars=_bars(metrics),
        comparison=comparison_table(metrics),
        splits=split_table(columns) if several else None,
        levels=level_tables(columns) if several and metrics.by_year else (),
        groups=[group_table(each, head) for head, each in groups.items() if len(each) > 1],
        classes=class_table(metrics),
        figures=figures,
        paper=PAPER_RESULTS[task],
    )


def _leads(metrics: Metrics) -> list[Lead]:
    """By how much the model is better than the best baseline, in accuracy and at finding `top1`."""
    names = {Metric.ACCURACY: "points of accuracy", Metric.TOP1_PR_AUC: "PR-AUC of top1"}
    return [
        Lead(difference_cell(best, metric), name, best.verdict, NAMES[best.baseline])
        for metric, name in names.items()
        if (best := metrics.best_baseline.get(metric)) is not None and not metrics.has_too_few_for(metric)
    ]


def _bars(metrics: Metrics) -> list[Bar]:
    """The headline's accuracy beside those of the baselines and references."""
    bars = [Bar("this model", metrics.accuracy or 0.0, "model")]
    bars += [
        Bar(NAMES[name], metrics.baselines[name].accuracy or 0.0, "baseline")
        for name in shown_baselines([metrics])
    ]
    return bars + [
        Bar(each.title, each.accuracy, "reference")
        for each in metrics.references.values()
        if each.accuracy is not None
    ]
