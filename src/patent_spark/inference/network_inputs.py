"""What a network reads: token ids, and of a network with features their numbers beside them. And how the
layers of several networks in one are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

TOKENS, FEATURES = "tokens", "features"
"""Names of the inputs, in Keras and in ONNX."""


def network_prefix(number: int) -> str:
    """What the names of the layers of a further network begin with; number: from 0."""
    return f"network_{number + 1}_" if number else ""


def feature_width(network: keras.Model) -> int:
    """Numbers a patent that it reads beside the tokens; 0 for a network of tokens alone."""
    return int(network.inputs[1].shape[-1]) if len(network.inputs) > 1 else 0


def inputs_of(tokens: Any, features: Any) -> Any:
    """The inputs of a network: tokens [n, words], and features [n, width] if there are any."""
    return [tokens, features] if features.shape[-1] else tokens
