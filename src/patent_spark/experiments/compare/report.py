"""The page of a comparison, and its summary for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patent_spark.core.files import write_text
from patent_spark.experiments.compare import plots, tables
from patent_spark.experiments.compare.report_schema import RunComparison, TaskComparison
from patent_spark.experiments.compare.warnings import comparison_warnings
from patent_spark.metrics.cells import difference_cell, task_title
from patent_spark.metrics.paired import ALL
from patent_spark.metrics.report_schema import Metric
from patent_spark.reporting.html import Cell, Picture, Table, aligned, picture, render_page

_FEW_SETTINGS = 6
_MANY_LABELS = 12
_LEADS = {Metric.ACCURACY: "points of accuracy", Metric.TOP1_PR_AUC: "PR-AUC of top1"}
_BY_YEAR = {Metric.ACCURACY: "Accuracy", Metric.TOP1_PR_AUC: "PR-AUC of top1"}
_VERDICTS = {"better": f"the {tables.CANDIDATE} is better", "worse": f"the {tables.CANDIDATE} is worse"}


@dataclass(frozen=True)
class Lead:
    """The headline of a metric: the candidate's difference and what it means."""

    cell: Cell
    name: str
    verdict: str


@dataclass(frozen=True)
class TaskSection:
    """What the page shows of one task."""

    task: str
    title: str
    leads: list[Lead]
    paired_patents: int | None
    """Test patents of the paired differences; None without any."""
    test_patents: int
    metrics: Table
    years: Table | None
    labels: Table
    classes: Table | None
    plots: list[Picture]


def write_page(folder: Path, comparison: RunComparison) -> None:
    """Write compare.html and the plots that are part of it."""
    page = render_page(
        "patent_spark.experiments.compare",
        "compare.html",
        comparison=comparison,
        sections=[_section(task, each, folder / "figures") for task, each in comparison.tasks.items()],
        warnings=comparison_warnings(comparison),
        settings=tables.value_table(comparison.settings, "setting", mark=False),
        data=tables.value_table(comparison.data, "", mark=True),
    )
    write_text(folder / "compare.html", page)


def summary_lines(comparison: RunComparison) -> list[str]:
    """What the terminal shows: metrics, differences, warnings, settings."""
    lines = [
        f"{title}  {run.short}  {run.name}, {run.started}"
        for title, run in zip((tables.BASELINE, tables.CANDIDATE), comparison.runs, strict=True)
    ]
    for task, each in comparison.tasks.items():
        rows = [[task.replace("_", " "), tables.BASELINE, tables.CANDIDATE, "difference (95 % interval)"]]
        rows += [
            [row.name, *(map(_plain, row.cells) if row.cells else [""] * 3)]
            for row in tables.metric_table(each).rows
        ]
        lines += ["", *aligned(rows)]
        lines += [f"  {lead.name}: {lead.verdict}" for lead in _leads(each)]
    lines += ["", *(warning.message for warning in comparison_warnings(comparison))]
    return [*lines, _settings_line(comparison)]


def _settings_line(comparison: RunComparison) -> str:
    named = [f"{name} {pair.baseline} -> {pair.candidate}" for name, pair in comparison.settings.items()]
    if not named:
        return "no setting differs"
    more = f", and {len(named) - _FEW_SETTINGS} more" if len(named) > _FEW_SETTINGS else ""
    return f"settings that differ: {'; '.join(named[:_FEW_SETTINGS])}{more}"


def _plain(cell: Cell) -> str:
    """A cell without its interval, unless it is a difference."""
    return f"{cell.text} ({cell.range})" if cell.range and cell.kind else cell.text


def _section(task: str, comparison: TaskComparison, folder: Path) -> TaskSection:
    return TaskSection(
        task=task,
        title=task_title(task, comparison.labels),
        leads=_leads(comparison),
        paired_patents=comparison.paired[ALL].patents if comparison.paired else None,
        test_patents=comparison.test_patents,
        metrics=tables.metric_table(comparison),
        years=tables.year_table(comparison),
        labels=tables.label_table(comparison),
        classes=tables.class_table(comparison),
        plots=_plots(task, comparison, folder),
    )


def _leads(comparison: TaskComparison) -> list[Lead]:
    if comparison.paired is None:
        return []
    differences = comparison.paired[ALL].differences
    return [
        Lead(difference_cell(each, metric), name, _VERDICTS.get(each.verdict, "no significant difference"))
        for metric, name in _LEADS.items()
        if (each := differences.get(metric))
    ]


def _plots(task: str, comparison: TaskComparison, folder: Path) -> list[Picture]:
    return [
        *_curve_plot(task, comparison, folder),
        *_year_plots(task, comparison, folder),
        *_label_plot(task, comparison, folder),
    ]


def _curve_plot(task: str, comparison: TaskComparison, folder: Path) -> list[Picture]:
    baseline, candidate = (each.curves for each in comparison.results)
    if not (baseline or candidate):
        return []
    path = folder / f"{task}_curves.png"
    plots.draw_curves(path, (baseline, candidate))
    return [picture(path, "By epoch: development solid, training dotted.")]


def _year_plots(task: str, comparison: TaskComparison, folder: Path) -> list[Picture]:
    if not any(metrics and metrics.by_year for metrics in comparison.metrics):
        return []
    pictures = []
    for metric, title in _BY_YEAR.items():
        if any(metrics and metrics.value(metric) is not None for metrics in comparison.metrics):
            path = folder / f"{task}_{metric.replace('.', '_')}_by_year.png"
            plots.draw_metric_by_year(path, comparison.metrics, metric, title)
            pictures.append(picture(path, f"{title} by test year. Shaded: 95 % intervals."))
    return pictures


def _label_plot(task: str, comparison: TaskComparison, folder: Path) -> list[Picture]:
    """F1 of both runs by label, if they share many labels."""
    baseline, candidate = (metrics.per_class if metrics else {} for metrics in comparison.metrics)
    common = [label for label in baseline if label in candidate]
    if len(common) < _MANY_LABELS:
        return []
    path = folder / f"{task}_labels.png"
    plots.draw_labels(path, baseline, candidate, common)
    caption = (
        f"F1 of each label. Above the line the {tables.CANDIDATE} is better. "
        "Named: the largest differences. Larger points: more test patents."
    )
    return [picture(path, caption)]
