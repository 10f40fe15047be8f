"""The tables on the page of an ablation: metrics, effects and baselines of the four variants."""

from __future__ import annotations

from collections.abc import Sequence

from patent_spark.experiments.ablation.effects import EFFECTS, Effects
from patent_spark.experiments.ablation.report_schema import SHOWN_METRICS, AblationReport, VariantResult
from patent_spark.metrics.baselines import NAMES
from patent_spark.metrics.cells import difference_cell, split_name, value_cell
from patent_spark.metrics.report_schema import TEST_YEARS, BestBaseline, Metric
from patent_spark.reporting.html import Cell, Row, Table, count, form, signed


def kind_of(metric: Metric) -> str:
    """How a metric is formatted: share or number."""
    return "share" if metric == Metric.ACCURACY else "number"


def metric_table(report: AblationReport, task: str) -> Table:
    """A line a variant, then the effects."""
    shown, effects = SHOWN_METRICS[task], report.effects[task]
    rows = []
    for variant in report.variants:
        result = variant.tasks[task]
        cells = [Cell(variant.model, kind="text"), Cell(count(result.examples), _test_sets(result.headline))]
        values = [(result.metrics[metric], kind_of(metric)) for metric in shown]
        cells += [value_cell(each.value, each.interval, kind) for each, kind in values]
        rows.append(Row(variant.protocol, cells))
    rows.append(Row(f"difference from {report.base} to {report.against}"))
    for name, title in zip(EFFECTS, ("protocol effect", "model effect", "total"), strict=True):
        cells = [_effect_cell(effects.get(metric), name, metric) for metric in shown]
        rows.append(Row(title, [Cell(""), Cell(""), *cells]))
    return Table(["protocol", "model", "test patents", *shown.values()], rows)


def baseline_table(variants: Sequence[VariantResult], task: str) -> Table:
    """A line a variant: training patents and baselines."""
    shown = SHOWN_METRICS[task]
    has_top1 = Metric.TOP1_PR_AUC in shown
    above = [Metric.ACCURACY, Metric.TOP1_PR_AUC] if has_top1 else [Metric.ACCURACY]
    rows = []
    for variant in variants:
        result = variant.tasks[task]
        shares = [result.top1_share, result.majority] if has_top1 else [result.majority]
        cells = [Cell(variant.model, kind="text"), Cell(count(result.training))]
        cells += [Cell(form(each, "share")) for each in shares]
        cells += [_best_baseline_cell(result.best_baseline[metric], metric) for metric in above]
        rows.append(Row(variant.protocol, cells))
    heads = ["share of top1"] * has_top1 + ["majority class"]
    heads += [f"{shown[metric]} above best baseline" for metric in above]
    return Table(["protocol", "model", "training patents", *heads], rows)


def _best_baseline_cell(best: BestBaseline, metric: Metric) -> Cell:
    """The difference to the best baseline, and which one that is."""
    cell = difference_cell(best, metric)
    return Cell(cell.text, f"{cell.range} {NAMES[best.baseline]}".strip(), cell.kind)


def _effect_cell(effects: Effects | None, name: str, metric: Metric) -> Cell:
    """An effect with its interval, in grey when it is not significant."""
    if effects is None:
        return Cell("–")
    effect = effects.of(name)
    points, ends = kind_of(metric) == "share", effect.interval
    interval = f"{signed(ends[0], points)} to {signed(ends[1], points)}" if ends else ""
    return Cell(signed(effect.value, points), interval, "" if effect.significant else "soft")


def _test_sets(headline: str) -> str:
    """The splits of a headline."""
    splits = headline.split("+")
    return " and ".join("all test years" if split == TEST_YEARS else split_name(split) for split in splits)


def splits_of(variants: Sequence[VariantResult], task: str) -> list[str]:
    """The test sets of any variant."""
    return sorted({split for variant in variants for split in variant.tasks[task].splits})


def split_table(variants: Sequence[VariantResult], task: str, metric: Metric) -> Table:
    """One line per variant, one column per test set."""
    splits = splits_of(variants, task)
    rows = []
    for variant in variants:
        results = variant.tasks[task].splits
        values = [results[split][metric] if split in results else None for split in splits]
        rows.append(Row(variant.title, [Cell(form(value, kind_of(metric))) for value in values]))
    return Table([SHOWN_METRICS[task][metric], *map(split_name, splits)], rows)
