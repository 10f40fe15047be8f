"""The page of an ablation: metrics of the four variants, the effects of protocol and model, and audits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import CITATION_LEVEL
from patent_spark.core.store import write_text
from patent_spark.experiments.ablation.effects import EFFECTS, FACTORS, Effect, Effects
from patent_spark.experiments.ablation.plots import draw_variants
from patent_spark.experiments.ablation.report_schema import SHOWN_METRICS, AblationReport, VariantResult
from patent_spark.metrics.cells import TITLES, difference_cell, split_name, value_cell
from patent_spark.metrics.constant_baselines import NAMES
from patent_spark.metrics.paper_results import PAPER_RESULTS
from patent_spark.metrics.report_schema import TEST_YEARS, BestBaseline, Metric, year_of_split
from patent_spark.reporting.html import (
    Cell,
    Picture,
    Row,
    Table,
    count,
    form,
    picture,
    render_page,
    signed,
)

_BY_SPLIT = (Metric.ACCURACY, Metric.TOP1_PRECISION, Metric.TOP1_RECALL, Metric.TOP1_PR_AUC)
_PAPER = "paper"
"""The name of the configuration with the settings of the paper."""


@dataclass(frozen=True)
class Lead:
    """The effects on one metric."""

    name: str
    points: bool
    """Whether differences are in percentage points."""
    base: str
    against: str
    effects: Effects
    not_significant: list[str]
    """Names of the effects whose interval includes 0."""
    without_interval: list[str]
    reversals: list[str]
    """Factors whose simple effects differ in sign."""


@dataclass(frozen=True)
class PaperComparison:
    """Precision and recall of top1 under the paper's protocol; no precision when top1 is never predicted."""

    model: str
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class TaskSection:
    """What the page shows of one task."""

    task: str
    title: str
    leads: list[Lead]
    metrics: Table
    baselines: Table
    splits: list[Table]
    plots: list[Picture]
    paper: dict[str, str]
    """What the paper reports; empty when its configuration takes no part."""
    paper_comparison: list[PaperComparison]


def write_page(folder: Path, report: AblationReport) -> None:
    """Write report.html and figures/*.png."""
    (folder / "figures").mkdir()
    page = render_page(
        "patent_spark.experiments.ablation",
        "ablation.html",
        report=report,
        sections=[_section(report, task, folder / "figures") for task in report.effects],
        signed=signed,
    )
    write_text(folder / "report.html", page)


def _section(report: AblationReport, task: str, folder: Path) -> TaskSection:
    variants, shown, effects = report.variants, SHOWN_METRICS[task], report.effects[task]
    with_paper = _PAPER in (report.base, report.against)
    return TaskSection(
        task=task,
        title=TITLES[task],
        leads=[_lead(report, task, metric) for metric in shown if metric in effects],
        metrics=_metric_table(report, task),
        baselines=_baseline_table(variants, task),
        splits=[_split_table(variants, task, metric) for metric in _BY_SPLIT if metric in shown]
        if len(_splits(variants, task)) > 1
        else [],
        plots=_plots(variants, task, folder),
        paper=PAPER_RESULTS[task] if with_paper else {},
        paper_comparison=paper_comparison(variants) if with_paper and task == CITATION_LEVEL else [],
    )


def _lead(report: AblationReport, task: str, metric: Metric) -> Lead:
    effects = report.effects[task][metric]
    first, last = (report.variants[i].tasks[task].metrics[metric].value for i in (0, -1))
    named = {name: effects.of(name) for name in EFFECTS}
    return Lead(
        name=SHOWN_METRICS[task][metric],
        points=_kind(metric) == "share",
        base=form(first, _kind(metric)),
        against=form(last, _kind(metric)),
        effects=effects,
        not_significant=[name for name, each in named.items() if each.interval and not each.significant],
        without_interval=[name for name, each in named.items() if not each.interval],
        reversals=[name for name in FACTORS if named[name].reverses_sign],
    )


def paper_comparison(variants: Sequence[VariantResult]) -> list[PaperComparison]:
    """Precision and recall of top1 of the variants with the paper's protocol."""
    results = [
        (variant.model, variant.tasks[CITATION_LEVEL].metrics)
        for variant in variants
        if variant.protocol == _PAPER
    ]
    return [
        PaperComparison(model, metrics[Metric.TOP1_PRECISION].value, metrics[Metric.TOP1_RECALL].value)
        for model, metrics in results
    ]


