"""What MLflow knows of two runs, and how they differ: settings, data, figures, answers, curves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from patent_spark.config import JOINT, TASKS, Config, ConfigError
from patent_spark.metrics.paired import paired_comparison, why_not_paired
from patent_spark.metrics.prediction_records import RUN_FOLDER, read_sample
from patent_spark.tracking.history import PastRun, curves, fetch

Result = dict[str, Any]
Pair = tuple[Any, Any]

_TAGS = {
    "release_id": "release",
    "code": "code",
    "mlflow.source.git.commit": "git commit",
    "stage.text": "text version",
    "stage.shard": "shard version",
}
_RESULT = {
    "headline": "headline's test set", "examples": "test patents", "families": "families of them", "label_rule": "label rule",
    "kept_epoch": "epoch that was kept",
}  # fmt: skip
_CURVES = ("train_loss", "dev_loss", "train_accuracy", "dev_accuracy")


@dataclass(frozen=True)
class TaskPair:
    """One task in both runs."""

    results: tuple[Result | None, Result | None]
    """As in METRICS; None when a run was not evaluated."""
    paired: dict[str, Any] | None
    """By how much the second run is better, on all test patents and on each split, see answers.paired; None when it cannot be told."""
    why_not: str
    """Why there is no such difference."""
    of: int
    """Test patents, of which the answers of `paired` may be a part."""
    curves: tuple[dict[str, list[tuple[int, float]]], dict[str, list[tuple[int, float]]]]
    """Epoch and value of losses and accuracies."""


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side."""

    runs: tuple[PastRun, PastRun]
    tasks: dict[str, TaskPair]
    settings: dict[str, Pair]
    """Those whose values differ."""
    data: dict[str, Pair]
    """Releases, code, versions, sizes: all of them."""

    def as_json(self) -> dict[str, Any]:
        """Everything, for a machine."""
        runs = [
            {
                name: value
                for name, value in dataclasses.asdict(run).items()
                if name not in ("settings", "figures")
            }
            for run in self.runs
        ]
        return {
            "runs": runs,
            "settings": self.settings,
            "data": self.data,
            "tasks": {task: dataclasses.asdict(pair) for task, pair in self.tasks.items()},
        }


def gather(config: Config, one: PastRun, other: PastRun) -> Comparison:
    """All about two runs; raises ConfigError when they have no task in common."""
    if one.run_id == other.run_id:
        raise ConfigError(f"both are the run {one.run_id}; name two")
    common = [task for task in _tasks_of(one) if task in _tasks_of(other)]
    if not common:
        about = " and ".join(f"{run.short} is of {run.task or 'no task'}" for run in (one, other))
        raise ConfigError(
            f"{about}: there is nothing to compare; a run of technology, citation_level or joint shares a task with another"
        )
    with TemporaryDirectory() as folder:
        tasks = {task: _pair(config, one, other, task, Path(folder)) for task in common}
    return Comparison((one, other), tasks, _different(one.settings, other.settings), _data(one, other, tasks))


def _tasks_of(run: PastRun) -> tuple[str, ...]:
    return TASKS if run.task == JOINT else tuple(task for task in TASKS if task == run.task)


def _pair(config: Config, one: PastRun, other: PastRun, task: str, folder: Path) -> TaskPair:
    results, answers, lines = [], [], []
    for run in (one, other):
        place = folder / run.run_id
        place.mkdir(exist_ok=True)
        told, said = (
            fetch(config, run, f"report/{task}.json", place),
            fetch(config, run, f"{RUN_FOLDER}/{task}.parquet", place),
        )
        results.append(json.loads(told.read_text()) if told else None)
        answers.append(read_sample(said) if said else None)
        lines.append(_curves(config, run, task))
    found, why_not, of = None, "", 0
    if None in results:
        missing = [run.short for run, result in zip((one, other), results, strict=True) if result is None]
        why_not = f"{' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} not evaluated"
    elif answers[0] is None or answers[1] is None:
        missing = [run.short for run, said in zip((one, other), answers, strict=True) if said is None]
        why_not = f"the answers of {' and '.join(missing)} were not kept; run `patent-spark evaluate --force` with evaluate.logged_predictions above 0"
    else:
        (first, of), (second, of_second) = answers[0], answers[1]
        why_not = why_not_paired(first, second, (of, of_second))
        if not why_not:
            compared = paired_comparison(first, second, config.evaluate)
            found = {name: each.as_json() for name, each in compared.items()}
    return TaskPair((results[0], results[1]), found, why_not, of, (lines[0], lines[1]))


def _curves(config: Config, run: PastRun, task: str) -> dict[str, list[tuple[int, float]]]:
    """Of a joint run the task's own, under the names of a run of one task."""
    prefix = f"{task}_" if run.task == JOINT else ""
    names = {name.replace("_", f"_{prefix}", 1): name for name in _CURVES}
    return {names[logged]: points for logged, points in curves(config, run, list(names)).items()}


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def _data(one: PastRun, other: PastRun, tasks: Mapping[str, TaskPair]) -> dict[str, Pair]:
    data: dict[str, Pair] = {
        about: (one.tags.get(name), other.tags.get(name)) for name, about in _TAGS.items()
    }
    data |= {
        "status": (one.status, other.status),
        "started (UTC)": (one.started, other.started),
        "seconds": (one.seconds, other.seconds),
    }
    for task, pair in tasks.items():
        first, second = (result or {} for result in pair.results)
        data |= {f"{task}: {about}": (first.get(name), second.get(name)) for name, about in _RESULT.items()}
    return data
