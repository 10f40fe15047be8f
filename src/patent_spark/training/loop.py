"""The training loop, the same for one rank and for many: solo is the distributed case with size 1.

Each rank computes the sums of its part of a batch; the sums of gradients, loss, weight and hits over all ranks go
through one allreduce; every rank then divides by the weight and takes the same step. So N ranks do what one rank
does with the whole batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from patent_spark.checks import WorkError
from patent_spark.config import Train
from patent_spark.training.model import LOGITS
from patent_spark.training.ranks import Ranks

if TYPE_CHECKING:
    import keras

    from patent_spark.shards.feed import Batch, Feed

Epoch = dict[str, float]
"""epoch, train_loss, train_accuracy, examples_per_second; dev_loss and dev_accuracy when there is a development split."""


@dataclass
class Trained:
    """How a training went; the network holds the weights that were kept."""

    history: list[Epoch] = field(default_factory=list)
    kept_epoch: int = 0


class Learner:
    """A network and how it takes a step together with the other ranks; Adam unless another optimizer is given."""

    def __init__(self, network: keras.Model, knobs: Train, ranks: Ranks, optimizer: keras.optimizers.Optimizer | None = None) -> None:
        import keras

        self.network, self._knobs, self._ranks = network, knobs, ranks
        self._logits = keras.Model(network.input, network.get_layer(LOGITS).output)
        self._optimizer = optimizer or keras.optimizers.Adam(knobs.learning_rate)
        self._optimizer.build(network.trainable_variables)
        ranks.take_from_first([*network.variables, *self._optimizer.variables])
        self.step, self.judge = self._functions()

    def _sums(self, tokens: Any, label: Any, weight: Any, training: bool) -> tuple[Any, Any]:
        """Summed cross-entropy, and [it, weight, hits], over one rank's part of a batch."""
        import tensorflow as tf

        longest = tf.reduce_max(tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32))
        logits = self._logits(tokens[:, : tf.maximum(longest, 1)], training=training)
        loss = tf.reduce_sum(weight * tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
        hits = tf.reduce_sum(weight * tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == label, tf.float32))
        return loss, tf.stack([loss, tf.reduce_sum(weight), hits])

    def _functions(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import tensorflow as tf

        variables = [variable.value for variable in self.network.trainable_variables]
        # One signature for every batch: a second trace would give its allreduce another name than on the other ranks.
        batch = [tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.float32)]

        @tf.function(input_signature=batch)
        def step(tokens: Any, label: Any, weight: Any) -> Any:
            """Take one step; returns [loss, weight, hits] summed over all ranks."""
            with tf.GradientTape() as tape:
                loss, sums = self._sums(tokens, label, weight, training=True)
            *gradients, sums = self._ranks.sum([*tape.gradient(loss, variables), sums])
            gradients = [gradient / tf.maximum(sums[1], 1.0) for gradient in gradients]
            if self._knobs.clip_norm:
                gradients, _ = tf.clip_by_global_norm(gradients, self._knobs.clip_norm)
            self._optimizer.apply(gradients, self.network.trainable_variables)
            return sums

        @tf.function(input_signature=batch)
        def judge(tokens: Any, label: Any, weight: Any) -> Any:
            """[loss, weight, hits] of this rank's part of a batch."""
            return self._sums(tokens, label, weight, training=False)[1]

        return step, judge


def train(
    learner: Learner,
    feed: Feed,
    development: Feed | None,
    knobs: Train,
    ranks: Ranks,
    on_step: Callable[[int, int, str], None],
    on_epoch: Callable[[Epoch], None],
) -> Trained:
    """Train for knobs.epochs; `on_step(done, total, note)` and `on_epoch` are for the rank that reports.

    Raises FeedError when the examples are not what the manifest promises, WorkError when a loss is no longer finite.
    """
    trained, best = Trained(), None
    total = knobs.epochs * feed.steps_per_epoch
    for epoch in range(1, knobs.epochs + 1):
        done, started = (epoch - 1) * feed.steps_per_epoch, time.monotonic()

        def tell(steps: int, sums: Any, done: int = done, started: float = started, epoch: int = epoch) -> None:
            _require_finite("training", sums, epoch, knobs)
            pace = sums[1] / (time.monotonic() - started)
            on_step(done + steps, total, f"epoch {epoch}/{knobs.epochs}, loss {sums[0] / sums[1]:.3f}, {pace:,.0f} examples/s")

        sums = _total(learner.step, feed.epoch(epoch), tell)
        seconds = time.monotonic() - started
        _require_complete(feed, ranks)
        result = {"epoch": epoch, **_means("train", sums), "examples_per_second": float(sums[1]) / seconds}
        if development is not None:
            judged = _judge(learner, development, ranks)
            _require_finite("development", judged, epoch, knobs)
            result |= _means("dev", judged)
        trained.history.append(result)
        on_epoch(result)
        if knobs.keep == "last" or development is None or best is None or result["dev_loss"] < best[0]:
            best = (result.get("dev_loss", 0.0), learner.network.get_weights())
            trained.kept_epoch = epoch
    if best is not None and trained.kept_epoch != knobs.epochs:
        learner.network.set_weights(best[1])
    return trained


def _judge(learner: Learner, feed: Feed, ranks: Ranks) -> Any:
    """[loss, weight, hits] of a whole split over all ranks."""
    import tensorflow as tf

    sums = _total(learner.judge, feed.epoch(0))
    _require_complete(feed, ranks)
    return ranks.sum([tf.constant(sums)])[0].numpy()


def _total(function: Callable[..., Any], batches: Iterable[Batch], tell: Callable[[int, Any], None] | None = None) -> Any:
    """The sum of what `function` returns for each batch, float64 [3]."""
    total = np.zeros(3)
    for steps, batch in enumerate(batches, start=1):
        total += function(batch.tokens, batch.label, batch.weight).numpy()
        if tell is not None and total[1]:
            tell(steps, total)
    return total


def _require_complete(feed: Feed, ranks: Ranks) -> None:
    import tensorflow as tf

    feed.require_complete(ranks.sum([tf.constant(feed.delivered)])[0].numpy())


def _require_finite(split: str, sums: Any, epoch: int, knobs: Train) -> None:
    """All ranks see the same sums and give up together: what is not finite never is again, nor is it smaller than another loss."""
    if not np.isfinite(sums[0]):
        raise WorkError(
            f"the {split} loss is {sums[0]} in epoch {epoch}: the steps are too large; "
            f"lower train.learning_rate (now {knobs.learning_rate:g}) or set train.clip_norm (now {knobs.clip_norm:g})"
        )


def _means(prefix: str, sums: Any) -> Epoch:
    weight = max(float(sums[1]), 1.0)
    return {f"{prefix}_loss": float(sums[0]) / weight, f"{prefix}_accuracy": float(sums[2]) / weight}
