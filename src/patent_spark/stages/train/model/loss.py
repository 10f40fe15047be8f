"""What the gradient is of: cross-entropy, with smoothed labels and a weight for each class if so wished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.dataset

_POWERS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}


def label_counts(examples: Path, labels: int) -> npt.NDArray[np.float64]:
    """How many examples of a split have each label."""
    real = pyarrow.dataset.dataset(examples, format="parquet").to_table(
        columns=["label"], filter=pc.field("patent_key") >= 0
    )
    return np.bincount(real["label"].to_numpy(), minlength=labels).astype(np.float64)


def class_weights(counts: npt.NDArray[np.float64], kind: str) -> npt.NDArray[np.float64]:
    """A weight for each label: its share of the examples to the power 0, -1/2 or -1, scaled to a mean of 1 over the examples.

    A label without examples has the weight 0.
    """
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -_POWERS[kind], 0)
    return np.asarray(weights * counts.sum() / (weights * counts).sum())


def objective(label: Any, logits: Any, weights: npt.NDArray[np.float32], smoothing: float) -> Any:
    """The loss of each example [batch]: cross-entropy against a label that gives `smoothing` to all labels alike, times the label's weight."""
    import tensorflow as tf

    scores = tf.nn.log_softmax(logits)
    own = tf.gather(scores, label, batch_dims=1)
    return -tf.gather(tf.constant(weights), label) * (
        (1.0 - smoothing) * own + smoothing * tf.reduce_mean(scores, axis=1)
    )


def objective_of_early(row: Any, logits: Any, likelihoods: npt.NDArray[np.float32], smoothing: float) -> Any:
    """The loss of each example [batch] of which only an early level is known: minus the log of how likely it was to be seen.

    likelihoods: [early levels, labels]; row: the early level of each example. See shards.early. Smoothing as in objective().
    """
    import tensorflow as tf

    scores = tf.nn.log_softmax(logits)
    seen = tf.reduce_logsumexp(scores + tf.gather(tf.constant(np.log(likelihoods)), row), axis=1)
    return -((1.0 - smoothing) * seen + smoothing * tf.reduce_mean(scores, axis=1))
