"""The training loop, the same for one rank and for many: solo is the distributed case with size 1."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from patent_spark.config import Train
from patent_spark.core.errors import StoppedError, WorkError
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.train.checkpoint import EpochMetrics, TrainingState
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.heads import metrics_of
from patent_spark.stages.train.model.optimizer import is_over, reduction
from patent_spark.stages.train.trainer import Trainer

if TYPE_CHECKING:
    from patent_spark.stages.shard.feed import Batch, Feed


@dataclass(frozen=True)
class Callbacks:
    """What a rank does beside its steps; the defaults are those of a rank other than 0."""

    stop_requested: Callable[[], bool] = lambda: False
    """Called before each step. If one rank was asked to stop, all stop after that step."""
    on_step: Callable[[int, int, str], None] = lambda *_: None
    """Steps done, steps in all, a note."""
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None
    save: Callable[[TrainingState], None] = lambda _: None
    """Write a checkpoint of the state and the trainer's variables."""


def train(
    trainer: Trainer, feed: Feed, development: Feed | None, state: TrainingState, callbacks: Callbacks
) -> None:
    """Train from where `state` stands to the last epoch, or until the development loss has stopped falling.

    Leaves the network with the weights that are kept. Raises FeedError when the examples are not those of the
    manifest, WorkError when a loss is no longer finite, and StoppedError, with the state saved, when a rank
    was asked to stop.
    """
    settings = trainer.settings
    while state.epoch <= settings.epochs and not is_over(state.history, settings):
        factor = reduction(state.history, settings)
        trainer.reduce_learning_rate(factor)
        _train_epoch(trainer, feed, state, callbacks)
        result: EpochMetrics = {
            "epoch": state.epoch,
            **metrics_of("train", trainer.heads, state.sums[:-1]),
            "examples_per_second": float(state.sums[-1]) / state.seconds,
        }
        if development is not None:
            sums = _evaluate(trainer, development, state, callbacks)
            _require_finite(DEVELOPMENT, sums, state.epoch, settings)
            result |= metrics_of("dev", trainer.heads, sums[:-1])
        if settings.keep == "last" or development is None or _is_best(result, state.history):
            state.kept_epoch, state.kept = state.epoch, trainer.network.get_weights()
        state.close_epoch(result)
        if reduction(state.history, settings) < factor:
            trainer.network.set_weights(state.kept)  # smaller steps start from the best point
        callbacks.save(state)
        callbacks.on_epoch(result)
    trainer.network.set_weights(state.kept)


def _train_epoch(trainer: Trainer, feed: Feed, state: TrainingState, callbacks: Callbacks) -> None:
    """Take the steps that are left of an epoch."""
    settings = trainer.settings
    started = time.monotonic() - state.seconds
    for batch in feed.epoch(state.epoch, state.step):
        sums = _run_step(trainer, trainer.train_step, batch, callbacks)
        state.step += 1
        state.sums = state.sums + sums[:-1]
        state.seconds = time.monotonic() - started
        _require_finite(TRAIN, state.sums, state.epoch, settings)
        _report_step(trainer, feed, state, callbacks)
        if sums[-1]:
            state.delivered = state.delivered + _delivered(feed, trainer.ranks)
            _stop(trainer, state, callbacks)
    state.delivered = state.delivered + _delivered(feed, trainer.ranks)
    feed.require_complete(state.delivered)


def _report_step(trainer: Trainer, feed: Feed, state: TrainingState, callbacks: Callbacks) -> None:
    epochs = trainer.settings.epochs
    done = (state.epoch - 1) * feed.steps_per_epoch + state.step
    loss = metrics_of("train", trainer.heads, state.sums[:-1])["train_loss"]
    speed = state.sums[-1] / state.seconds
    note = f"epoch {state.epoch}/{epochs}, loss {loss:.3f}, {speed:,.0f} examples/s"
    callbacks.on_step(done, epochs * feed.steps_per_epoch, note)


def _evaluate(trainer: Trainer, development: Feed, state: TrainingState, callbacks: Callbacks) -> Any:
    """The sums of eval_step() of a whole split over all ranks."""
    total: Any = 0.0
    for batch in development.epoch(0):
        sums = _run_step(trainer, trainer.eval_step, batch, callbacks)
        total += sums[:-1].astype(np.float64)
        if sums[-1]:
            _stop(trainer, state, callbacks)
    development.require_complete(_delivered(development, trainer.ranks))
    return total


def _run_step(trainer: Trainer, step: Callable[..., Any], batch: Batch, callbacks: Callbacks) -> Any:
    if callbacks.stop_requested():
        trainer.request_stop()
    return step(batch.tokens, batch.label, batch.weight, batch.features).numpy()


def _stop(trainer: Trainer, state: TrainingState, callbacks: Callbacks) -> None:
    callbacks.save(state)
    # A rank that ended early would be taken for a lost one, and the job ended while it saves.
    trainer.ranks.barrier()
    raise StoppedError(
        f"stopped in epoch {state.epoch} of {trainer.settings.epochs}, after step {state.step}; "
        "to go on, run the same command with --resume",
        epoch=state.epoch,
        step=state.step,
    )


def _delivered(feed: Feed, ranks: Ranks) -> Any:
    import tensorflow as tf

    return ranks.sum([tf.constant(feed.delivered)])[0].numpy()


def _is_best(result: EpochMetrics, history: Sequence[EpochMetrics]) -> bool:
    return all(result["dev_loss"] < earlier["dev_loss"] for earlier in history)


def _require_finite(split: str, sums: Any, epoch: int, settings: Train) -> None:
    """All ranks see the same sums and give up together.

    A loss that is not finite stays so and is never the best.
    """
    if not np.isfinite(sums.sum()):
        raise WorkError(
            f"the {split} loss is {sums.sum()} in epoch {epoch}: the steps are too large; "
            f"lower train.learning_rate (now {settings.learning_rate:g}) "
            f"or set train.clip_norm (now {settings.clip_norm:g})",
            setting="train.learning_rate",
            split=split,
            epoch=epoch,
        )
