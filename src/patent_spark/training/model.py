"""The network: frozen or tuned word vectors, LSTM layers, softmax. The defaults are the paper's two layers.

Texts are padded on the right, and the state at a text's last word is taken: an LSTM only looks back, so padding
changes nothing, no mask is needed, and cuDNN's kernel can be used on a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from patent_spark.config import Model

if TYPE_CHECKING:
    import keras

LOGITS = "logits"
"""The layer before the softmax, which the loss is computed from."""


def build_model(config: Model, vectors: npt.NDArray[np.float32], labels: int, seed: int) -> keras.Model:
    """int32 tokens [batch, any length up to max_tokens] -> float32 probabilities [batch, labels].

    vectors: float32 [vocabulary, dimensions], row i for id i + 1; id 0 is padding. The same seed gives the same weights.
    """
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(seed)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    table = np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), vectors])
    embedding = layers.Embedding(*table.shape, weights=[table], trainable=config.embedding == "tuned", name="embedding")
    sequence = embedding(tokens)
    for layer in range(config.layers):
        sequence = layers.LSTM(config.units, return_sequences=True, name=f"lstm_{layer + 1}")(sequence)
    lengths = ops.sum(ops.cast(ops.not_equal(tokens, 0), "int32"), axis=1)
    last = ops.reshape(ops.maximum(lengths - 1, 0), (-1, 1, 1))
    state = ops.squeeze(ops.take_along_axis(sequence, last, axis=1), axis=1)
    logits = layers.Dense(labels, name=LOGITS)(state)
    return keras.Model(tokens, layers.Softmax(name="probabilities")(logits))
