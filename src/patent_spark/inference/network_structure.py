"""Which variant of the network a Keras model is, read from the model itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.inference.network_inputs import feature_width, network_prefix

if TYPE_CHECKING:
    import keras

Pool = Literal["last", "max", "max_mean"]


@dataclass(frozen=True)
class LstmWeights:
    """The weights of an LSTM in Keras's order of gates: input, forget, cell, output."""

    kernel: NDArray[np.float32]
    """[inputs, 4 * units]."""
    recurrent: NDArray[np.float32]
    """[units, 4 * units]."""
    bias: NDArray[np.float32]
    """[4 * units]."""

    @property
    def units(self) -> int:
        """Length of the state."""
        return len(self.recurrent)


@dataclass(frozen=True)
class NetworkStructure:
    """All that computing one network with one head takes; see stages.train.model.network."""

    embedding: NDArray[np.float32]
    """[vocabulary + 1, dimensions]; row 0 is padding's."""
    lstms: tuple[tuple[LstmWeights, ...], ...]
    """The LSTMs of each layer: one that reads forward, and where there are two one that reads backward."""
    pool: Pool
    mean_vector: bool
    kernel: NDArray[np.float32]
    """[pooled state and features, labels]."""
    bias: NDArray[np.float32]
    features: int = 0
    """Numbers that the last layer reads beside the pooled state."""

    @property
    def state_size(self) -> int:
        """Length of the pooled state."""
        return len(self.kernel) - self.features


def structures_of(network: keras.Model) -> tuple[NetworkStructure, ...]:
    """Read weights and variant of what `build_model` made; raises DataError for another model.

    There are several where it is several networks in one. Layers are known by their names. Pooling has no
    layer, so it is known by its operations.
    """
    names = {layer.name for layer in network.layers}
    heads = sorted(name for name in names if name.startswith("logits"))
    if "embedding" not in names or "lstm_1" not in names or len(heads) != 1:
        raise DataError(
            "this Keras model is not a network of `patent-spark train` with one head: it has "
            f"{len(heads)} layers named logits, and in all {', '.join(sorted(names))}; "
            "run `patent-spark train` again",
            heads=len(heads),
        )
    return tuple(_structure(network, names, prefix, heads[0]) for prefix in _prefixes(names))


def _prefixes(names: set[str]) -> Iterator[str]:
    """What the names of the layers of each network begin with."""
    prefixes = map(network_prefix, itertools.count())
    return itertools.takewhile(lambda prefix: f"{prefix}embedding" in names, prefixes)


def _structure(network: keras.Model, names: set[str], prefix: str, head: str) -> NetworkStructure:
    kernel, bias = _weights(network, prefix + head)
    structure = NetworkStructure(
        embedding=_weights(network, f"{prefix}embedding")[0],
        lstms=_lstms(network, names, prefix),
        pool=_pool(network),
        mean_vector=any(type(operation).__name__ == "Log" for operation in network.operations),
        kernel=kernel,
        bias=bias,
        features=feature_width(network),
    )
    _require_fit(structure)
    return structure


def _lstms(network: keras.Model, names: set[str], prefix: str) -> tuple[tuple[LstmWeights, ...], ...]:
    layers: list[tuple[LstmWeights, ...]] = []
    while f"{prefix}lstm_{len(layers) + 1}" in names:
        number = len(layers) + 1
        both = f"{prefix}lstm_{number}", f"{prefix}backward_lstm_{number}"
        layers.append(tuple(LstmWeights(*_weights(network, name)) for name in both if name in names))
    return tuple(layers)


def _pool(network: keras.Model) -> Pool:
    operations = [type(operation).__name__ for operation in network.operations]
    if "TakeAlongAxis" in operations:
        return "last"
    # Each mean is a division: that of the states, and that of the word vectors. All networks are alike.
    return "max_mean" if operations.count("TrueDivide") > operations.count("Log") else "max"


def _weights(network: keras.Model, name: str) -> list[NDArray[np.float32]]:
    return [np.asarray(each, np.float32) for each in network.get_layer(name).get_weights()]


def _require_fit(structure: NetworkStructure) -> None:
    """The parts of the pooled state must add up to what the last layer reads."""
    (*_, last), (_, dimensions) = structure.lstms, structure.embedding.shape
    pooled = sum(each.units for each in last) * (2 if structure.pool == "max_mean" else 1)
    expected = pooled + (dimensions if structure.mean_vector else 0)
    if expected != structure.state_size:
        raise DataError(
            f"the last layer reads {structure.state_size} numbers, but the layers below it give {expected}; "
            "run `patent-spark train` again",
            state=structure.state_size,
            expected=expected,
        )
