"""One rank of a training: `python -m patent_spark.stages.train.launch.worker <job folder>`.

Started by the launcher or by any program that sets Horovod's environment. Rank 0 alone logs, reports and saves.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.dataset

from patent_spark.config import Config
from patent_spark.core.errors import DataError, StoppedError
from patent_spark.core.progress import log
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.shard.feed import Feed
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.artifacts import log_the_rest, save
from patent_spark.stages.train.checkpoint import Checkpoint, Epoch, State, require_space
from patent_spark.stages.train.launch.gpus import lstm_kernel, use_own_gpu
from patent_spark.stages.train.launch.horovod import Ranks, is_lost_peer, joined
from patent_spark.stages.train.launch.job import Failure, Job, Teller, asked_to_stop
from patent_spark.stages.train.loop import Learner, Watch, train
from patent_spark.stages.train.metric_sender import Sender
from patent_spark.stages.train.model.heads import heads_of
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam, with_enough_epochs
from patent_spark.tracking.runs import attach

_LAST_WORD_S = 5.0

PARENT = "PATENT_SPARK_LAUNCHER"
"""Environment variable with the launcher's process id: a rank does not outlive it."""


def main(folder: Path) -> int:
    """Train as a process of one's own; returns its exit code."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return take_part(folder)


def take_part(folder: Path) -> int:
    """Train; on an error leave a Failure in the folder and return 1."""
    asked = _listen(folder)
    rank = int(os.environ.get("HOROVOD_RANK", "0"))
    try:
        job, config = Job.read(folder)
        with joined() as ranks:
            rank = ranks.rank
            use_own_gpu(ranks, config.train.launcher)
            finish = _train(job, config, ranks, asked)
        finish()
        return 0
    except Exception as error:
        log.exception("rank %d failed", rank)
        message = " ".join(str(error).split())
        Failure(type(error).__name__, message, isinstance(error, DataError), is_lost_peer(error)).write(
            folder, rank
        )
        return 1


def _train(job: Job, config: Config, ranks: Ranks, asked: Callable[[], bool]) -> Callable[[], None]:
    """Train and, on rank 0, save; returns what is left to be done when the other ranks need not wait."""
    folder, tasks = Path(job.folder), config.models[job.model]
    examples, development = (_feed(job, config, ranks, split) for split in (TRAIN, DEVELOPMENT))
    if examples is None:
        raise DataError(f"{job.examples} has no split {TRAIN}; run `patent-spark shard` again")
    for feed in (examples, development):
        if feed is not None:
            feed.require_unchanged()
    settings = with_enough_epochs(config.train, examples.steps_per_epoch)
    sizes = [len(job.shards["tasks"][task]["labels"]) for task in tasks]
    network = build_model(
        config.model, read_vectors(Path(job.vectors)), sizes, settings.seed, settings.precision
    )
    heads = heads_of(
        config, tasks, sizes, Path(job.examples) / TRAIN, job.shards["tasks"][job.model].get("early", [])
    )
    optimizer = adam(settings, settings.epochs * examples.steps_per_epoch)
    learner, state = Learner(network, settings, ranks, optimizer, heads, examples.layout.lanes), State()
    before = Checkpoint.read(folder) if job.resume else None
    if before is not None:
        learner.restore(before.variables)
        state = before.state
    if ranks.rank > 0:
        train(learner, examples, development, settings, ranks, state, Watch(asked))
        return lambda: None
    require_space(folder, learner.values(), network.get_weights())
    teller, run = Teller(folder), attach(config, job.run_id)
    sender = Sender(run)
    sender.send(state.history)
    kernel = lstm_kernel(learner.step, settings, lambda warning: teller.line(f"  {job.model}: {warning}"))

    def on_epoch(epoch: Epoch) -> None:
        sender.send(state.history)
        teller.line(_sentence(job.model, epoch, settings.epochs))

    def keep(state: State) -> None:
        Checkpoint(state, learner.values(), job.run_id).write(folder)

    with run.machine_watched():
        try:
            train(
                learner,
                examples,
                development,
                settings,
                ranks,
                state,
                Watch(asked, teller.step, on_epoch, keep),
            )
        except StoppedError:
            sender.wait(_LAST_WORD_S)  # what is not sent by then is sent when the training goes on
            raise
    save(job, config, network, state)

    def finish() -> None:
        sender.wait()
        log_the_rest(job, config, run, network, state, teller, {"lstm_kernel": kernel})

    return finish


def _feed(job: Job, config: Config, ranks: Ranks, split: str) -> Feed | None:
    if split not in job.shards["tasks"][job.model]["splits"]:
        return None
    settings, layout = config.train, Layout.of(job.shards, job.model, split)
    where = Path(job.examples) / split
    return Feed(
        where,
        layout,
        world=ranks.size,
        rank=ranks.rank,
        batch=settings.batch,
        seed=settings.seed,
        bucket_by_length=settings.bucket_by_length,
    )


def read_vectors(directory: Path) -> npt.NDArray[np.float32]:
    """VECTORS as float32 [words, dimensions], in the order of ids."""
    column = (
        pyarrow.dataset.dataset(directory, format="parquet")
        .to_table(columns=["vector"])["vector"]
        .combine_chunks()
    )
    return np.asarray(column.flatten(), np.float32).reshape(len(column), -1)


def _sentence(model: str, epoch: Epoch, epochs: int) -> str:
    def accuracy(split: str) -> str:
        return " and ".join(
            f"{value:.3f}"
            for name, value in epoch.items()
            if name.startswith(split) and name.endswith("accuracy")
        )

    text = f"  {model} epoch {epoch['epoch']}/{epochs}: loss {epoch['train_loss']:.3f}, accuracy {accuracy('train')}"
    if "dev_loss" in epoch:
        text += f"; development {epoch['dev_loss']:.3f}, {accuracy('dev')}"
    return f"{text}; {epoch['examples_per_second']:,.0f} examples/s"


def _listen(folder: Path) -> Callable[[], bool]:
    """Whether this rank was asked to stop: by SIGTERM or, through the folder, by the driver.

    A rank does not outlive its launcher, not even a killed one.
    """
    asked, launcher = threading.Event(), os.environ.get(PARENT)
    signal.signal(signal.SIGTERM, lambda *_: asked.set())

    def look() -> None:
        while launcher is None or os.getppid() == int(launcher):
            if asked_to_stop(folder):
                asked.set()
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
    return asked.is_set


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Horovod's threads can hang at exit when a peer is gone
