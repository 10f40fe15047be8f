"""The page of a back-test: headline, plots, a line for each model and test year, and what the models knew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.core.files import write_text
from patent_spark.experiments.backtest.plots import draw_by_distance, draw_by_year
from patent_spark.experiments.backtest.report_schema import (
    SHOWN_METRICS,
    BacktestReport,
    Decay,
    MetricResult,
    ModelResult,
    TaskBacktest,
)
from patent_spark.experiments.child_warehouse import AuditOutcome
from patent_spark.metrics.baselines import NAMES
from patent_spark.metrics.cells import TITLES, difference_cell, value_cell
from patent_spark.metrics.report_schema import Metric
from patent_spark.reporting.html import Cell, Picture, Row, Table, count, form, picture, render_page, signed

_FORMS = {Metric.ACCURACY: "share", Metric.TOP1_LIFT_AT_1_PERCENT: "times"}
_COMPARED = (Metric.ACCURACY, Metric.TOP1_PR_AUC)


@dataclass(frozen=True)
class Lead:
    """The headline of a metric."""

    title: str
    value: str
    """Mean over the models in the first year after their cutoff."""
    decay: str
    """Empty when it is not known."""
    better: int
    worse: int
    of: int
    """Test years in which the model is better or worse than the best baseline, of how many."""


@dataclass(frozen=True)
class TaskSection:
    """What the page shows of one task."""

    task: str
    title: str
    leads: list[Lead]
    plots: list[Picture]
    matrices: list[Table]
    against: Table
    models: Table
    failed_checks: list[str]


def write_page(folder: Path, report: BacktestReport) -> None:
    """Write report.html and figures/*.png."""
    (folder / "figures").mkdir()
    sections = [_section(task, each, folder / "figures") for task, each in report.tasks.items()]
    page = render_page(
        "patent_spark.experiments.backtest",
        "backtest.html",
        report=report,
        sections=sections,
        cutoffs=[model.as_of for model in next(iter(report.tasks.values())).models],
        titles=TITLES,
    )
    write_text(folder / "report.html", page)


_BY_YEAR = (
    "By grant year of the test patents: a line a model, with its 95 % interval. "
    "Dashed: the best baseline, trained on the same patents."
)
_BY_DISTANCE = "The same lines by the years between a model's cutoff and the grant."


def _section(task: str, results: TaskBacktest, folder: Path) -> TaskSection:
    models, titles = results.models, SHOWN_METRICS[task]
    by_year, by_distance = folder / f"{task}_by_year.png", folder / f"{task}_by_distance.png"
    draw_by_year(by_year, models, titles)
    draw_by_distance(by_distance, models, titles)
    captions = {by_year: _BY_YEAR, by_distance: _BY_DISTANCE}
    return TaskSection(
        task=task,
        title=TITLES[task],
        leads=[_lead(models, metric, titles[metric], results.decay[metric]) for metric in list(titles)[:2]],
        plots=[picture(path, caption, "whole") for path, caption in captions.items()],
        matrices=[_matrix(models, metric, title) for metric, title in titles.items()],
        against=_baseline_table(task, models),
        models=_model_table(models),
        failed_checks=sorted({name for model in models for name in model.audit.failed_for(task)}),
    )


def _lead(models: Sequence[ModelResult], metric: Metric, title: str, decay: Decay | None) -> Lead:
    years = [year for model in models for year in model.years]
    first = [year.metrics[metric].model for year in years if year.distance == 1]
    known = [value for value in first if value is not None]
    differences = [year.metrics[metric].difference for year in years]
    verdicts = [each.verdict if each else "" for each in differences]
    mean = sum(known) / len(known) if known else None
    return Lead(
        title=title,
        value=form(mean, _FORMS.get(metric, "number")),
        decay=_decay_text(decay, points=metric == Metric.ACCURACY) if decay else "",
        better=verdicts.count("better"),
        worse=verdicts.count("worse"),
        of=len(verdicts),
    )


def _decay_text(decay: Decay, *, points: bool) -> str:
    """The cost of a further year, with its interval."""
    ends = decay.interval
    interval = f" ({signed(ends[0], points)} to {signed(ends[1], points)})" if ends else ""
    return f"{signed(decay.per_year, points)}{' points' if points else ''}{interval}"


def _matrix(models: Sequence[ModelResult], metric: Metric, title: str) -> Table:
    """A line per model, a column per test year; then baseline, prior and references of the newest model."""
    kind = _FORMS.get(metric, "number")
    newest = {year.year: year.metrics[metric] for model in models for year in model.years}
    years = sorted(newest)
    rows = []
    for model in models:
        results = {year.year: year.metrics[metric] for year in model.years}
        cells = [_result_cell(results[year], kind) if year in results else Cell("") for year in years]
        rows.append(Row(f"as of {model.as_of}", cells))
    rows.append(Row("best baseline", [value_cell(newest[year].baseline, None, kind) for year in years]))
    rows.append(Row("class prior", [value_cell(newest[year].class_prior, None, kind) for year in years]))
    references = {name: each.title for year in years for name, each in newest[year].references.items()}
    for name, reference_title in references.items():
        known = [newest[year].references.get(name) for year in years]
        cells = [value_cell(each.value if each else None, None, kind) for each in known]
        rows.append(Row(reference_title, cells))
    return Table([title, *map(str, years)], rows)


def _model_table(models: Sequence[ModelResult]) -> Table:
    """A line a model: its training data and its audit."""
    rows = []
    for model in models:
        tested = f"{model.years[0].year} to {model.years[-1].year}" if model.years else "–"
        sizes = (model.training, model.development, model.vocabulary)
        cells = [
            *(Cell(count(size), key=size) for size in sizes),
            Cell(tested, kind="text"),
            Cell(", ".join(map(str, model.open_years)) or "none", kind="text"),
            _audit_cell(model.audit),
        ]
        rows.append(Row(f"end of {model.as_of}", cells))
    heads = ["training patents", "development", "vocabulary", "tested on", "windows still open", "audit"]
    return Table(["as of", *heads], rows)


def _audit_cell(audit: AuditOutcome) -> Cell:
    outcome = f"{len(audit.failed)} of {audit.run} checks failed"
    if not audit.failed:
        outcome = f"all {audit.run} checks passed"
    if audit.status == "incomplete":
        outcome += ", others could not run"
    return Cell(outcome, kind="text failed" if audit.failed else "text")


def _baseline_table(task: str, models: Sequence[ModelResult]) -> Table:
    """A line for each model and test year: the headline metrics and the best baseline's."""
    metrics = [metric for metric in SHOWN_METRICS[task] if metric in _COMPARED]
    heads = [head for metric in metrics for head in (SHOWN_METRICS[task][metric], "baseline", "difference")]
    rows = []
    for model in models:
        for year in model.years:
            sizes = [Cell(str(each), key=each) for each in (year.year, year.distance)]
            sizes.append(Cell(count(year.examples), key=year.examples))
            cells = [cell for metric in metrics for cell in _against_cells(year.metrics[metric], metric)]
            rows.append(Row(str(model.as_of), [*sizes, *cells]))
    return Table(["as of", "tested on", "years after", "patents", *heads], rows)


def _against_cells(result: MetricResult, metric: Metric) -> list[Cell]:
    kind = _FORMS.get(metric, "number")
    baseline = Cell(form(result.baseline, kind), NAMES[result.best_baseline], key=result.baseline)
    difference = difference_cell(result.difference, metric) if result.difference else Cell("–")
    return [_result_cell(result, kind), baseline, difference]


def _result_cell(result: MetricResult, kind: str) -> Cell:
    return value_cell(result.model, result.interval, kind)
