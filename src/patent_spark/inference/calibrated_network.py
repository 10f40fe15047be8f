"""The calibrated network: a Keras model that gives the right probabilities to whoever loads it, with
nothing of this program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patent_spark.metrics.calibration import MIN_PROBABILITY, Calibration

if TYPE_CHECKING:
    import keras


def calibrated_network(network: keras.Model, calibration: Calibration) -> keras.Model:
    """The network with its calibration as its last layers: tokens [n, words] -> probabilities [n, labels],
    as Scorer gives them."""
    import keras
    from keras import layers, ops

    # Called as a layer: side by side in one graph, an operation here and one of the network's can have the
    # same name.
    tokens = keras.Input(network.input_shape[1:], dtype="int32", name="tokens")
    (probabilities,) = keras.tree.flatten(network(tokens))
    labels = probabilities.shape[-1]
    least = (
        MIN_PROBABILITY if calibration.slopes else 0.0
    )  # the logarithm of 0 is minus infinity, and its exponential 0 again
    slopes = list(calibration.slopes) or [1 / calibration.temperature] * labels
    intercepts = list(calibration.intercepts) or [0.0] * labels
    logarithms = ops.log(ops.maximum(probabilities, least))
    scaled = layers.Rescaling(slopes, intercepts, dtype="float32", name="calibration")(logarithms)
    return keras.Model(tokens, layers.Softmax(dtype="float32", name="calibrated_probabilities")(scaled))
