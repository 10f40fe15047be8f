"""The summary that ends a run: rows and seconds a stage, headline numbers beside the baselines, where to look next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from patent_spark.config import Config
from patent_spark.core.store import Store
from patent_spark.pipeline import Done
from patent_spark.reporting.html import aligned, form


def summarise(config: Config, done: Sequence[Done], seconds: float) -> str:
    """The text that `patent-spark run` prints at its end."""
    store = Store(config.warehouse.root)
    lines = ["", f"release {done[-1].manifest.release_id}, whole run {seconds:.0f} s", ""]
    lines += [_stage_line(each) for each in done]
    for task in config.task_names:
        lines += ["", *_headline(task, store.read_json("METRICS", f"{task}.json"))]
    lines += ["", *audit_lines(store)]
    lines += ["", f"quality    {store.directory('QUALITY') / 'report.html'}"]
    lines += [f"report     {store.directory('REPORT') / 'report.html'}"]
    lines.append(f"audit      {store.directory('AUDIT') / 'report.html'}")
    if not config.tracking.uri:
        lines.append(
            f"MLflow UI  {Path(sys.executable).with_name('mlflow')} ui --backend-store-uri sqlite:///{store.root}/mlflow/mlflow.db"
        )
    return "\n".join(lines)


def audit_table(store: Store) -> str:
    """The table that `patent-spark audit` prints: each check, its figure, its limit, its verdict."""
    checks = store.read_json("AUDIT", "audit.json")["checks"]
    rows = [("check", "task", "figure", "limit", "verdict", "of")]
    rows += [
        (
            each["name"],
            each["task"] or "all",
            form(each["figure"], each["form"]),
            form(each["limit"], each["form"]),
            each["verdict"],
            each["unit"],
        )
        for each in checks
    ]
    return "\n".join(aligned(rows))


def audit_lines(store: Store) -> list[str]:
    """What the audit says, and each check that failed or could not be made."""
    checks = store.read_json("AUDIT", "audit.json")["checks"]
    passed, failed, not_made = (
        [each for each in checks if each["verdict"] == verdict]
        for verdict in ("passed", "failed", "not_made")
    )
    judged = len(passed) + len(failed)
    line = (
        f"audit: {len(failed)} of {judged} checks failed" if failed else f"audit: all {judged} checks passed"
    )
    lines = [line + (f", {len(not_made)} could not be made" if not_made else "")]
    lines += [
        f"  {each['task'] or 'all'}: {each['name']} ({form(each['figure'], each['form'])} {each['unit']})"
        for each in failed
    ]
    return lines + [
        f"  {each['task'] or 'all'}: {each['name']} could not be made: {each['done']}" for each in not_made
    ]


def _stage_line(done: Done) -> str:
    rows = ", ".join(f"{name} {size['rows']:,}" for name, size in done.manifest.tables.items())
    time_ = "skipped" if done.skipped else f"{done.manifest.seconds:.1f} s"
    return f"{done.manifest.stage:9} {time_:>9}  {rows}"


def _headline(task: str, metrics: dict) -> list[str]:
    lines = [
        f"{task}: accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f} on {metrics['examples']:,} test patents"
    ]
    beside = [f"{name} {values['accuracy']:.3f}" for name, values in metrics["baselines"].items()]
    if metrics.get("attainable"):
        beside.append(f"best attainable {metrics['attainable']['accuracy']:.3f}")
    return [*lines, f"  beside it: {', '.join(beside)}"]
