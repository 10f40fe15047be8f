"""One rank of a training: `python -m patent_spark.training.rank <job folder>`.

Started by the launcher or by any program that sets Horovod's environment. Rank 0 alone logs, reports and saves.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow.dataset
import pyarrow.parquet as pq

from patent_spark.checks import DataError
from patent_spark.config import Config
from patent_spark.schemas import DEVELOPMENT, TRAIN
from patent_spark.shards.feed import Feed
from patent_spark.shards.layout import Layout, group_file
from patent_spark.store import write_json, write_text
from patent_spark.tracking import TrackingError, attach
from patent_spark.training.job import Failure, Job, Teller
from patent_spark.training.loop import Epoch, Learner, Trained, train
from patent_spark.training.model import build_model
from patent_spark.training.ranks import Ranks, is_lost_peer, joined

if TYPE_CHECKING:
    import keras

PARENT = "PATENT_SPARK_LAUNCHER"
"""Environment variable with the launcher's process id: a rank does not outlive it."""
_EXAMPLE_ROWS = 2


def main(folder: Path) -> int:
    """Train; on an error leave a Failure in the folder and return 1."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _follow_launcher()
    rank = int(os.environ.get("HOROVOD_RANK", "0"))
    try:
        job, config = Job.read(folder)
        with joined() as ranks:
            _use_own_gpu(ranks)
            network, trained = _train(job, config, ranks)
            if ranks.rank == 0:
                save(job, config, network, trained)
        if ranks.rank == 0:
            _log_model(job, config, network)
        return 0
    except Exception as error:
        traceback.print_exc()
        message = " ".join(str(error).split())
        Failure(type(error).__name__, message, isinstance(error, DataError), is_lost_peer(error)).write(folder, rank)
        return 1


def _train(job: Job, config: Config, ranks: Ranks) -> tuple[keras.Model, Trained]:
    knobs = config.train

    def feed(split: str) -> Feed | None:
        if split not in job.shards["tasks"][job.task]["splits"]:
            return None
        layout = Layout.of(job.shards, job.task, split)
        return Feed(
            Path(job.examples) / split,
            layout,
            world=ranks.size,
            rank=ranks.rank,
            batch=knobs.batch,
            seed=knobs.seed,
            bucket_by_length=knobs.bucket_by_length,
        )

    examples, development = feed(TRAIN), feed(DEVELOPMENT)
    if examples is None:
        raise DataError(f"{job.examples} has no split {TRAIN}; run `patent-spark shard` again")
    network = build_model(config.model, read_vectors(Path(job.vectors)), len(job.shards["tasks"][job.task]["labels"]), knobs.seed)
    learner = Learner(network, knobs, ranks)
    if ranks.rank > 0:
        return network, train(learner, examples, development, knobs, ranks, lambda *_: None, lambda _: None)
    teller, run = Teller(Path(job.folder)), attach(config, job.run_id)

    def on_epoch(epoch: Epoch) -> None:
        run.log_epoch(int(epoch["epoch"]), {name: value for name, value in epoch.items() if name != "epoch"})
        teller.line(_sentence(job.task, epoch, knobs.epochs))

    return network, train(learner, examples, development, knobs, ranks, teller.step, on_epoch)


def read_vectors(directory: Path) -> npt.NDArray[np.float32]:
    """VECTORS as float32 [words, dimensions], in the order of ids."""
    column = pyarrow.dataset.dataset(directory, format="parquet").to_table(columns=["vector"])["vector"].combine_chunks()
    return np.asarray(column.flatten(), np.float32).reshape(len(column), -1)


def save(job: Job, config: Config, network: keras.Model, trained: Trained) -> None:
    """The model and all that is needed to use it, in the job's folder."""
    job.model.mkdir(exist_ok=True)
    section = config.task(job.task)
    words = pyarrow.dataset.dataset(Path(job.vectors), format="parquet").to_table(columns=["word"])["word"].to_pylist()
    network.save(job.model / "model.keras")
    write_text(job.model / "vocabulary.txt", "".join(f"{word}\n" for word in words))
    write_json(job.model / "history.json", trained.history)
    described: dict[str, Any] = {
        "task": job.task,
        "labels": job.shards["tasks"][job.task]["labels"],
        "max_tokens": section.max_tokens,
        "min_tokens": section.min_tokens,
        "vocabulary_digest": job.shards["vocabulary_digest"],
        "run_id": job.run_id,
        "release_id": job.release_id,
        "key": job.key,
        "kept_epoch": trained.kept_epoch,
    }
    write_json(job.model / "task.json", described)


def _log_model(job: Job, config: Config, network: keras.Model) -> None:
    """Keep the model in MLflow as well. It is saved by now: a server that went away meanwhile does not undo the training."""
    first = pq.read_table(Path(job.examples) / TRAIN / group_file(0), columns=["tokens"])["tokens"].to_pylist()[:_EXAMPLE_ROWS]
    tokens = np.array([np.frombuffer(row, "<i4") for row in first])
    try:
        attach(config, job.run_id).log_model(network, tokens, job.model)
    except TrackingError as error:
        Teller(Path(job.folder)).line(f"  {job.task}: the model is saved, but not in MLflow: {error}")


def _sentence(task: str, epoch: Epoch, epochs: int) -> str:
    text = f"  {task} epoch {epoch['epoch']}/{epochs}: loss {epoch['train_loss']:.3f}, accuracy {epoch['train_accuracy']:.3f}"
    if "dev_loss" in epoch:
        text += f"; development {epoch['dev_loss']:.3f}, {epoch['dev_accuracy']:.3f}"
    return f"{text}; {epoch['examples_per_second']:,.0f} examples/s"


def _use_own_gpu(ranks: Ranks) -> None:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        own = gpus[ranks.local_rank % len(gpus)]
        tf.config.set_visible_devices(own, "GPU")
        tf.config.experimental.set_memory_growth(own, True)


def _follow_launcher() -> None:
    """End this process when its launcher is gone, even one that was killed."""
    launcher = os.environ.get(PARENT)
    if launcher is None:
        return

    def watch() -> None:
        while os.getppid() == int(launcher):
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Horovod's threads can hang at exit when a peer is gone
