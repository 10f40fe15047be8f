"""The training loop, the same for one rank and for many: solo is the distributed case with size 1.

Each rank computes the sums of its part of a batch. One allreduce adds up the gradients, the number of
examples, and each head's loss, weight and number of correct predictions. Every rank then divides by the
number of examples and takes the same step. So N ranks do what one rank does with the whole batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from patent_spark.config import Train
from patent_spark.core.errors import StoppedError, WorkError
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.train.checkpoint import Arrays, EpochMetrics, TrainingState
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.dropout import with_shared_dropout
from patent_spark.stages.train.model.heads import Head, metrics_of, only_head
from patent_spark.stages.train.model.loss import interim_loss, weighted_cross_entropy
from patent_spark.stages.train.model.network import logits_of
from patent_spark.stages.train.model.optimizer import patience_is_over

if TYPE_CHECKING:
    import keras

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


class Trainer:
    """A network and how it takes a step together with the other ranks.

    heads: without them the network has a single head and no class weights.
    lanes: those that the rows of all ranks' batches lie in, if more than one a rank (see shard/layout.py).
    """

    def __init__(
        self,
        network: keras.Model,
        settings: Train,
        ranks: Ranks,
        optimizer: keras.optimizers.Optimizer,
        heads: Sequence[Head] = (),
        lanes: int | None = None,
    ) -> None:
        import tensorflow as tf

        self.network, self.settings, self.ranks = network, settings, ranks
        self._logits = with_shared_dropout(logits_of(network), ranks, lanes or ranks.size)
        self.heads = heads or [only_head(network.output_shape[-1])]
        self._optimizer = optimizer
        self._optimizer.build(network.trainable_variables)
        ranks.broadcast(self.variables)
        # Part of every allreduce, so that all ranks learn of a request after the same step.
        self._stop = tf.Variable(0.0)
        self.train_step, self.eval_step = self._compiled_steps()

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """All that a step changes, in a fixed order."""
        return [*self.network.variables, *self._optimizer.variables]

    def values(self) -> Arrays:
        """The current values of the variables."""
        return [variable.numpy() for variable in self.variables]

    def restore(self, values: Arrays) -> None:
        """Set the variables to what values() returned."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def request_stop(self) -> None:
        """Have the next step, of training or of evaluation, tell all ranks to stop."""
        self._stop.assign(1.0)

    def _sums(self, tokens: Any, label: Any, weight: Any, training: bool) -> tuple[Any, Any]:
        """The objective of a rank's part of a batch, and the sums that train_step() adds up over ranks."""
        import keras
        import tensorflow as tf

        longest = tf.reduce_max(tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32))
        all_logits = self._logits(tokens[:, : tf.maximum(longest, 1)], training=training)
        objective, sums = tf.constant(0.0), []
        for head, logits in zip(self.heads, keras.tree.flatten(all_logits), strict=True):
            objective, head_sums = self._head_sums(head, logits, label, weight, objective)
            sums += head_sums
        return objective, tf.stack([*sums, tf.reduce_sum(weight), self._stop])

    def _head_sums(
        self, head: Head, logits: Any, label: Any, weight: Any, objective: Any
    ) -> tuple[Any, list[Any]]:
        """Add a head's objective; returns it, and the head's loss, weight and correct predictions."""
        import tensorflow as tf

        smoothing = self.settings.label_smoothing
        own_label = tf.gather(tf.constant(head.label_map), label)
        known = weight * tf.cast(own_label < head.labels, tf.float32)
        own_label = tf.minimum(own_label, head.labels - 1)
        loss = tf.reduce_sum(known * tf.nn.sparse_softmax_cross_entropy_with_logits(own_label, logits))
        correct = tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == own_label, tf.float32)
        n_correct = tf.reduce_sum(known * correct)
        cross_entropy = weighted_cross_entropy(own_label, logits, head.weights, smoothing)
        objective += tf.reduce_sum(known * cross_entropy)
        if head.interim is not None:
            censored = weight * tf.cast(label >= head.labels, tf.float32)
            level = tf.maximum(label - head.labels, 0)
            objective += tf.reduce_sum(censored * interim_loss(level, logits, head.interim, smoothing))
        return objective, [loss, tf.reduce_sum(known), n_correct]

    def _compiled_steps(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import tensorflow as tf

        variables = [variable.value for variable in self.network.trainable_variables]
        # One signature for every batch: a second trace would give its allreduce another name than on the
        # other ranks.
        batch = [
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        ]

        @tf.function(input_signature=batch)
        def train_step(tokens: Any, label: Any, weight: Any) -> Any:
            """Take one step; returns sums over all ranks.

            They are loss, weight and number of correct predictions of each head, then the number of examples
            and of ranks that were asked to stop.
            """
            with tf.GradientTape() as tape:
                objective, sums = self._sums(tokens, label, weight, training=True)
                objective = self._optimizer.scale_loss(objective)
            *gradients, sums = self.ranks.sum([*tape.gradient(objective, variables), sums])
            gradients = [gradient / tf.maximum(sums[-2], 1.0) for gradient in gradients]
            self._optimizer.apply(gradients, self.network.trainable_variables)
            return sums

        @tf.function(input_signature=batch)
        def eval_step(tokens: Any, label: Any, weight: Any) -> Any:
            """The same sums without a step."""
            return self.ranks.sum([self._sums(tokens, label, weight, training=False)[1]])[0]

        return train_step, eval_step


def train(
    trainer: Trainer, feed: Feed, development: Feed | None, state: TrainingState, callbacks: Callbacks
) -> None:
    """Train from where `state` stands to the last epoch, or until patience is over.

    Leaves the network with the weights that are kept. Raises FeedError when the examples are not those of the
    manifest, WorkError when a loss is no longer finite, and StoppedError, with the state saved, when a rank
    was asked to stop.
    """
    settings = trainer.settings
    while state.epoch <= settings.epochs and not patience_is_over(state.history, settings.patience):
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
    return step(batch.tokens, batch.label, batch.weight).numpy()


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
