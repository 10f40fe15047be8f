"""The page of an ablation: metrics of the four variants, the effects of protocol and model, and audits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import CITATION_LEVEL
from patent_spark.core.files import write_text
from patent_spark.experiments.ablation.effects import EFFECTS, FACTORS, Effects
from patent_spark.experiments.ablation.plots import draw_variants
from patent_spark.experiments.ablation.report_schema import SHOWN_METRICS, AblationReport, VariantResult
from patent_spark.experiments.ablation.report_tables import (
    baseline_table,
    kind_of,
    metric_table,
    split_table,
    splits_of,
)
from patent_spark.metrics.cells import TITLES
from patent_spark.metrics.paper_results import PAPER_RESULTS
from patent_spark.metrics.report_schema import Metric, year_of_split
from patent_spark.reporting.html import Picture, Table, form, picture, render_page, signed

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
        metrics=metric_table(report, task),
        baselines=baseline_table(variants, task),
        splits=[split_table(variants, task, metric) for metric in _BY_SPLIT if metric in shown]
        if len(splits_of(variants, task)) > 1
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
        points=kind_of(metric) == "share",
        base=form(first, kind_of(metric)),
        against=form(last, kind_of(metric)),
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


def _plots(variants: Sequence[VariantResult], task: str, folder: Path) -> list[Picture]:
    """Lines by test year, if all variants have test years."""
    if not all(any(map(year_of_split, variant.tasks[task].splits)) for variant in variants):
        return []
    shown = SHOWN_METRICS[task]
    path = folder / f"{task}_variants.png"
    draw_variants(path, variants, task, {metric: shown[metric] for metric in _BY_SPLIT if metric in shown})
    caption = "By grant year of the test patents. Color: the protocol. Solid and dashed: the two models."
    return [picture(path, caption, "whole")]
