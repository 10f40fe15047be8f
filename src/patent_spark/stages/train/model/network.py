"""The network: word vectors, LSTM layers that read one way or both, a pool over the words, softmax.

Texts are padded on the right, and states after a text's last word are ignored. An LSTM only looks back, so
padding changes nothing, the layers need no mask, and cuDNN's kernel can be used on a GPU. The second LSTM of
a bidirectional layer gets each text reversed, its padding still on the right. Dropout is on word vectors and
on the pooled state, never within the recurrence, where cuDNN's kernel has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from patent_spark.config import Model

if TYPE_CHECKING:
    import keras

_LOGITS, _PROBABILITIES = "logits", "probabilities"


def build_model(
    config: Model,
    vectors: npt.NDArray[np.float32],
    labels: int | Sequence[int],
    seed: int,
    precision: str = "float32",
) -> keras.Model:
    """int32 tokens [batch, any length up to max_tokens] -> float32 probabilities [batch, labels].

    vectors: float32 [vocabulary, dimensions]; row i is of id i + 1, and id 0 is padding.
    labels: number of labels; with several numbers, a head for each and a list of their probabilities.
    seed: the same seed gives the same weights.
    precision: Keras's dtype policy of all layers up to the pool. Weights, the pool over words and the logits
    are float32 with each.
    """
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(seed)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    word_vectors = _embedding(config, vectors, precision)(tokens)
    sequence = word_vectors
    if config.spatial_dropout:
        dropout = layers.SpatialDropout1D(config.spatial_dropout, dtype=precision, name="spatial_dropout")
        sequence = dropout(sequence)
    readings = _readings(config, sequence, tokens, seed, precision)
    parts = [pooled for states in readings for pooled in _pooled(states, tokens, config.pool)]
    if config.mean_vector:
        parts.append(_mean_vector(word_vectors, tokens))
    state = ops.concatenate(parts, axis=-1)
    if config.dropout:
        state = layers.Dropout(config.dropout, name="dropout")(state)
    sizes = [labels] if isinstance(labels, int) else labels
    logits = [
        layers.Dense(size, name=_name_in_head(_LOGITS, number))(state) for number, size in enumerate(sizes)
    ]
    probabilities = [
        layers.Softmax(name=_name_in_head(_PROBABILITIES, number))(each) for number, each in enumerate(logits)
    ]
    return keras.Model(tokens, probabilities[0] if isinstance(labels, int) else probabilities)


def logits_of(network: keras.Model) -> keras.Model:
    """The network without its softmaxes: the logits of each head, which the loss is computed from."""
    import keras

    names = [_name_in_head(_LOGITS, number) for number in range(len(network.outputs))]
    return keras.Model(network.input, [network.get_layer(name).output for name in names])


def with_one_head(network: keras.Model, number: int) -> keras.Model:
    """The network with that head alone; it shares its weights."""
    import keras

    return keras.Model(network.input, network.outputs[number])


def _name_in_head(name: str, number: int) -> str:
    return f"{name}_{number + 1}" if number else name


def _embedding(config: Model, vectors: npt.NDArray[np.float32], precision: str) -> keras.layers.Embedding:
    """Ids to vectors, scaled if the model says so; that of padding is 0."""
    from keras import layers

    padding = np.zeros((1, vectors.shape[1]), np.float32)
    table = np.concatenate([padding, _scaled(vectors) if config.scale_vectors else vectors])
    return layers.Embedding(
        *table.shape,
        weights=[table],
        trainable=config.embedding == "tuned",
        dtype=precision,
        name="embedding",
    )


def _scaled(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Without the mean that all words share, and with numbers of standard deviation 1."""
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred / max(float(centred.std()), 1e-9), np.float32)


def _readings(config: Model, sequence: Any, tokens: Any, seed: int, precision: str) -> list[Any]:
    """States [batch, words, units] of the last layer: forward and, of a bidirectional one, backward.

    Each is in the order in which its LSTM read the words.
    """
    from keras import ops

    reverse = _text_reversal(tokens)
    readings: list[Any] = []
    for number in range(1, config.layers + 1):
        readings = [_lstm(config, f"lstm_{number}", seed, precision)(sequence)]
        if config.bidirectional:
            backward = _lstm(config, f"backward_lstm_{number}", seed, precision)
            readings.append(backward(reverse(sequence)))
            sequence = ops.concatenate([readings[0], reverse(readings[1])], axis=-1)
        else:
            sequence = readings[0]
    return readings


def _lstm(config: Model, name: str, seed: int, precision: str) -> Callable[[Any], Any]:
    """A layer that gives its state after each word, its forget gates set as the model says."""
    from keras import layers

    layer = layers.LSTM(config.units, return_sequences=True, dtype=precision, name=name)

    def states(sequence: Any) -> Any:
        result = layer(sequence)
        if config.forget_bias_horizon:
            _set_forget_bias(layer, config.forget_bias_horizon, seed)
        return result

    return states


def _set_forget_bias(layer: keras.layers.LSTM, horizon: int, seed: int) -> None:
    """Draw the gates' biases so that the cells forget over 1 to `horizon` words.

    This is the chrono initialisation of Tallec and Ollivier (2018).
    """
    kernel, recurrent, bias = layer.get_weights()
    forget = np.log(np.random.default_rng(seed).uniform(1, max(2, horizon - 1), layer.units))
    # Keras's order: input, forget, cell, output.
    bias[: layer.units] = -forget
    bias[layer.units : 2 * layer.units] = forget
    layer.set_weights([kernel, recurrent, bias])


def _text_reversal(tokens: Any) -> Callable[[Any], Any]:
    """A function that reverses the words of [batch, words, n] text by text and leaves the padding in place.

    It is its own inverse.
    """
    from keras import ops

    one = ops.ones_like(tokens)
    place, row = ops.cumsum(one, axis=1) - 1, ops.cumsum(one, axis=0) - 1
    length = ops.sum(ops.cast(ops.not_equal(tokens, 0), "int32"), axis=1, keepdims=True)
    source = row * ops.sum(one, axis=1, keepdims=True) + ops.where(place < length, length - 1 - place, place)

    def reverse(sequence: Any) -> Any:
        return ops.take(ops.reshape(sequence, (-1, sequence.shape[-1])), source, axis=0)

    return reverse


def _pooled(states: Any, tokens: Any, pool: str) -> list[Any]:
    """Pool states [batch, words, units] over words, not over padding; a list of [batch, units]."""
    from keras import ops

    real = ops.expand_dims(ops.cast(ops.not_equal(tokens, 0), "float32"), -1)
    length = ops.sum(real, axis=1)
    if pool == "last":
        last = ops.cast(ops.maximum(length - 1, 0), "int32")
        return [ops.squeeze(ops.take_along_axis(states, ops.expand_dims(last, -1), axis=1), axis=1)]
    largest = ops.max(states - 2.0 * (1.0 - real), axis=1)  # states lie between -1 and 1
    if pool == "max":
        return [largest]
    return [largest, ops.sum(states * real, axis=1) / ops.maximum(length, 1.0)]


def _mean_vector(vectors: Any, tokens: Any) -> Any:
    """The mean [batch, dimensions] of a text's word vectors, in which rare words weigh more.

    Ids are ranks by frequency, so log(id) grows like the inverse document frequency (Zipf's law). It is 0 for
    the most frequent word; padding counts like it.
    """
    from keras import ops

    weight = ops.expand_dims(ops.log(ops.cast(ops.maximum(tokens, 1), "float32")), -1)
    return ops.sum(weight * vectors, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1e-3)
