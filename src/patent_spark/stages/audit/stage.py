"""Stage audit: can the metrics be trusted? Checks for leakage and for tables that do not fit together.

It runs after evaluate, because it checks predictions and metrics too. The result is published as AUDIT. It is
also written into METRICS, into the place that the evaluation's report keeps for it, and into the MLflow run
of each task. A failed check does not end the run; the stage register refuses the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.metadata import AuditMetadata, IngestMetadata, TrainMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.reporting.html import form
from patent_spark.stages.audit.checks.registry import TASK_CHECKS, WAREHOUSE_CHECKS
from patent_spark.stages.audit.report import write_report, write_summary
from patent_spark.stages.audit.report_schema import Audit, CheckResult, make_audit, summary_of_task
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse
from patent_spark.tracking.runs import TrackingError, attach


def run(context: StageContext) -> None:
    """Write audit.json and report.html. Raises DataError when a task was not evaluated."""
    _require_metrics(context)
    audit = make_audit(context.store.metadata(IngestMetadata).release_id, check_results(context))
    folder = context.draft.path("AUDIT")
    write_json(folder / "audit.json", audit.model_dump(mode="json"))
    write_report(folder, audit)
    evaluation_report = context.store.directory("REPORT") / "report.html"
    write_summary(evaluation_report, audit)
    _log_problems(audit)
    for task in context.config.task_names:
        _write_to_metrics(context, task, audit)
        _log_to_mlflow(context, audit.of_task(task), task, [folder, evaluation_report])
    context.record_metadata(_metadata(audit))


def _metadata(audit: Audit) -> AuditMetadata:
    return AuditMetadata(
        status=audit.status,
        failed=tuple((check.task, check.code) for check in audit.with_status("failed")),
        not_made=tuple((check.task, check.code) for check in audit.with_status("not_made")),
    )


def check_results(context: StageContext) -> Iterator[CheckResult]:
    """The results of all checks, in their order: those of the warehouse, then those of each task."""
    tasks = context.config.task_names
    warehouse = Warehouse(context.store, context.config)
    total = len(WAREHOUSE_CHECKS) + len(tasks) * len(TASK_CHECKS)
    with Progress("audit", total=total, unit="checks") as bar:
        for warehouse_check in WAREHOUSE_CHECKS:
            yield warehouse_check.run(warehouse)
            bar.update(1)
        for task in tasks:
            data = TaskData(warehouse, task)
            for task_check in TASK_CHECKS:
                yield task_check.run(data).model_copy(update={"task": task})
                bar.update(1, task)


def _require_metrics(context: StageContext) -> None:
    for task in context.config.task_names:
        if not (context.store.directory("METRICS") / f"{task}.json").exists():
            raise DataError(
                f"{context.store.address} has no METRICS of task {task}; "
                f"run `patent-spark evaluate` with tasks={context.config.tasks} first",
                table="METRICS",
                task=task,
            )


def _log_problems(audit: Audit) -> None:
    """A line for each check that failed or could not be made."""
    for check in audit.with_status("failed"):
        value, limit = form(check.value, check.format), form(check.limit, check.format)
        say(f"  failed: {check.name} ({check.task or 'all tasks'}): {value}, limit {limit}")
    for check in audit.with_status("not_made"):
        say(f"  could not be made: {check.name} ({check.task or 'all tasks'}): {check.details}")


def _write_to_metrics(context: StageContext, task: str, audit: Audit) -> None:
    """Write the summary of a task into its file of METRICS, in place of that of an earlier audit."""
    file = f"{task}.json"
    summary = summary_of_task(audit, task).model_dump(mode="json")
    metrics = context.store.read_json("METRICS", file) | {"audit": summary}
    write_json(context.store.directory("METRICS") / file, metrics)


def _log_to_mlflow(context: StageContext, audit: Audit, task: str, reports: list[Path]) -> None:
    """Log values and reports to the MLflow run of the task's training. Failures are logged, not raised."""
    trained = context.store.metadata(TrainMetadata).tasks.get(task)
    if trained is None or not trained.run_id:
        return
    # MLflow groups metrics by what stands before a slash.
    prefix = f"{context.config.prefix(task)}audit/"
    values = {f"{prefix}{check.code}": check.value for check in audit.checks if check.value is not None}
    values |= {f"{prefix}failed": len(audit.with_status("failed"))}
    values |= {f"{prefix}not_made": len(audit.with_status("not_made"))}
    folder, evaluation_report = reports
    try:
        run = attach(context.config, trained.run_id)
        run.log_metrics(values)
        run.log_report(folder, "audit")
        run.log_file(evaluation_report, "report")
    except TrackingError as error:
        say(f"  audit {task}: not logged to MLflow: {error}")