def _metric_table(report: AblationReport, task: str) -> Table:
    """A line a variant, then the effects."""
    shown, effects = SHOWN_METRICS[task], report.effects[task]
    rows = []
    for variant in report.variants:
        result = variant.tasks[task]
        cells = [Cell(variant.model, kind="text"), Cell(count(result.examples), _test_sets(result.headline))]
        values = [result.metrics[metric] for metric in shown]
        kinds = map(_kind, shown)
        cells += [
            value_cell(each.value, each.interval, kind) for each, kind in zip(values, kinds, strict=True)
        ]
        rows.append(Row(variant.protocol, cells))
    rows.append(Row(f"difference from {report.base} to {report.against}"))
    for name, title in zip(EFFECTS, ("protocol effect", "model effect", "total"), strict=True):
        cells = [
            _effect_cell(effects[metric].of(name), metric) if metric in effects else Cell("–")
            for metric in shown
        ]
        rows.append(Row(title, [Cell(""), Cell(""), *cells]))
    return Table(["protocol", "model", "test patents", *shown.values()], rows)


def _baseline_table(variants: Sequence[VariantResult], task: str) -> Table:
    """A line a variant: training patents and baselines."""
    shown = SHOWN_METRICS[task]
    above = [metric for metric in (Metric.ACCURACY, Metric.TOP1_PR_AUC) if metric in shown]
    has_top1 = Metric.TOP1_PR_AUC in shown
    rows = []
    for variant in variants:
        result = variant.tasks[task]
        shares = [result.top1_share, result.majority] if has_top1 else [result.majority]
        cells = [
            Cell(variant.model, kind="text"),
            Cell(count(result.training)),
            *(Cell(form(each, "share")) for each in shares),
            *(_best_baseline_cell(result.best_baseline[metric], metric) for metric in above),
        ]
        rows.append(Row(variant.protocol, cells))
    heads = ["share of top1"] * has_top1 + ["majority class"]
    heads += [f"{shown[metric]} above best baseline" for metric in above]
    return Table(["protocol", "model", "training patents", *heads], rows)


def _best_baseline_cell(best: BestBaseline, metric: Metric) -> Cell:
    """The difference to the best baseline, and which one that is."""
    cell = difference_cell(best, metric)
    return Cell(cell.text, f"{cell.range} {NAMES[best.baseline]}".strip(), cell.kind)


def _effect_cell(effect: Effect, metric: Metric) -> Cell:
    """An effect with its interval, in grey when it is not significant."""
    points, ends = _kind(metric) == "share", effect.interval
    interval = f"{signed(ends[0], points)} to {signed(ends[1], points)}" if ends else ""
    return Cell(signed(effect.value, points), interval, "" if effect.significant else "soft")


def _test_sets(headline: str) -> str:
    """The splits of a headline."""
    splits = headline.split("+")
    return " and ".join("all test years" if split == TEST_YEARS else split_name(split) for split in splits)


def _splits(variants: Sequence[VariantResult], task: str) -> list[str]:
    return sorted({split for variant in variants for split in variant.tasks[task].splits})


def _split_table(variants: Sequence[VariantResult], task: str, metric: Metric) -> Table:
    """A line a variant, a column a test set."""
    splits = _splits(variants, task)
    rows = []
    for variant in variants:
        results = variant.tasks[task].splits
        values = [results[split][metric] if split in results else None for split in splits]
        rows.append(Row(variant.title, [Cell(form(value, _kind(metric))) for value in values]))
    return Table([SHOWN_METRICS[task][metric], *map(split_name, splits)], rows)


def _plots(variants: Sequence[VariantResult], task: str, folder: Path) -> list[Picture]:
    """Lines by test year, if all variants have test years."""
    if not all(any(map(year_of_split, variant.tasks[task].splits)) for variant in variants):
        return []
    shown = SHOWN_METRICS[task]
    path = folder / f"{task}_variants.png"
    draw_variants(path, variants, task, {metric: shown[metric] for metric in _BY_SPLIT if metric in shown})
    caption = "By grant year of the test patents. Color: the protocol. Solid and dashed: the two models."
    return [picture(path, caption, "whole")]


def _kind(metric: Metric) -> str:
    return "share" if metric == Metric.ACCURACY else "number"
