"""The calibrated network: a Keras model that gives the right probabilities to whoever loads it, with
nothing of this program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.network_inputs import FEATURES, TOKENS
from patent_spark.metrics.calibration import MIN_PROBABILITY, Calibration
from patent_spark.metrics.combination import LEAST

if TYPE_CHECKING:
    import keras


def calibrated_network(
    network: keras.Model, calibration: Calibration, linear: LinearModel | None = None
) -> keras.Model:
    """The network with its combination and its calibration as its last layers: tokens [n, words], and
    features [n, width] if it reads them -> probabilities [n, labels], as Scorer gives them.

    linear: the model that it is combined with, if the calibration says so.
    """
    import keras
    from keras import layers, ops

    # Called as a layer: side by side in one graph, an operation here and one of the network's can have the
    # same name.
    tokens = keras.Input(network.inputs[0].shape[1:], dtype="int32", name=TOKENS)
    beside = [keras.Input(each.shape[1:], dtype="float32", name=FEATURES) for each in network.inputs[1:]]
    inputs = [tokens, *beside] if beside else tokens
    (probabilities,) = keras.tree.flatten(network(inputs))
    combination = calibration.combination
    if combination is not None and linear is not None:
        counted = _linear_layers(linear, tokens, beside)
        parts = [(combination.network, probabilities), (combination.linear, counted)]
        powers = [ops.log(ops.maximum(part, LEAST)) * weight for weight, part in parts]
        probabilities = layers.Softmax(dtype="float32", name="combined")(powers[0] + powers[1])
    labels = probabilities.shape[-1]
    least = (
        MIN_PROBABILITY if calibration.slopes else 0.0
    )  # the logarithm of 0 is minus infinity, and its exponential 0 again
    slopes = list(calibration.slopes) or [1 / calibration.temperature] * labels
    intercepts = list(calibration.intercepts) or [0.0] * labels
    logarithms = ops.log(ops.maximum(probabilities, least))
    scaled = layers.Rescaling(slopes, intercepts, dtype="float32", name="calibration")(logarithms)
    return keras.Model(inputs, layers.Softmax(dtype="float32", name="calibrated_probabilities")(scaled))


def _linear_layers(linear: LinearModel, tokens: Any, beside: list[Any]) -> Any:
    """The linear model's probabilities [n, labels]: each place of a word in a text has its share of the
    word's feature.

    beside: the input of features, if there is one.
    """
    from keras import layers, ops

    def table(name: str, values: Any) -> keras.layers.Layer:
        return layers.Embedding(*values.shape, weights=[values], trainable=False, dtype="float32", name=name)

    idf = ops.squeeze(table("linear_idf", linear.idf[:, None])(tokens), -1)
    same = ops.equal(ops.expand_dims(tokens, 1), ops.expand_dims(tokens, 2))
    frequency = ops.sum(ops.cast(same, "float32"), axis=2)
    feature = (1.0 + ops.log(frequency)) * idf
    length = ops.sqrt(ops.sum(ops.square(feature) / frequency, axis=1, keepdims=True))
    place = feature / frequency / ops.maximum(length, 1e-9)
    weights = table("linear_weights", linear.weights.astype(np.float32))(tokens)
    scores = ops.sum(ops.expand_dims(place, -1) * weights, axis=1)
    if beside and linear.feature_weights is not None:
        of_features = layers.Dense(
            len(linear.intercepts), use_bias=False, trainable=False, dtype="float32", name="linear_features"
        )
        scores = scores + of_features(beside[0])
        of_features.set_weights([linear.feature_weights])
    intercepts = np.maximum(linear.intercepts, np.finfo(np.float32).min / 2).tolist()
    biased = layers.Rescaling([1.0] * len(intercepts), intercepts, dtype="float32", name="linear_scores")(
        scores
    )
    return layers.Softmax(dtype="float32", name="linear_probabilities")(biased)
