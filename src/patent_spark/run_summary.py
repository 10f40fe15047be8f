"""The summary that `patent-spark run` prints: stages, headline metrics beside the baselines, reports."""

from __future__ import annotations

from collections.abc import Sequence

from patent_spark.config import Config
from patent_spark.core.store import Store, open_store
from patent_spark.metrics.report_schema import Metrics, read_metrics
from patent_spark.pipeline import Done
from patent_spark.reporting.html import aligned, form
from patent_spark.reporting.provenance import data_warnings
from patent_spark.stages.audit.report_schema import read_audit
from patent_spark.tracking.ui import runs_page, ui_lines


def summarise(config: Config, done: Sequence[Done], seconds: float) -> str:
    """The text that `patent-spark run` prints at its end."""
    store = open_store(config.warehouse)
    lines = ["", f"release {done[-1].manifest.release_id}, whole run {seconds:.0f} s", ""]
    lines += [_stage_line(each) for each in done]
    for task in config.task_names:
        lines += ["", *_headline(task, read_metrics(store, task))]
    lines += ["", *quality_lines(store)]
    lines += ["", *audit_lines(store)]
    lines += ["", f"quality    {store.directory('QUALITY') / 'report.html'}"]
    lines += [f"report     {store.directory('REPORT') / 'report.html'}"]
    lines.append(f"audit      {store.directory('AUDIT') / 'report.html'}")
    return "\n".join([*lines, *ui_lines(config, runs_page(config))])


def quality_lines(store: Store) -> list[str]:
    """How many warnings the data quality report has, and a line for each."""
    warnings = data_warnings(store)
    if warnings is None:
        return ["quality: the data of this release was not looked at; run `patent-spark quality`"]
    number = {0: "no warnings", 1: "1 warning"}.get(len(warnings), f"{len(warnings)} warnings")
    return [f"quality: {number} about the data", *(f"  {warning}" for warning in warnings)]


def audit_table(store: Store) -> str:
    """The table that `patent-spark audit` prints: each check, its value, its limit, its status."""
    rows = [("check", "task", "value", "limit", "status", "unit")]
    rows += [
        (
            check.name,
            check.task or "all",
            form(check.value, check.format),
            form(check.limit, check.format),
            check.status,
            check.unit,
        )
        for check in read_audit(store).checks
    ]
    return "\n".join(aligned(rows))


def audit_lines(store: Store) -> list[str]:
    """How many checks of the audit failed, and a line for each that failed or could not be made."""
    audit = read_audit(store)
    failed, not_made = audit.with_status("failed"), audit.with_status("not_made")
    line = f"audit: all {audit.n_completed} checks passed"
    if failed:
        line = f"audit: {len(failed)} of {audit.n_completed} checks failed"
    if not_made:
        line += f", {len(not_made)} could not be made"
    lines = [
        f"  {check.task or 'all'}: {check.name} ({form(check.value, check.format)} {check.unit})"
        for check in failed
    ]
    lines += [
        f"  {check.task or 'all'}: {check.name} could not be made: {check.details}" for check in not_made
    ]
    return [line, *lines]


def _stage_line(done: Done) -> str:
    rows = ", ".join(f"{name} {size['rows']:,}" for name, size in done.manifest.tables.items())
    time_ = "skipped" if done.skipped else f"{done.manifest.seconds:.1f} s"
    return f"{done.manifest.stage:9} {time_:>9}  {rows}"


def _headline(task: str, metrics: Metrics) -> list[str]:
    """The model's headline metrics, and the accuracy of every baseline and reference on the same patents."""
    line = (
        f"{task}: accuracy {_cell(metrics.accuracy)}, macro F1 {_cell(metrics.macro_f1)} "
        f"on {metrics.examples:,} test patents"
    )
    others = [f"{name} {_cell(values.accuracy)}" for name, values in metrics.baselines.items()]
    others += [f"{values.title} {_cell(values.accuracy)}" for values in metrics.references.values()]
    return [line, f"  for comparison: {', '.join(others)}"] if others else [line]


def _cell(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
