"""The back-test: a model for each of several cutoff years, tested on the years after it.

Each model has its own child warehouse with splits, vectors and examples; release, tables and labels are
shared. Finished stages are skipped, so an interrupted back-test continues where it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import CITATION_LEVEL, Config, Settings
from patent_spark.core.code_version import code_version
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import say
from patent_spark.core.store import Store, open_store
from patent_spark.experiments.backtest.plan import (
    ModelPlan,
    changed_settings,
    first_known_labels,
    last_closed_year,
    model_config,
    plan_models,
    point_in_time_config,
)
from patent_spark.experiments.backtest.report_schema import (
    SHOWN_METRICS,
    BacktestReport,
    ModelResult,
    TaskBacktest,
)
from patent_spark.experiments.backtest.results import decay, mlflow_metrics, model_result
from patent_spark.experiments.child_warehouse import (
    child_settings,
    child_warehouse,
    label_warehouse,
    require_possible,
    run_child,
    run_shared_stages,
)
from patent_spark.experiments.publish import log_experiment, publish
from patent_spark.reporting.html import aligned, form
from patent_spark.tracking.runs import Run, parent_run

_KIND = "backtest"


@dataclass(frozen=True)
class _Backtest:
    """A back-test that is about to start."""

    config: Config
    """As the user set it."""
    point_in_time: Config
    models: list[ModelPlan]
    labels: Path
    """Root of the warehouse with LABELS."""
    metadata: IngestMetadata
    changed: Settings
    """Point-in-time settings that differ from the configuration's."""


def backtest(config: Config, *, force: bool = False, resume: bool = False) -> str:
    """Train and evaluate all models of `backtest.years`, publish BACKTEST, and return a summary as text.

    Raises ConfigError or DataError, before any training, for years or tasks that cannot be back-tested.
    """
    require_possible(config, "a back-test")
    started = time.monotonic()
    # imported late: it brings the plotting library along
    from patent_spark.experiments.backtest.report import write_page

    plan = _plan(config)
    tags = {"release_id": plan.metadata.release_id, "code": code_version()}
    with parent_run(config, _KIND, tags) as parent:
        report = _report(plan, _run_models(plan, parent, force, resume))
        folder = publish(config, _KIND, report, write_page, time.monotonic() - started)
        steps = [step for task, each in report.tasks.items() for step in mlflow_metrics(task, each.models)]
        log_experiment(parent, _KIND, steps, folder)
    return "\n".join([*_text_tables(report), "", f"backtest   {folder / 'report.html'}"])


def _plan(config: Config) -> _Backtest:
    point_in_time = point_in_time_config(config)
    changed = changed_settings(config, point_in_time)
    changed.pop("tasks", None)
    if changed:
        settings = ", ".join(f"{name}={value}" for name, value in changed.items())
        say(f"backtest  sets {settings}, so that no model sees data from after its cutoff")
    run_shared_stages(config)
    labels = label_warehouse(config, point_in_time, _KIND)
    metadata = open_store(config.warehouse).metadata(IngestMetadata)
    first_labels = first_known_labels(Store(labels), point_in_time)
    models = plan_models(point_in_time, metadata.data_to_date, first_labels)
    return _Backtest(config, point_in_time, models, labels, metadata, changed)


def _run_models(plan: _Backtest, parent: Run, force: bool, resume: bool) -> dict[str, TaskBacktest]:
    """For each task the results of all models, and the decay of its metrics."""
    results: dict[str, list[ModelResult]] = {task: [] for task in plan.point_in_time.task_names}
    for number, model in enumerate(plan.models, 1):
        tested = ", ".join(map(str, model.test_years))
        say(f"backtest  {number} of {len(plan.models)}: as of the end of {model.year}, tested on {tested}")
        root = child_warehouse(plan.config, _KIND, f"as_of_{model.year}", plan.labels)
        settings = child_settings(plan.config, root, parent)
        store = run_child(model_config(plan.point_in_time, model, settings), force=force, resume=resume)
        for task, each in results.items():
            each.append(model_result(store, model, task))
        parent.adopt([each[-1].run_id for each in results.values()])
    return {
        task: TaskBacktest(
            models=tuple(models), decay={metric: decay(models, metric) for metric in SHOWN_METRICS[task]}
        )
        for task, models in results.items()
    }


def _report(plan: _Backtest, tasks: dict[str, TaskBacktest]) -> BacktestReport:
    config, metadata = plan.config, plan.metadata
    horizon = plan.point_in_time.label.horizon_months
    at_issue = Path(config.source.path) / "g_cpc_at_issue.tsv.zip"
    return BacktestReport(
        release_id=metadata.release_id,
        data_to_date=str(metadata.data_to_date),
        simulated=metadata.generator_rates is not None,
        horizon_months=horizon,
        last_closed_year=last_closed_year(metadata.data_to_date, horizon if CITATION_LEVEL in tasks else 0),
        settings_set=plan.changed,
        excluded_tasks=tuple(task for task in config.task_names if task not in tasks),
        classes_at_issue=config.source.kind == "folder" and at_issue.exists(),
        tasks=tasks,
    )


def _text_tables(report: BacktestReport) -> list[str]:
    return [line for task, each in report.tasks.items() for line in text_table(task, each.models)]


def text_table(task: str, models: tuple[ModelResult, ...]) -> list[str]:
    """The metrics of a task as lines of text: a line for each model and test year."""
    titles = SHOWN_METRICS[task]
    heads = [head for title in titles.values() for head in (title, "baseline")]
    rows = [["as of", "tested on", "patents", *heads]]
    for model in models:
        for year in model.years:
            results = [year.metrics[metric] for metric in titles]
            values = [form(value, "number") for each in results for value in (each.model, each.baseline)]
            rows.append([str(model.as_of), str(year.year), f"{year.examples:,}", *values])
    return ["", f"{task.replace('_', ' ')} (baseline: the best one)", *aligned(rows, right=True)]
