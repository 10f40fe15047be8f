"""The network: frozen or tuned word vectors, LSTM layers, a pool over the words, softmax.

Texts are padded on the right, and states after a text's last word are left aside: an LSTM only looks back, so padding
changes nothing, no mask is needed within the layers, and cuDNN's kernel can be used on a GPU.
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
    recurrent = [layers.LSTM(config.units, return_sequences=True, name=f"lstm_{i + 1}") for i in range(config.layers)]
    for layer in recurrent:
        sequence = layer(sequence)
    real = ops.not_equal(tokens, 0)
    if config.pool == "last":
        last = ops.maximum(ops.sum(ops.cast(real, "int32"), axis=1) - 1, 0)
        state = ops.squeeze(ops.take_along_axis(sequence, ops.reshape(last, (-1, 1, 1)), axis=1), axis=1)
    else:
        below_all = -2.0 * ops.cast(ops.logical_not(real), "float32")  # states lie between -1 and 1
        state = ops.max(sequence + ops.expand_dims(below_all, -1), axis=1)
    if config.memory:
        for layer in recurrent:
            _remember(layer, config.memory, seed)
    logits = layers.Dense(labels, name=LOGITS)(state)
    return keras.Model(tokens, layers.Softmax(name="probabilities")(logits))


def _remember(layer: keras.layers.LSTM, words: int, seed: int) -> None:
    """Draw the gates' biases so that the cells forget over 1 to `words` words (chrono initialisation, Tallec and Ollivier 2018)."""
    kernel, recurrent, bias = layer.get_weights()
    forget = np.log(np.random.default_rng(seed).uniform(1, max(2, words - 1), layer.units))
    bias[: layer.units], bias[layer.units : 2 * layer.units] = -forget, forget  # Keras's order: input, forget, cell, output
    layer.set_weights([kernel, recurrent, bias])
