"""How long each stage took and how many rows it wrote, in the MLflow runs of the models made from it."""

from __future__ import annotations

from collections.abc import Sequence

from patent_spark.config import Config
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import TrainMetadata
from patent_spark.core.progress import say
from patent_spark.core.store import Store
from patent_spark.tracking.runs import TrackingError, attach

_BEFORE_TRAINING = ("simulate", "ingest", "label", "quality", "split", "text", "shard")
_AFTER_TRAINING = ("evaluate", "audit", "register")


def log_stage(config: Config, store: Store, manifest: Manifest) -> None:
    """Log a stage that has just been published: a training with all stages before it, a later stage alone.

    Other stages have no run yet, or none at all. store: the versions that the stage read. Failures are
    logged, not raised.
    """
    if manifest.stage == "train":
        stages = [each for name in _BEFORE_TRAINING if (each := store.manifest(name)) is not None]
        _log(config, [*stages, manifest], manifest)
    elif manifest.stage in _AFTER_TRAINING and (trained := store.manifest("train")) is not None:
        _log(config, [manifest], trained)


def _log(config: Config, stages: Sequence[Manifest], trained: Manifest) -> None:
    record = trained.metadata_if_readable(TrainMetadata)
    runs = {task.run_id for task in record.tasks.values() if task.run_id} if record else set()
    try:
        for run_id in sorted(runs):
            attach(config, run_id).log_metrics(stage_metrics(stages))
    except TrackingError as error:
        say(f"  seconds and rows of the stages were not logged to MLflow: {error}")


def stage_metrics(stages: Sequence[Manifest]) -> dict[str, float]:
    """`seconds/<stage>` and `rows/<TABLE>`; MLflow groups charts by what is before the slash."""
    seconds = {f"seconds/{each.stage}": each.seconds for each in stages}
    rows = {f"rows/{name}": size["rows"] for each in stages for name, size in each.tables.items()}
    return seconds | rows
