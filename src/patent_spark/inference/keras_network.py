"""Keras networks on their way into a package: read from a file, and written as ONNX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from patent_spark.core.errors import DataError
from patent_spark.inference.onnx_graph import onnx_bytes

if TYPE_CHECKING:
    import keras


def load_network(path: Path) -> keras.Model:
    """The Keras model in a file; raises DataError when there is none."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is not a trained model: {' '.join(str(error).split())}; run `patent-spark train` again",
            file=str(path),
        ) from error


def onnx_of_file(path: Path) -> bytes:
    """The network in a Keras file as the content of model.onnx."""
    return onnx_bytes(load_network(path))


def in_float32(network: keras.Model) -> keras.Model:
    """The network with the same weights, all of whose layers compute in float32."""
    import keras

    def layer_in_float32(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.InputLayer) or not isinstance(layer, keras.Layer):
            return layer  # ids are whole numbers, and operations have no precision of their own
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    copy = keras.models.clone_model(network, clone_function=layer_in_float32)
    copy.set_weights(network.get_weights())
    return copy
