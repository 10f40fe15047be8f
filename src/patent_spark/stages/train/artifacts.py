"""What rank 0 leaves of a finished training: a folder for each task's model, and the same in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow.dataset
import pyarrow.parquet as pq

from patent_spark.config import Config
from patent_spark.core.files import write_text
from patent_spark.core.lineage import LINEAGE_FILE
from patent_spark.core.metadata import EpochRecord
from patent_spark.core.model_files import TaskDescription, write_history
from patent_spark.core.schemas import TRAIN
from patent_spark.stages.shard.layout import group_file
from patent_spark.stages.train.checkpoint import EpochMetrics, TrainingState
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.progress import ProgressWriter
from patent_spark.stages.train.model.network import with_one_head
from patent_spark.tracking.runs import UNCALIBRATED_MODEL, Run, TrackingError

if TYPE_CHECKING:
    import keras

_INPUT_EXAMPLES = 2


def save_models(job: Job, config: Config, network: keras.Model, state: TrainingState) -> None:
    """A folder for each task: its model (of a joint one, its own head) and all that using it takes."""
    vectors = pyarrow.dataset.dataset(Path(job.vectors), format="parquet")
    words = vectors.to_table(columns=["word"])["word"].to_pylist()
    for number, task in enumerate(config.models[job.model]):
        folder = job.models / task
        folder.mkdir(parents=True, exist_ok=True)
        with_one_head(network, number).save(folder / "model.keras")
        write_text(folder / "vocabulary.txt", "".join(f"{word}\n" for word in words))
        write_history(folder, [_record(epoch, config.prefix(task)) for epoch in state.history])
        _described(job, config, task, state.kept_epoch).write(folder)


def _described(job: Job, config: Config, task: str, kept_epoch: int) -> TaskDescription:
    section = config.task(task)
    return TaskDescription(
        task=task,
        labels=job.shards.tasks[task].labels,
        max_tokens=section.max_tokens,
        min_tokens=section.min_tokens,
        text=job.text,
        vocabulary_digest=job.shards.vocabulary_digest,
        run_id=job.run_id,
        release_id=job.release_id,
        key=job.key,
        kept_epoch=kept_epoch,
        features=job.shards.tasks[task].features,
    )


def _record(epoch: EpochMetrics, prefix: str) -> EpochRecord:
    """An epoch whose metrics of a task have the names that they have in a model of that task alone."""
    return EpochRecord.model_validate({name.replace(prefix, ""): value for name, value in epoch.items()})


def log_models(
    job: Job,
    config: Config,
    run: Run,
    network: keras.Model,
    state: TrainingState,
    progress: ProgressWriter,
    tags: Mapping[str, str],
) -> None:
    """Log to MLflow what it lacks: epochs, tags, and the models, named as not yet calibrated.

    The stage `evaluate` adds the calibrated ones. The models are saved by now, so a server that is gone does
    not undo the training; what it lacks is reported.
    """
    if unsent := run.log_epochs(state.history):
        epochs = ", ".join(map(str, unsent))
        progress.line(
            f"  {job.model}: MLflow lacks the metrics of epochs {epochs}; history.json has them all"
        )
    try:
        for name, value in tags.items():
            run.tag(name, value)
        _log_task_models(job, config, run, network)
    except TrackingError as error:
        progress.line(f"  {job.model}: the model is saved, but not in MLflow: {error}")


def _log_task_models(job: Job, config: Config, run: Run, network: keras.Model) -> None:
    inputs = _input_examples(job)
    for number, task in enumerate(config.models[job.model]):
        name = f"{config.prefix(task)}{UNCALIBRATED_MODEL}"
        metadata = {"labels": job.shards.tasks[task].labels, "calibration": None}
        run.log_model(with_one_head(network, number), inputs, name, metadata)
        folder = f"{config.prefix(task)}training"
        run.log_texts(job.models / task, folder)
        run.link_artifact("lineage", f"{folder}/{LINEAGE_FILE}")


def _input_examples(job: Job) -> dict[str, npt.NDArray[Any]]:
    """The first examples: tokens int32 [n, max_tokens], and features float32 [n, width] if there are any."""
    kinds = {"tokens": "<i4"} | ({"features": "<f4"} if job.shards.tasks[job.model].features else {})
    table = pq.read_table(Path(job.examples) / TRAIN / group_file(0), columns=list(kinds))
    return {
        name: np.array([np.frombuffer(row, kind) for row in table[name].to_pylist()[:_INPUT_EXAMPLES]])
        for name, kind in kinds.items()
    }
