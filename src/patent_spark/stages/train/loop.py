"""The training loop, the same for one rank and for many: solo is the distributed case with size 1.

Each rank computes the sums of its part of a batch; the sums of gradients, examples, and each head's loss, weight and
hits over all ranks go through one allreduce; every rank then divides by the examples and takes the same step. So N
ranks do what one rank does with the whole batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from patent_spark.config import Train
from patent_spark.core.errors import StoppedError, WorkError
from patent_spark.stages.train.checkpoint import Arrays, Epoch, State
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.dropout import with_shared_dropout
from patent_spark.stages.train.model.heads import Head, figures, only_head
from patent_spark.stages.train.model.loss import objective, objective_of_early
from patent_spark.stages.train.model.network import logits_of
from patent_spark.stages.train.model.optimizer import out_of_patience

if TYPE_CHECKING:
    import keras

    from patent_spark.stages.shard.feed import Batch, Feed


@dataclass(frozen=True)
class Watch:
    """What a rank does beside its steps; the defaults are those of a rank that only takes part."""

    asked_to_stop: Callable[[], bool] = lambda: False
    """Looked at before each step; if one rank was asked, all stop after that step."""
    on_step: Callable[[int, int, str], None] = lambda *_: None
    """Steps done, steps in all, a note."""
    on_epoch: Callable[[Epoch], None] = lambda _: None
    save: Callable[[State], None] = lambda _: None
    """Keep a state together with the learner's variables."""


