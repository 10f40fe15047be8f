"""A small sweep: one training for each combination of settings of model and train, as MLflow runs nested under one.

The stages before training run once, with the configuration as it stands. A sweep publishes nothing: its models are
kept in MLflow, and its last lines say which settings to train with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product, takewhile

from patent_spark.config import Config, ConfigError, load_config
from patent_spark.core.code_version import code_version
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.metadata import ShardMetadata, TrainMetadata
from patent_spark.core.progress import say
from patent_spark.core.schemas import DEVELOPMENT
from patent_spark.core.store import Draft, Store
from patent_spark.pipeline import STAGES, planned, run_stage
from patent_spark.reporting.html import aligned
from patent_spark.tracking.runs import parent_run

_SWEPT = ("model.", "train.")

Point = Mapping[str, str]
"""A value, as text, for each setting of the grid."""


@dataclass(frozen=True)
class Tried:
    """One training of a sweep: at the epoch whose weights were kept, or why it failed."""

    task: str
    point: Point
    run_id: str = ""
    epoch: int = 0
    dev_loss: float = float("inf")
    dev_accuracy: float = 0.0
    failure: str = ""


def sweep(files: Sequence[str], sets: Sequence[str], grids: Sequence[str]) -> str:
    """Train all combinations of a grid, once for each task; returns a table of what came out, the least development loss first.

    Raises ConfigError, before any work, for a setting or a value that cannot be.
    """
    points = read_grid(grids)
    configs = [load_config(files, [*sets, *assignments(point)])[0] for point in points]
    base, _ = load_config(files, sets)
    if any(config.train.launcher == "external" for config in configs):
        raise ConfigError("train.launcher = external starts one training; sweep with local or spark")
    for stage in takewhile(lambda stage: stage.name != "train", planned(base)):
        run_stage(stage.name, base)
    return "\n".join(
        report(task, tried)
        for task, tried in train_all(base, list(zip(points, configs, strict=True))).items()
    )


def read_grid(grids: Sequence[str]) -> list[Point]:
    """All combinations of a grid such as ["train.learning_rate=1e-3,3e-3", "model.units=64,128"]; one text can hold several settings."""
    values: dict[str, list[str]] = {}
    for grid in grids:
        setting = ""
        for part in grid.split(","):
            name, equals, value = part.rpartition("=")
            if equals:
                setting = name.strip()
                if setting in values:
                    raise ConfigError(f"--grid {grid}: {setting} stands twice")
                if not setting.startswith(_SWEPT):
                    raise ConfigError(
                        f"--grid {grid}: only settings of the sections model and train can be swept; set {setting or 'others'} with --set"
                    )
                values[setting] = []
            if not setting or not value.strip():
                raise ConfigError(f"--grid {grid}: write --grid section.setting=value,value,...")
            values[setting].append(value.strip())
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def assignments(point: Point) -> list[str]:
    """The settings as --set takes them."""
    return [f"{name}={value}" for name, value in point.items()]


def train_all(base: Config, trainings: Sequence[tuple[Point, Config]]) -> dict[str, list[Tried]]:
    """What came out of each training, by task, in nested runs; raises DataError without development examples."""
    store = Store(base.warehouse.root).pinned()
    metadata, shards = store.metadata(ShardMetadata), store.manifest("shard")
    for task in base.task_names:
        if task not in metadata.tasks or DEVELOPMENT not in metadata.tasks[task].splits:
            raise DataError(
                f"a sweep chooses by development loss, and {task} has no development examples; set split.development above 0"
            )
    tried = {task: list[Tried]() for task in base.task_names}
    with parent_run(
        base, "sweep", {"release_id": shards.release_id if shards else "", "code": code_version()}
    ) as parent:
        for number, (point, config) in enumerate(trainings, 1):
            name = " ".join(f"{setting.partition('.')[2]}={value}" for setting, value in point.items())
            nested = replace(
                config, tracking=replace(config.tracking, parent_run=parent.run_id, run_name=name)
            )
            for model, tasks in base.models.items():
                say(f"sweep     {number} of {len(trainings)}, {model}: {', '.join(assignments(point))}")
                for outcome in _try(store, tasks, point, replace(nested, tasks=model)):  # type: ignore[arg-type]
                    tried[outcome.task].append(outcome)
        best = {
            f"{task}_best_dev_loss": min(each.dev_loss for each in outcomes)
            for task, outcomes in tried.items()
        }
        parent.log_metrics({name: loss for name, loss in best.items() if loss < float("inf")})
    return tried


def _try(store: Store, tasks: Sequence[str], point: Point, config: Config) -> list[Tried]:
    """What comes out for each task of a model, trained in a draft that is never published; a failure does not end the sweep."""
    stage = STAGES["train"]
    with store.draft(stage.name) as draft, ExitStack() as resources:
        try:
            stage.run(StageContext(config, store, draft, resources, force=True, code=stage.code))
        except WorkError as error:
            say(f"  {error}")
            return [Tried(task, point, failure=str(error)) for task in tasks]
        return [_outcome(draft, task, point) for task in tasks]


def _outcome(draft: Draft, task: str, point: Point) -> Tried:
    if not isinstance(draft.metadata, TrainMetadata):
        raise TypeError("the training left no record")
    trained = draft.metadata.tasks[task]
    kept = json.loads((draft.path("MODEL") / task / "history.json").read_text())[trained.kept_epoch - 1]
    return Tried(task, point, trained.run_id, trained.kept_epoch, kept["dev_loss"], kept["dev_accuracy"])


def report(task: str, tried: Sequence[Tried]) -> str:
    """The trainings of a task as a table, the best first, and how to train with its settings. Raises WorkError when all have failed."""
    ordered = sorted(tried, key=lambda each: each.dev_loss)
    best = ordered[0]
    if best.failure:
        raise WorkError(f"sweep: every training of {task} failed; the first: {tried[0].failure}")
    header = ["dev loss", "dev accuracy", "epoch", *best.point, "MLflow run"]
    rows = [[*_figures(each), *each.point.values(), each.run_id or "failed"] for each in ordered]
    settings = " ".join(f"--set {each}" for each in assignments(best.point))
    table = aligned([header, *rows])
    return "\n".join(
        [
            f"\n{task}: {len(tried)} trainings",
            *table,
            f"best: {settings} (nothing is published; train with these to do so)",
        ]
    )


def _figures(each: Tried) -> list[str]:
    return (
        ["-", "-", "-"]
        if each.failure
        else [f"{each.dev_loss:.4f}", f"{each.dev_accuracy:.4f}", str(each.epoch)]
    )
