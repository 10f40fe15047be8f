"""What MLflow holds of two runs, and how they differ: settings, data, metrics, predictions, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from patent_spark.config import JOINT, TASKS, Config, ConfigError
from patent_spark.core.cpc_levels import PLURALS, level_of
from patent_spark.experiments.compare.report_schema import (
    Curve,
    NotPaired,
    RunComparison,
    RunInfo,
    RunResults,
    TaskComparison,
    ValuePair,
)
from patent_spark.metrics.paired import PairedComparison, paired_comparison, why_not_paired
from patent_spark.metrics.prediction_records import RUN_FOLDER, Predictions, read_sample
from patent_spark.metrics.report_schema import read_metrics_file
from patent_spark.tracking.history import RunRecord, curves, fetch

_TAGS = {
    "release_id": "release",
    "code": "code",
    "mlflow.source.git.commit": "git commit",
    "stage.text": "text version",
    "stage.shard": "shard version",
}
_METRICS = {
    "headline": "headline test set",
    "examples": "test patents",
    "families": "test families",
    "label_rule": "label rule",
    "kept_epoch": "epoch of the weights",
}
_CURVES = ("train_loss", "dev_loss", "train_accuracy", "dev_accuracy")

Sample = tuple[Predictions, int]
"""Predictions of a run, and the number of test patents that they are a sample of."""


def collect(config: Config, baseline: RunRecord, candidate: RunRecord) -> RunComparison:
    """Everything about two runs; raises ConfigError when they are the same or have no task in common."""
    common = _common_tasks(baseline, candidate)
    with TemporaryDirectory() as folder:
        tasks = {task: _task(config, baseline, candidate, task, Path(folder)) for task in common}
    return RunComparison(
        baseline=_info(baseline),
        candidate=_info(candidate),
        tasks=tasks,
        settings=_differences(baseline.settings, candidate.settings),
        data=_data(baseline, candidate, tasks),
    )


def _common_tasks(baseline: RunRecord, candidate: RunRecord) -> list[str]:
    if baseline.run_id == candidate.run_id:
        raise ConfigError(f"both are run {baseline.run_id}; name two different runs", run=baseline.run_id)
    common = [task for task in _tasks_of(baseline) if task in _tasks_of(candidate)]
    if not common:
        runs = " and ".join(
            f"{run.short} is a run of {run.task or 'no task'}" for run in (baseline, candidate)
        )
        raise ConfigError(
            f"{runs}, so they cannot be compared; a run of technology, citation_level or joint "
            "can be compared with one that shares a task",
            baseline=baseline.short,
            candidate=candidate.short,
        )
    return common


def _info(run: RunRecord) -> RunInfo:
    return RunInfo(
        run_id=run.run_id,
        name=run.name,
        task=run.task,
        status=run.status,
        started=run.started,
        seconds=run.seconds,
        tags=run.tags,
    )


def _tasks_of(run: RunRecord) -> tuple[str, ...]:
    return TASKS if run.task == JOINT else tuple(task for task in TASKS if task == run.task)


def _task(
    config: Config, baseline: RunRecord, candidate: RunRecord, task: str, folder: Path
) -> TaskComparison:
    runs = (baseline, candidate)
    results = [_results(config, run, task, folder) for run in runs]
    samples = [_sample(config, run, task, folder) for run in runs]
    not_paired = _missing(runs, results, samples) or different_levels(samples) or _different_patents(samples)
    return TaskComparison(
        baseline=results[0],
        candidate=results[1],
        test_patents=samples[0][1] if samples[0] and samples[1] else 0,
        paired=_paired(config, samples) if not_paired is None else None,
        not_paired=not_paired,
    )


def different_levels(samples: Sequence[Sample | None]) -> NotPaired | None:
    """Technology at two levels of the CPC: accuracies among 9 and 660 labels cannot be compared."""
    first, second = (PLURALS[level_of(each[0].patents.labels)] if each else "" for each in samples)
    if first == second:
        return None
    message = f"the baseline predicts CPC {first} and the candidate CPC {second} (technology.level)"
    return NotPaired(code="different_labels", message=message)


def _different_patents(samples: Sequence[Sample | None]) -> NotPaired | None:
    first, second = samples
    if first is None or second is None:
        return None
    message = why_not_paired(first[0], second[0], (first[1], second[1]))
    return NotPaired(code="different_test_patents", message=message) if message else None


def _paired(config: Config, samples: Sequence[Sample | None]) -> dict[str, PairedComparison] | None:
    first, second = samples
    if first is None or second is None:
        return None
    return paired_comparison(first[0], second[0], config.evaluate)


def _results(config: Config, run: RunRecord, task: str, folder: Path) -> RunResults:
    path = fetch(config, run, f"report/{task}.json", _folder(folder, run))
    metrics = read_metrics_file(path) if path else None
    return RunResults(metrics=metrics, curves=_curves(config, run, task))


def _sample(config: Config, run: RunRecord, task: str, folder: Path) -> Sample | None:
    path = fetch(config, run, f"{RUN_FOLDER}/{task}.parquet", _folder(folder, run))
    return read_sample(path) if path else None


def _folder(folder: Path, run: RunRecord) -> Path:
    (folder / run.run_id).mkdir(exist_ok=True)
    return folder / run.run_id


def _missing(
    runs: tuple[RunRecord, RunRecord], results: list[RunResults], samples: list[Sample | None]
) -> NotPaired | None:
    """What a run lacks for paired differences."""
    unevaluated = [run.short for run, each in zip(runs, results, strict=True) if each.metrics is None]
    if unevaluated:
        were = "was" if len(unevaluated) == 1 else "were"
        return NotPaired(code="not_evaluated", message=f"{' and '.join(unevaluated)} {were} not evaluated")
    without = [run.short for run, sample in zip(runs, samples, strict=True) if sample is None]
    if without:
        message = (
            f"the predictions of {' and '.join(without)} were not logged; "
            "run `patent-spark evaluate --force` with evaluate.logged_predictions above 0"
        )
        return NotPaired(code="no_predictions", message=message)
    return None


def _curves(config: Config, run: RunRecord, task: str) -> dict[str, Curve]:
    """Curves of the task; those of a joint run under the names of a run of one task."""
    prefix = f"{task}_" if run.task == JOINT else ""
    names = {name.replace("_", f"_{prefix}", 1): name for name in _CURVES}
    return {names[logged]: tuple(points) for logged, points in curves(config, run, list(names)).items()}


def _differences(baseline: Mapping[str, str], candidate: Mapping[str, str]) -> dict[str, ValuePair]:
    names = [*baseline, *(name for name in candidate if name not in baseline)]
    pairs = {name: ValuePair(baseline=baseline.get(name), candidate=candidate.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair.differs}


def _data(
    baseline: RunRecord, candidate: RunRecord, tasks: Mapping[str, TaskComparison]
) -> dict[str, ValuePair]:
    data = {
        title: ValuePair(baseline=baseline.tags.get(tag), candidate=candidate.tags.get(tag))
        for tag, title in _TAGS.items()
    }
    data["status"] = ValuePair(baseline=baseline.status, candidate=candidate.status)
    data["started (UTC)"] = ValuePair(baseline=baseline.started, candidate=candidate.started)
    data["seconds"] = ValuePair(baseline=baseline.seconds, candidate=candidate.seconds)
    for task, comparison in tasks.items():
        for field, title in _METRICS.items():
            first, second = (getattr(each, field) if each else None for each in comparison.metrics)
            data[f"{task}: {title}"] = ValuePair(baseline=first, candidate=second)
    return data