class Learner:
    """A network and how it takes a step together with the other ranks; without `heads` it has one, and no weights.

    lanes: those that the rows of all ranks' batches lie in, if more than one a rank (see shards/layout.py).
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

        self.network, self._settings, self._ranks = network, settings, ranks
        self._logits = with_shared_dropout(logits_of(network), ranks, lanes or ranks.size)
        self.heads = heads or [only_head(network.output_shape[-1])]
        self._optimizer = optimizer
        self._optimizer.build(network.trainable_variables)
        ranks.take_from_first(self.variables)
        self._stop = tf.Variable(
            0.0
        )  # part of every exchange, so that all ranks learn of it after the same step
        self.step, self.judge = self._functions()

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """All that a step changes, in a fixed order."""
        return [*self.network.variables, *self._optimizer.variables]

    def values(self) -> Arrays:
        """What the variables are now."""
        return [variable.numpy() for variable in self.variables]

    def restore(self, values: Arrays) -> None:
        """Set the variables to what values() gave."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def ask_to_stop(self) -> None:
        """Let the next step or judgement tell all ranks to stop."""
        self._stop.assign(1.0)

    def _sums(self, tokens: Any, label: Any, weight: Any, training: bool) -> tuple[Any, Any]:
        """The sum that the gradient is of, and what step() returns, over one rank's part of a batch."""
        import keras
        import tensorflow as tf

        longest = tf.reduce_max(tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32))
        all_logits = self._logits(tokens[:, : tf.maximum(longest, 1)], training=training)
        aim, sums = tf.constant(0.0), []
        for head, logits in zip(self.heads, keras.tree.flatten(all_logits), strict=True):
            answer = tf.gather(tf.constant(head.answers), label)
            known, answer = (
                weight * tf.cast(answer < head.labels, tf.float32),
                tf.minimum(answer, head.labels - 1),
            )
            loss = tf.reduce_sum(known * tf.nn.sparse_softmax_cross_entropy_with_logits(answer, logits))
            hits = tf.reduce_sum(
                known * tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == answer, tf.float32)
            )
            aim += tf.reduce_sum(
                known * objective(answer, logits, head.weights, self._settings.label_smoothing)
            )
            if head.early is not None:
                open_, row = (
                    weight * tf.cast(label >= head.labels, tf.float32),
                    tf.maximum(label - head.labels, 0),
                )
                aim += tf.reduce_sum(
                    open_ * objective_of_early(row, logits, head.early, self._settings.label_smoothing)
                )
            sums += [loss, tf.reduce_sum(known), hits]
        return aim, tf.stack([*sums, tf.reduce_sum(weight), self._stop])

    def _functions(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import tensorflow as tf

        variables = [variable.value for variable in self.network.trainable_variables]
        # One signature for every batch: a second trace would give its allreduce another name than on the other ranks.
        batch = [
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        ]

        @tf.function(input_signature=batch)
        def step(tokens: Any, label: Any, weight: Any) -> Any:
            """Take one step; returns [loss, weight, hits of each head..., examples, ranks that were asked to stop] summed over all ranks."""
            with tf.GradientTape() as tape:
                aim, sums = self._sums(tokens, label, weight, training=True)
                aim = self._optimizer.scale_loss(aim)
            *gradients, sums = self._ranks.sum([*tape.gradient(aim, variables), sums])
            gradients = [gradient / tf.maximum(sums[-2], 1.0) for gradient in gradients]
            self._optimizer.apply(gradients, self.network.trainable_variables)
            return sums

        @tf.function(input_signature=batch)
        def judge(tokens: Any, label: Any, weight: Any) -> Any:
            """The same sums without a step."""
            return self._ranks.sum([self._sums(tokens, label, weight, training=False)[1]])[0]

        return step, judge


def train(
    learner: Learner,
    feed: Feed,
    development: Feed | None,
    settings: Train,
    ranks: Ranks,
    state: State,
    watch: Watch,
) -> None:
    """Train from where `state` stands to the end of settings.epochs, or of its patience; the network is left with the weights that are kept.

    Raises FeedError when the examples are not what the manifest promises, WorkError when a loss is no longer finite, and
    StoppedError, with the state saved, when a rank was asked to stop.
    """
    while state.epoch <= settings.epochs and not out_of_patience(state.history, settings.patience):
        _take_steps(learner, feed, settings, ranks, state, watch)
        learned = figures("train", learner.heads, state.sums[:-1])
        result = {
            "epoch": state.epoch,
            **learned,
            "examples_per_second": float(state.sums[-1]) / state.seconds,
        }
        if development is not None:
            judged = _judge(learner, development, settings, ranks, state, watch)
            _require_finite("development", judged, state.epoch, settings)
            result |= figures("dev", learner.heads, judged[:-1])
        if settings.keep == "last" or development is None or _is_best(result, state.history):
            state.kept_epoch, state.kept = state.epoch, learner.network.get_weights()
        state.close_epoch(result)
        watch.save(state)
        watch.on_epoch(result)
    learner.network.set_weights(state.kept)


def _take_steps(
    learner: Learner, feed: Feed, settings: Train, ranks: Ranks, state: State, watch: Watch
) -> None:
    """The steps that are left of an epoch."""
    before, total = (state.epoch - 1) * feed.steps_per_epoch, settings.epochs * feed.steps_per_epoch
    started = time.monotonic() - state.seconds
    for batch in feed.epoch(state.epoch, state.step):
        sums = _exchanged(learner, learner.step, batch, watch)
        state.step, state.sums, state.seconds = (
            state.step + 1,
            state.sums + sums[:-1],
            time.monotonic() - started,
        )
        _require_finite("training", state.sums, state.epoch, settings)
        loss, pace = (
            figures("train", learner.heads, state.sums[:-1])["train_loss"],
            state.sums[-1] / state.seconds,
        )
        watch.on_step(
            before + state.step,
            total,
            f"epoch {state.epoch}/{settings.epochs}, loss {loss:.3f}, {pace:,.0f} examples/s",
        )
        if sums[-1]:
            state.delivered = state.delivered + _delivered(feed, ranks)
            _stop(state, settings, ranks, watch)
    state.delivered = state.delivered + _delivered(feed, ranks)
    feed.require_complete(state.delivered)


def _judge(
    learner: Learner, development: Feed, settings: Train, ranks: Ranks, state: State, watch: Watch
) -> Any:
    """The sums of a whole split over all ranks."""
    total: Any = 0.0
    for batch in development.epoch(0):
        sums = _exchanged(learner, learner.judge, batch, watch)
        total += sums[:-1].astype(np.float64)
        if sums[-1]:
            _stop(state, settings, ranks, watch)
    development.require_complete(_delivered(development, ranks))
    return total


def _exchanged(learner: Learner, function: Callable[..., Any], batch: Batch, watch: Watch) -> Any:
    if watch.asked_to_stop():
        learner.ask_to_stop()
    return function(batch.tokens, batch.label, batch.weight).numpy()


def _stop(state: State, settings: Train, ranks: Ranks, watch: Watch) -> None:
    watch.save(state)
    ranks.wait_for_all()  # a rank that ends early would be taken for a lost one, and the job ended while it saves
    place = f"epoch {state.epoch} of {settings.epochs}, after step {state.step}"
    raise StoppedError(f"stopped in {place}; the same command with --resume goes on from there")


def _delivered(feed: Feed, ranks: Ranks) -> Any:
    import tensorflow as tf

    return ranks.sum([tf.constant(feed.delivered)])[0].numpy()


def _is_best(result: Epoch, history: Sequence[Epoch]) -> bool:
    return all(result["dev_loss"] < earlier["dev_loss"] for earlier in history)


def _require_finite(split: str, sums: Any, epoch: int, settings: Train) -> None:
    """All ranks see the same sums and give up together: what is not finite never is again, nor is it smaller than another loss."""
    if not np.isfinite(sums.sum()):
        raise WorkError(
            f"the {split} loss is {sums.sum()} in epoch {epoch}: the steps are too large; "
            f"lower train.learning_rate (now {settings.learning_rate:g}) or set train.clip_norm (now {settings.clip_norm:g})"
        )
