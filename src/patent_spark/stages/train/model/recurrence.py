"""LSTM layers that read texts one way or both.

Texts are padded on the right, and states after a text's last word are ignored. An LSTM only looks back, so
padding changes nothing, the layers need no mask, and cuDNN's kernel can be used on a GPU. The second LSTM of
a bidirectional layer gets each text reversed, its padding still on the right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from patent_spark.config import Model

if TYPE_CHECKING:
    import keras


def recurrent_states(
    config: Model, sequence: Any, tokens: Any, seed: int, precision: str, prefix: str = ""
) -> list[Any]:
    """States [batch, words, units] of the last layer: forward and, of a bidirectional one, backward.

    Each is in the order in which its LSTM read the words. prefix: what the names of the layers begin with.
    """
    from keras import ops

    reverse = _text_reversal(tokens)
    readings: list[Any] = []
    for number in range(1, config.layers + 1):
        readings = [_lstm(config, f"{prefix}lstm_{number}", seed, precision)(sequence)]
        if config.bidirectional:
            backward = _lstm(config, f"{prefix}backward_lstm_{number}", seed, precision)
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
