"""The network: word vectors, LSTM layers that read one way or both, pooling over the words, softmax.

Features, where there are any, go past the text into the last layer.

Dropout is on word vectors and on the pooled state, never within the recurrence, where cuDNN's kernel has
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from patent_spark.config import Model
from patent_spark.inference.network_inputs import FEATURES, TOKENS, network_prefix
from patent_spark.stages.train.model.recurrence import recurrent_states

if TYPE_CHECKING:
    import keras

_EMBEDDING, _LOGITS, _PROBABILITIES = "embedding", "logits", "probabilities"

Vectors = npt.NDArray[np.float32]


def build_model(
    config: Model,
    vectors: Vectors | Sequence[Vectors],
    labels: int | Sequence[int],
    seed: int,
    precision: str = "float32",
    features: int = 0,
) -> keras.Model:
    """int32 tokens [batch, any length up to max_tokens] -> float32 probabilities [batch, labels].

    vectors: float32 [vocabulary, dimensions]; row i is of id i + 1, and id 0 is padding. With several sets,
    several networks in one, each of which reads its own set; the probabilities are the mean of theirs.
    labels: number of labels; with several numbers, a head for each and a list of their probabilities.
    seed: the same seed gives the same weights.
    precision: Keras's dtype policy of all layers up to the pooling. Weights, the pooling over words and the
    logits are float32 with each.
    features: numbers a patent that the last layer reads beside the text; with any, the network has a second
    input, float32 [batch, features].
    """
    import keras

    keras.utils.set_random_seed(seed)
    tokens = keras.Input((None,), dtype="int32", name=TOKENS)
    beside = [keras.Input((features,), dtype="float32", name=FEATURES)] if features else []
    sizes = [labels] if isinstance(labels, int) else labels
    sets = [vectors] if isinstance(vectors, np.ndarray) else vectors
    networks = []
    for number, each in enumerate(sets):
        prefix = network_prefix(number)
        state = _state(config, each, tokens, seed, precision, prefix)
        networks.append(_heads(_joined([state, *beside]), sizes, prefix))
    probabilities = [_mean(of_networks, head) for head, of_networks in enumerate(zip(*networks, strict=True))]
    inputs = [tokens, *beside] if beside else tokens
    return keras.Model(inputs, probabilities[0] if isinstance(labels, int) else probabilities)


def networks_in(network: keras.Model) -> int:
    """How many networks there are in one."""
    return sum(layer.name.endswith(_EMBEDDING) for layer in network.layers)


def _state(config: Model, vectors: Vectors, tokens: Any, seed: int, precision: str, prefix: str) -> Any:
    """What the last layer reads of a text: the pooled states and, with mean_vector, the mean vector."""
    from keras import layers

    word_vectors = _embedding(config, vectors, precision, prefix)(tokens)
    sequence = word_vectors
    if config.spatial_dropout:
        name = f"{prefix}spatial_dropout"
        sequence = layers.SpatialDropout1D(config.spatial_dropout, dtype=precision, name=name)(sequence)
    readings = recurrent_states(config, sequence, tokens, seed, precision, prefix)
    parts = [pooled for states in readings for pooled in _pooled(states, tokens, config.pool)]
    if config.mean_vector:
        parts.append(_mean_vector(word_vectors, tokens))
    state = _joined(parts)
    return layers.Dropout(config.dropout, name=f"{prefix}dropout")(state) if config.dropout else state


def _joined(parts: Sequence[Any]) -> Any:
    from keras import ops

    return ops.concatenate(parts, axis=-1)


def _heads(state: Any, sizes: Sequence[int], prefix: str) -> list[Any]:
    """The probabilities of each head of a network, whose logits are layers of their own."""
    from keras import layers

    logits = [
        layers.Dense(size, name=prefix + _name_in_head(_LOGITS, number))(state)
        for number, size in enumerate(sizes)
    ]
    return [
        layers.Softmax(name=prefix + _name_in_head(_PROBABILITIES, number))(each)
        for number, each in enumerate(logits)
    ]


def _mean(probabilities: Sequence[Any], head: int) -> Any:
    """The mean of what several networks say of a head."""
    from keras import layers

    if len(probabilities) == 1:
        return probabilities[0]
    return layers.Average(name=_name_in_head("mean_probabilities", head))(list(probabilities))


def logits_of(network: keras.Model) -> keras.Model:
    """The network without its softmaxes: all logits that the loss is computed from.

    They are those of the first head, of each network in turn, then those of the next head.
    """
    import keras

    names = [
        network_prefix(number) + _name_in_head(_LOGITS, head)
        for head in range(len(network.outputs))
        for number in range(networks_in(network))
    ]
    return keras.Model(network.input, [network.get_layer(name).output for name in names])


def with_one_head(network: keras.Model, number: int) -> keras.Model:
    """The network with that head alone; it shares its weights."""
    import keras

    return keras.Model(network.input, network.outputs[number])


def _name_in_head(name: str, number: int) -> str:
    return f"{name}_{number + 1}" if number else name


def _embedding(config: Model, vectors: Vectors, precision: str, prefix: str) -> keras.layers.Embedding:
    """Ids to vectors, scaled if the model says so; that of padding is 0."""
    from keras import layers

    padding = np.zeros((1, vectors.shape[1]), np.float32)
    table = np.concatenate([padding, _scaled(vectors) if config.scale_vectors else vectors])
    return layers.Embedding(
        *table.shape,
        weights=[table],
        trainable=config.embedding == "tuned",
        dtype=precision,
        name=prefix + _EMBEDDING,
    )


def _scaled(vectors: Vectors) -> Vectors:
    """Without the mean that all words share, and with numbers of standard deviation 1."""
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred / max(float(centred.std()), 1e-9), np.float32)


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
