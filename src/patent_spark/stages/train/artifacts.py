"""What rank 0 leaves of a finished training: the model's folder, and the same in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq

from patent_spark.config import Config
from patent_spark.core.schemas import TRAIN
from patent_spark.core.store import write_json, write_text
from patent_spark.stages.shard.layout import group_file
from patent_spark.stages.train.checkpoint import Epoch, State
from patent_spark.stages.train.launch.job import Job, Teller
from patent_spark.stages.train.model.network import with_one_head
from patent_spark.tracking.runs import UNCALIBRATED_MODEL, Run, TrackingError

if TYPE_CHECKING:
    import keras

_EXAMPLE_ROWS = 2


def save(job: Job, config: Config, network: keras.Model, state: State) -> None:
    """A model for each task and all that is needed to use it, in folders of the job's; of a joint model the task's own head."""
    words = (
        pyarrow.dataset.dataset(Path(job.vectors), format="parquet")
        .to_table(columns=["word"])["word"]
        .to_pylist()
    )
    for number, task in enumerate(config.models[job.model]):
        folder, section = job.models / task, config.task(task)
        folder.mkdir(parents=True, exist_ok=True)
        with_one_head(network, number).save(folder / "model.keras")
        write_text(folder / "vocabulary.txt", "".join(f"{word}\n" for word in words))
        write_json(folder / "history.json", [_own(epoch, config.prefix(task)) for epoch in state.history])
        described: dict[str, Any] = {
            "task": task,
            "labels": job.shards["tasks"][task]["labels"],
            "max_tokens": section.max_tokens,
            "min_tokens": section.min_tokens,
            "text": job.text,
            "vocabulary_digest": job.shards["vocabulary_digest"],
            "run_id": job.run_id,
            "release_id": job.release_id,
            "key": job.key,
            "kept_epoch": state.kept_epoch,
        }
        write_json(folder / "task.json", described)


def _own(epoch: Epoch, prefix: str) -> Epoch:
    """The figures of an epoch with a task's own under the names that they have in a model of one task."""
    return {name.replace(prefix, ""): value for name, value in epoch.items()}


def log_the_rest(
    job: Job,
    config: Config,
    run: Run,
    network: keras.Model,
    state: State,
    teller: Teller,
    tags: Mapping[str, str],
) -> None:
    """Keep the model in MLflow as well, under a name that says that its probabilities are not calibrated: `evaluate` adds those that are.

    It is saved by now: a server that went away meanwhile does not undo the training.
    """
    unsent = run.log_epochs(state.history)
    if unsent:
        teller.line(
            f"  {job.model}: the metrics of epochs {', '.join(map(str, unsent))} could not be sent to MLflow; history.json has them all"
        )
    first = pq.read_table(Path(job.examples) / TRAIN / group_file(0), columns=["tokens"])[
        "tokens"
    ].to_pylist()[:_EXAMPLE_ROWS]
    tokens = np.array([np.frombuffer(row, "<i4") for row in first])
    try:
        for name, value in tags.items():
            run.tag(name, value)
        for number, task in enumerate(config.models[job.model]):
            prefix, about = (
                config.prefix(task),
                {"labels": job.shards["tasks"][task]["labels"], "calibration": None},
            )
            run.log_model(with_one_head(network, number), tokens, f"{prefix}{UNCALIBRATED_MODEL}", about)
            run.log_texts(job.models / task, f"{prefix}training")
    except TrackingError as error:
        teller.line(f"  {job.model}: the model is saved, but not in MLflow: {error}")
