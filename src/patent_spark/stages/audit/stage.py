"""Stage audit: is this number real? Checks that look for leaks; AUDIT is their figures and verdicts, and a page.

It runs after evaluate, because it judges the predictions and figures too. The verdict stands in AUDIT, in METRICS and
the report of the evaluation, which keeps a place for it, in the MLflow run of each task, and in the summary of a run;
nothing else of what is published changes. A failed check ends no run.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import AuditMetadata, IngestMetadata, TrainMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.store import Store, write_json
from patent_spark.reporting.html import form
from patent_spark.stages.audit.checks import (
    duplicates,
    joins,
    label_mix,
    lookahead,
    memorisation,
    percentiles,
    plausibility,
    shortcuts,
    splits,
    tables,
)
from patent_spark.stages.audit.checks.recount import recounted_labels
from patent_spark.stages.audit.evidence import Evidence, Warehouse
from patent_spark.stages.audit.raw_release import find_release
from patent_spark.stages.audit.report import put_verdict, write_page
from patent_spark.stages.audit.verdicts import FAILED, NOT_MADE, Check, verdict_on_all
from patent_spark.tracking.runs import TrackingError, attach

_OF_ALL: tuple[Callable[[Warehouse], Check], ...] = (
    joins.counts_of_patents,
    joins.labels_of_counts,
    tables.classes_of_cpc,
    tables.interim_levels_of_labels,
    tables.families_of_texts,
    tables.texts_of_patents,
    percentiles.levels_again,
    lookahead.vocabulary_of_tests,
    lookahead.vectors_of_tests,
)
_OF_TASK: tuple[Callable[[Evidence], Check | list[Check]], ...] = (
    splits.splits_of_labels,
    joins.examples_of_splits,
    joins.texts_of_tokens,
    joins.predictions_of_examples,
    duplicates.same_texts,
    duplicates.near_duplicates,
    duplicates.split_families,
    duplicates.split_relatives,
    lookahead.percentiles_of_tests,
    lookahead.embargo,
    label_mix.label_mix,
    shortcuts.attributes_tell_labels,
    shortcuts.attributes_tell_tests,
    shortcuts.word_tells_label,
    memorisation.shuffled_labels,
    memorisation.copied_answers,
    plausibility.figures_again,
    plausibility.short_texts,
    plausibility.top1_auc,
    plausibility.attainable_accuracy,
)


def run(context: StageContext) -> None:
    """Write audit.json and report.html; raises DataError when a task was not evaluated."""
    for task in context.config.task_names:
        if not (context.store.directory("METRICS") / f"{task}.json").exists():
            raise DataError(
                f"no METRICS of task {task} in {context.store.root}; run `patent-spark evaluate` with tasks={context.config.tasks} first"
            )
    checks = list(audit(context))
    failed, not_made = (_with(verdict, checks) for verdict in (FAILED, NOT_MADE))
    folder = context.draft.path("AUDIT")
    release_id = context.store.metadata(IngestMetadata).release_id
    found = {
        "release_id": release_id,
        "verdict": verdict_on_all(checks),
        "checks": [dataclasses.asdict(check) for check in checks],
    }
    write_json(folder / "audit.json", found)
    write_page(folder, found)
    report = context.store.directory("REPORT") / "report.html"
    put_verdict(report, found)
    for check in failed:
        figure, limit = (form(value, check.form) for value in (check.figure, check.limit))
        say(f"  failed: {check.name} ({check.task or 'all tasks'}): {figure}, limit {limit}")
    for check in not_made:
        say(f"  could not be made: {check.name} ({check.task or 'all tasks'}): {check.done}")
    for task in context.config.task_names:
        of_task = [check for check in checks if check.task in (None, task)]
        _into_metrics(context.store, task, of_task)
        _track(context, task, of_task, folder, report)
    context.record_metadata(
        AuditMetadata(
            verdict=verdict_on_all(checks),
            failed=tuple((check.task, check.name) for check in failed),
            not_made=tuple((check.task, check.name) for check in not_made),
        )
    )


def audit(context: StageContext) -> Iterator[Check]:
    """All checks, in their order: those about all tasks, then those of each."""
    warehouse = Warehouse(context.store, context.config.audit)
    recounted: Callable[[Warehouse], Check] = partial(
        recounted_labels, release=find_release(context.store, context.config)
    )
    with Progress(
        "audit", total=len(_OF_ALL) + 1 + len(context.config.task_names) * len(_OF_TASK), unit="checks"
    ) as bar:
        for of_all in (*_OF_ALL, recounted):
            yield of_all(warehouse)
            bar.update(1)
        for task in context.config.task_names:
            evidence = Evidence(warehouse, task)
            for of_task in _OF_TASK:
                found = of_task(evidence)
                for one in found if isinstance(found, list) else [found]:
                    yield dataclasses.replace(one, task=task)
                bar.update(1, task)


def _with(verdict: str, checks: list[Check]) -> list[Check]:
    return [check for check in checks if check.verdict == verdict]


def _into_metrics(store: Store, task: str, checks: list[Check]) -> None:
    """The verdict on a task, and each figure, into its file of METRICS; those of an audit before give way."""
    failed, not_made = ([check.name for check in _with(verdict, checks)] for verdict in (FAILED, NOT_MADE))
    told = [
        {name: getattr(check, name) for name in ("name", "task", "figure", "limit", "verdict")}
        for check in checks
    ]
    found = {"verdict": verdict_on_all(checks), "failed": failed, "not_made": not_made, "checks": told}
    file = f"{task}.json"
    write_json(store.directory("METRICS") / file, store.read_json("METRICS", file) | {"audit": found})


def _track(context: StageContext, task: str, checks: list[Check], folder: Path, report: Path) -> None:
    """Figures, page and the report with the verdict into the MLflow run of the task's training; when it cannot be had that is said, no more."""
    trained = context.store.metadata(TrainMetadata).tasks.get(task)
    if trained is None or not trained.run_id:
        return
    prefix = f"{context.config.prefix(task)}audit/"  # MLflow shows what stands before a slash as a group of its own
    figures = {
        f"{prefix}{re.sub('[^a-z0-9]+', '_', check.name.lower())}": check.figure
        for check in checks
        if check.figure is not None
    }
    try:
        run = attach(context.config, trained.run_id)
        run.log_metrics(
            figures | {f"{prefix}{verdict}": len(_with(verdict, checks)) for verdict in (FAILED, NOT_MADE)}
        )
        run.log_report(folder, "audit")
        run.log_file(report, "report")
    except TrackingError as error:
        say(f"  audit {task}: the figures stay out of MLflow: {error}")
