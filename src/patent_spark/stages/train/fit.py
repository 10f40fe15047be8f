"""Train one model as one of the ranks: data, network, optimizer, checkpoint and run put together.

Rank 0 alone logs, reports and saves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from patent_spark.config import Config, Train
from patent_spark.core.errors import DataError, StoppedError
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.shard.feed import Feed
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.artifacts import log_models, save_models
from patent_spark.stages.train.checkpoint import Checkpoint, EpochMetrics, TrainingState, require_space
from patent_spark.stages.train.launch.gpus import lstm_kernel
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.progress import ProgressWriter
from patent_spark.stages.train.local_copies import row_groups_of
from patent_spark.stages.train.loop import Callbacks, train
from patent_spark.stages.train.metric_logger import AsyncMetricLogger
from patent_spark.stages.train.model.heads import heads_of
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam, with_enough_epochs, without_development
from patent_spark.stages.train.trainer import Trainer
from patent_spark.stages.train.vectors import read_vectors
from patent_spark.tracking.runs import attach

_FLUSH_S = 5.0


def fit(job: Job, config: Config, ranks: Ranks, stop_requested: Callable[[], bool]) -> Callable[[], None]:
    """Train and, on rank 0, save; returns a function that does what the other ranks need not wait for.

    Raises DataError when the examples are not those of the manifest, WorkError when the disk is too small or
    a loss is not finite, and StoppedError when a rank was asked to stop.
    """
    with row_groups_of(job, config.train, ranks) as folder:
        return _fit(job, config, ranks, stop_requested, folder)


def _fit(
    job: Job, config: Config, ranks: Ranks, stop_requested: Callable[[], bool], folder: Path
) -> Callable[[], None]:
    examples, development = _feeds(job, config, ranks, folder)
    settings = with_enough_epochs(config.train, examples.steps_per_epoch)
    if development is None:
        settings = without_development(settings)
    trainer = _trainer(job, config, settings, ranks, examples)
    state = _restored(job, trainer)
    if ranks.rank > 0:
        train(trainer, examples, development, state, Callbacks(stop_requested))
        return lambda: None
    require_space(Path(job.folder), trainer.values(), trainer.network.get_weights())
    return _fit_and_save(job, config, trainer, (examples, development), state, stop_requested)


def _fit_and_save(
    job: Job,
    config: Config,
    trainer: Trainer,
    feeds: tuple[Feed, Feed | None],
    state: TrainingState,
    stop_requested: Callable[[], bool],
) -> Callable[[], None]:
    """The part of rank 0: it trains like the others, and logs, reports and saves."""
    progress, run = ProgressWriter(Path(job.folder)), attach(config, job.run_id)
    metric_logger = AsyncMetricLogger(run)
    metric_logger.log(state.history)
    kernel = lstm_kernel(
        trainer.train_step, trainer.settings, lambda warning: progress.line(f"  {job.model}: {warning}")
    )

    def on_epoch(epoch: EpochMetrics) -> None:
        metric_logger.log(state.history)
        progress.line(_epoch_line(job.model, epoch, trainer.settings.epochs))

    def save(state: TrainingState) -> None:
        Checkpoint(state, trainer.values(), job.run_id).write(Path(job.folder))

    with run.machine_watched():
        try:
            train(trainer, *feeds, state, Callbacks(stop_requested, progress.step, on_epoch, save))
        except StoppedError:
            # What is not sent by then is sent when the training goes on.
            metric_logger.flush(_FLUSH_S)
            raise
    save_models(job, config, trainer.network, state)

    def finish() -> None:
        metric_logger.flush()
        log_models(job, config, run, trainer.network, state, progress, {"lstm_kernel": kernel})

    return finish


def _feeds(job: Job, config: Config, ranks: Ranks, folder: Path) -> tuple[Feed, Feed | None]:
    """The examples to train on and those to develop on, checked against the manifest."""
    examples, development = (
        _feed(job, config.train, ranks, folder / split) for split in (TRAIN, DEVELOPMENT)
    )
    if examples is None:
        raise DataError(
            f"{job.examples} has no split {TRAIN}; run `patent-spark shard` again",
            stage="shard",
            split=TRAIN,
        )
    for feed in (examples, development):
        if feed is not None:
            feed.require_unchanged()
    return examples, development


def _feed(job: Job, settings: Train, ranks: Ranks, folder: Path) -> Feed | None:
    split = folder.name
    if split not in job.shards.tasks[job.model].splits:
        return None
    return Feed(
        folder,
        Layout.of(job.shards, job.model, split),
        world=ranks.size,
        rank=ranks.rank,
        batch=settings.batch,
        seed=settings.seed,
        bucket_by_length=settings.bucket_by_length,
    )


def _trainer(job: Job, config: Config, settings: Train, ranks: Ranks, examples: Feed) -> Trainer:
    tasks = config.models[job.model]
    sizes = [len(job.shards.tasks[task].labels) for task in tasks]
    vectors = [read_vectors(Path(job.vectors)), *map(np.load, job.further_vectors)]
    network = build_model(
        config.model,
        vectors,
        sizes,
        settings.seed,
        settings.precision,
        features=examples.layout.feature_width,
    )
    interim = job.shards.tasks[job.model].interim
    heads = heads_of(config, tasks, sizes, Path(job.examples) / TRAIN, interim)
    optimizer = adam(settings, settings.epochs * examples.steps_per_epoch)
    return Trainer(network, settings, ranks, optimizer, heads, examples.layout.virtual_shards)


def _restored(job: Job, trainer: Trainer) -> TrainingState:
    """The state to start from: that of the checkpoint if the job resumes, its variables set."""
    checkpoint = Checkpoint.read(Path(job.folder)) if job.resume else None
    if checkpoint is None:
        return TrainingState()
    trainer.restore(checkpoint.variables)
    return checkpoint.state


def _epoch_line(model: str, epoch: EpochMetrics, epochs: int) -> str:
    line = f"  {model} epoch {epoch['epoch']}/{epochs}: loss {epoch['train_loss']:.3f}"
    line += f", accuracy {_accuracies('train', epoch)}"
    if "dev_loss" in epoch:
        line += f"; development {epoch['dev_loss']:.3f}, {_accuracies('dev', epoch)}"
    return f"{line}; {epoch['examples_per_second']:,.0f} examples/s"


def _accuracies(split: str, epoch: EpochMetrics) -> str:
    """Of each task."""
    names = [name for name in epoch if name.startswith(split) and name.endswith("accuracy")]
    return " and ".join(f"{epoch[name]:.3f}" for name in names)
