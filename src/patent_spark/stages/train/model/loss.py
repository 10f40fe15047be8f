"""The training loss: cross-entropy, or an ordinal loss for ordered labels; smoothed and weighted if set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_POWERS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}


def class_weights(counts: npt.NDArray[np.float64], kind: str) -> npt.NDArray[np.float64]:
    """A weight for each label: its count to the power 0, -1/2 or -1, scaled to a mean of 1 over the examples.

    kind: none, sqrt or balanced. A label without examples has the weight 0.
    """
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -_POWERS[kind], 0)
    return np.asarray(weights * counts.sum() / (weights * counts).sum())


def weighted_cross_entropy(
    label: Any, logits: Any, weights: npt.NDArray[np.float32], smoothing: float
) -> Any:
    """The loss of each example [batch], times the weight of its label.

    It is the cross-entropy against the label smoothed: all labels alike share the part `smoothing`.
    """
    import tensorflow as tf

    scores = tf.nn.log_softmax(logits)
    own = tf.gather(scores, label, batch_dims=1)
    return -tf.gather(tf.constant(weights), label) * (
        (1.0 - smoothing) * own + smoothing * tf.reduce_mean(scores, axis=1)
    )


def weighted_ordinal_loss(label: Any, logits: Any, weights: npt.NDArray[np.float32], smoothing: float) -> Any:
    """The loss of each example [batch], times the weight of its label, where labels are in order.

    It is the cross-entropy of "at least this label", summed over all labels but the lowest: a ranked
    probability score with logarithms in place of squares. The loss is least when the probabilities are true,
    and of two labels it is weighted_cross_entropy(). Smoothing as there.
    """
    import tensorflow as tf

    labels = logits.shape[-1]
    scores = tf.nn.log_softmax(logits)
    target = (1.0 - smoothing) * tf.one_hot(label, labels) + smoothing / labels
    at_most = tf.cumsum(target, axis=1)[:, :-1]
    log_at_most = tf.math.cumulative_logsumexp(scores, axis=1)[:, :-1]
    log_above = tf.math.cumulative_logsumexp(scores, axis=1, reverse=True)[:, 1:]
    losses = at_most * log_at_most + (1.0 - at_most) * log_above
    return -tf.gather(tf.constant(weights), label) * tf.reduce_sum(losses, axis=1)


def logits_of_mean(logits: Sequence[Any]) -> Any:
    """Logits [batch, labels] whose softmax is the mean of the softmaxes of several."""
    import tensorflow as tf

    if len(logits) == 1:
        return logits[0]
    return tf.reduce_logsumexp(tf.stack([tf.nn.log_softmax(each) for each in logits]), axis=0)


def interim_loss(level: Any, logits: Any, likelihoods: npt.NDArray[np.float32], smoothing: float) -> Any:
    """The loss of each example [batch] of which only an interim level is known: its negative log-likelihood.

    level: the interim level of each example. likelihoods: [interim levels, labels]; see
    shard.censored_labels. Smoothing as in weighted_cross_entropy().
    """
    import tensorflow as tf

    scores = tf.nn.log_softmax(logits)
    observed = tf.reduce_logsumexp(scores + tf.gather(tf.constant(np.log(likelihoods)), level), axis=1)
    return -((1.0 - smoothing) * observed + smoothing * tf.reduce_mean(scores, axis=1))
