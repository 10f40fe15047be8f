"""A network and how it takes a step together with the other ranks.

Each rank computes the sums of its part of a batch. One allreduce adds up the gradients, the number of
examples, and each head's loss, weight and number of correct predictions. Every rank then divides by the
number of examples and takes the same step. So N ranks do what one rank does with the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from patent_spark.config import Train
from patent_spark.inference.network_inputs import feature_width, inputs_of
from patent_spark.stages.train.checkpoint import Arrays
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.dropout import with_shared_dropout
from patent_spark.stages.train.model.heads import Head, only_head
from patent_spark.stages.train.model.loss import (
    interim_loss,
    logits_of_mean,
    weighted_cross_entropy,
    weighted_ordinal_loss,
)
from patent_spark.stages.train.model.network import logits_of
from patent_spark.stages.train.model.optimizer import reduce_learning_rate

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


class Trainer:
    """A network and how it takes a step together with the other ranks.

    heads: without them the network has a single head and no class weights.
    virtual_shards: their number, if it is more than one a rank (see shard/layout.py).
    """

    def __init__(
        self,
        network: keras.Model,
        settings: Train,
        ranks: Ranks,
        optimizer: keras.optimizers.Optimizer,
        heads: Sequence[Head] = (),
        virtual_shards: int | None = None,
    ) -> None:
        import tensorflow as tf

        self.network, self.settings, self.ranks = network, settings, ranks
        self._logits = with_shared_dropout(logits_of(network), ranks, virtual_shards or ranks.size)
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

    def reduce_learning_rate(self, factor: float) -> None:
        """Take the following steps with this share of the learning rate that is planned for them."""
        reduce_learning_rate(self._optimizer, factor)

    def request_stop(self) -> None:
        """Have the next step, of training or of evaluation, tell all ranks to stop."""
        self._stop.assign(1.0)

    def _sums(self, tokens: Any, label: Any, weight: Any, features: Any, training: bool) -> tuple[Any, Any]:
        """The objective of a rank's part of a batch, and the sums that train_step() adds up over ranks."""
        import keras
        import tensorflow as tf

        longest = tf.reduce_max(tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32))
        read = inputs_of(tokens[:, : tf.maximum(longest, 1)], features)
        all_logits = self._logits(read, training=training)
        objective, sums = tf.constant(0.0), []
        flat = keras.tree.flatten(all_logits)
        networks = len(flat) // len(self.heads)
        for number, head in enumerate(self.heads):
            of_head = flat[number * networks : (number + 1) * networks]
            objective, head_sums = self._head_sums(head, of_head, label, weight, objective)
            sums += head_sums
        return objective, tf.stack([*sums, tf.reduce_sum(weight), self._stop])

    def _head_sums(
        self, head: Head, all_logits: Sequence[Any], label: Any, weight: Any, objective: Any
    ) -> tuple[Any, list[Any]]:
        """Add a head's objective; returns it, and the head's loss, weight and correct predictions.

        all_logits: of each network. Each learns by itself: the objective is the mean of theirs. Loss and
        predictions are those of their mean probabilities.
        """
        import tensorflow as tf

        smoothing, mean_logits = self.settings.label_smoothing, logits_of_mean(all_logits)
        own_label = tf.gather(tf.constant(head.label_map), label)
        known = weight * tf.cast(own_label < head.labels, tf.float32)
        own_label = tf.minimum(own_label, head.labels - 1)
        loss = tf.reduce_sum(known * tf.nn.sparse_softmax_cross_entropy_with_logits(own_label, mean_logits))
        correct = tf.cast(tf.argmax(mean_logits, axis=1, output_type=tf.int32) == own_label, tf.float32)
        n_correct = tf.reduce_sum(known * correct)
        loss_of = weighted_ordinal_loss if head.ordinal else weighted_cross_entropy
        for logits in all_logits:
            own = tf.reduce_sum(known * loss_of(own_label, logits, head.weights, smoothing))
            if head.interim is not None:
                own += self._interim_objective(label - head.labels, logits, weight, head.interim)
            objective += own / len(all_logits)
        return objective, [loss, tf.reduce_sum(known), n_correct]

    def _interim_objective(
        self, level: Any, logits: Any, weight: Any, likelihoods: npt.NDArray[np.float32]
    ) -> Any:
        """The objective of the examples with an interim level; `level` is negative for those with a label."""
        import tensorflow as tf

        censored = weight * tf.cast(level >= 0, tf.float32)
        loss = interim_loss(tf.maximum(level, 0), logits, likelihoods, self.settings.label_smoothing)
        return tf.reduce_sum(censored * loss)

    def _compiled_steps(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import tensorflow as tf

        variables = [variable.value for variable in self.network.trainable_variables]
        batch = _batch_signature(feature_width(self.network))

        @tf.function(input_signature=batch)  # type: ignore[untyped-decorator, unused-ignore]
        def train_step(tokens: Any, label: Any, weight: Any, features: Any) -> Any:
            """Take one step; returns sums over all ranks.

            They are loss, weight and number of correct predictions of each head, then the number of examples
            and of ranks that were asked to stop.
            """
            with tf.GradientTape() as tape:
                objective, sums = self._sums(tokens, label, weight, features, training=True)
                objective = self._optimizer.scale_loss(objective)
            *gradients, sums = self.ranks.sum([*tape.gradient(objective, variables), sums])
            gradients = [gradient / tf.maximum(sums[-2], 1.0) for gradient in gradients]
            self._optimizer.apply(gradients, self.network.trainable_variables)
            return sums

        @tf.function(input_signature=batch)  # type: ignore[untyped-decorator, unused-ignore]
        def eval_step(tokens: Any, label: Any, weight: Any, features: Any) -> Any:
            """The same sums without a step."""
            return self.ranks.sum([self._sums(tokens, label, weight, features, training=False)[1]])[0]

        return train_step, eval_step


def _batch_signature(features: int) -> list[tf.TensorSpec]:
    """tokens, label, weight and features of any batch; features: their width.

    All batches share one signature, because a second trace would give its allreduce another name than on the
    other ranks.
    """
    import tensorflow as tf

    return [
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None, features), tf.float32),
    ]
