"""A grid search: one training for each combination of hyperparameters, as MLflow runs nested under one.

The stages before training run once, with the configuration as it is. A sweep publishes nothing: its models
are kept in MLflow, and its last lines name the settings to train with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product, takewhile
from math import inf

from patent_spark.config import Config, ConfigError, load_config
from patent_spark.core.code_version import code_version
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.metadata import ShardMetadata, TrainMetadata
from patent_spark.core.progress import say
from patent_spark.core.schemas import DEVELOPMENT
from patent_spark.core.store import Draft, Store, open_store
from patent_spark.pipeline import STAGES, planned, run_stage
from patent_spark.reporting.html import aligned
from patent_spark.tracking.runs import parent_run

_SWEPT = ("model.", "train.")

GridPoint = Mapping[str, str]
"""A value, as text, for each setting of the grid."""


@dataclass(frozen=True)
class Trial:
    """One training of a sweep: its metrics at the epoch whose weights were kept, or why it failed."""

    task: str
    point: GridPoint
    run_id: str = ""
    epoch: int = 0
    dev_loss: float = inf
    dev_accuracy: float = 0.0
    failure: str = ""


def sweep(files: Sequence[str], sets: Sequence[str], grids: Sequence[str]) -> str:
    """Train all combinations of a grid; returns a table a task, the smallest development loss first.

    Raises ConfigError, before any work, for a setting or a value that is not valid.
    """
    points = parse_grid(grids)
    configs = [load_config(files, [*sets, *assignments(point)])[0] for point in points]
    base, _ = load_config(files, sets)
    if any(config.train.launcher == "external" for config in configs):
        raise ConfigError(
            "train.launcher = external starts one training only; use local or spark for a sweep",
            setting="train.launcher",
            value="external",
        )
    for stage in takewhile(lambda stage: stage.name != "train", planned(base)):
        run_stage(stage.name, base)
    trials = run_trials(base, list(zip(points, configs, strict=True)))
    return "\n".join(trial_table(task, each) for task, each in trials.items())


def parse_grid(grids: Sequence[str]) -> list[GridPoint]:
    """All combinations of a grid such as ["train.learning_rate=1e-3,3e-3", "model.units=64,128"].

    One text can hold several settings: "train.learning_rate=1e-3,3e-3,model.units=64,128".
    """
    values: dict[str, list[str]] = {}
    for grid in grids:
        setting = ""
        for part in grid.split(","):
            name, equals, value = part.rpartition("=")
            if equals:
                setting = name.strip()
                _require_swept(grid, setting, values)
                values[setting] = []
            if not setting or not value.strip():
                message = "a value or a setting is missing; write --grid section.setting=value,value,..."
                raise ConfigError(f"--grid {grid}: {message}", grid=grid)
            values[setting].append(value.strip())
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def _require_swept(grid: str, setting: str, known: Mapping[str, Sequence[str]]) -> None:
    """Raises ConfigError for a setting that is repeated, or not a hyperparameter of model or training."""
    if setting in known:
        raise ConfigError(f"--grid {grid}: {setting} is given twice", grid=grid, setting=setting)
    if not setting.startswith(_SWEPT):
        raise ConfigError(
            f"--grid {grid}: only settings of the sections model and train can be swept; "
            f"set {setting or 'others'} with --set",
            grid=grid,
            setting=setting,
        )


def assignments(point: GridPoint) -> list[str]:
    """The settings as --set takes them."""
    return [f"{name}={value}" for name, value in point.items()]


def run_trials(base: Config, trainings: Sequence[tuple[GridPoint, Config]]) -> dict[str, list[Trial]]:
    """All trainings, by task, as nested MLflow runs; raises DataError without development examples."""
    store = open_store(base.warehouse).pinned()
    _require_development(base, store)
    shards = store.manifest("shard")
    release_id = shards.release_id if shards else ""
    trials = {task: list[Trial]() for task in base.task_names}
    with parent_run(base, "sweep", {"release_id": release_id, "code": code_version()}) as parent:
        for number, (point, config) in enumerate(trainings, 1):
            name = " ".join(f"{setting.partition('.')[2]}={value}" for setting, value in point.items())
            tracking = replace(config.tracking, parent_run=parent.run_id, run_name=name)
            for model, tasks in base.models.items():
                say(f"sweep     {number} of {len(trainings)}, {model}: {', '.join(assignments(point))}")
                nested = replace(config, tracking=tracking, tasks=model)  # type: ignore[arg-type]
                for trial in _run_trial(store, tasks, point, nested):
                    trials[trial.task].append(trial)
        parent.log_metrics(_best_losses(trials))
    return trials


def _best_losses(trials: Mapping[str, Sequence[Trial]]) -> dict[str, float]:
    """For each task the smallest development loss, under the name of its metric in MLflow."""
    best = {f"{task}_best_dev_loss": min(each.dev_loss for each in all_) for task, all_ in trials.items()}
    return {name: loss for name, loss in best.items() if loss < inf}


def _require_development(config: Config, store: Store) -> None:
    examples = store.metadata(ShardMetadata).tasks
    for task in config.task_names:
        if task not in examples or DEVELOPMENT not in examples[task].splits:
            raise DataError(
                f"a sweep selects by development loss, but {task} has no development examples; "
                "set split.development above 0",
                task=task,
                setting="split.development",
            )


def _run_trial(store: Store, tasks: Sequence[str], point: GridPoint, config: Config) -> list[Trial]:
    """A trial for each task of one model, trained in a draft that is never published.

    A failed training does not end the sweep.
    """
    stage = STAGES["train"]
    with store.draft(stage.name) as draft, ExitStack() as resources:
        try:
            stage.run(StageContext(config, store, draft, resources, force=True, code=stage.code))
        except WorkError as error:
            say(f"  {error}")
            return [Trial(task, point, failure=str(error)) for task in tasks]
        return [_trial(draft, task, point) for task in tasks]


def _trial(draft: Draft, task: str, point: GridPoint) -> Trial:
    if not isinstance(draft.metadata, TrainMetadata):
        raise TypeError("the training left no record")
    trained = draft.metadata.tasks[task]
    kept = json.loads((draft.path("MODEL") / task / "history.json").read_text())[trained.kept_epoch - 1]
    return Trial(task, point, trained.run_id, trained.kept_epoch, kept["dev_loss"], kept["dev_accuracy"])


def trial_table(task: str, trials: Sequence[Trial]) -> str:
    """The trials of a task as a table, the best first, and the settings of the best.

    Raises WorkError when all have failed.
    """
    ordered = sorted(trials, key=lambda each: each.dev_loss)
    best = ordered[0]
    if best.failure:
        raise WorkError(
            f"sweep: all {len(trials)} trainings of {task} failed; the first: {trials[0].failure}",
            task=task,
            trainings=len(trials),
        )
    header = ["dev loss", "dev accuracy", "epoch", *best.point, "MLflow run"]
    rows = [[*_metrics(each), *each.point.values(), each.run_id or "failed"] for each in ordered]
    settings = " ".join(f"--set {each}" for each in assignments(best.point))
    last = f"best: {settings} (a sweep publishes nothing; run `patent-spark train` with these settings)"
    return "\n".join([f"\n{task}: {len(trials)} trainings", *aligned([header, *rows]), last])


def _metrics(trial: Trial) -> list[str]:
    if trial.failure:
        return ["-", "-", "-"]
    return [f"{trial.dev_loss:.4f}", f"{trial.dev_accuracy:.4f}", str(trial.epoch)]
