"""A trained network as an ONNX graph, which onnxruntime computes without TensorFlow.

The graph has the same steps as stages.train.model.network and recurrence, so it gives the same numbers for
every text, one without a word included. Arrays have the words first, [words, batch, units], as ONNX's LSTM
wants them. All numbers are float32, whatever the precision of the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.inference.network_inputs import FEATURES, TOKENS, network_prefix
from patent_spark.inference.network_structure import LstmWeights, NetworkStructure, structures_of

if TYPE_CHECKING:
    import keras
    import onnx

PROBABILITIES, DOCUMENT_VECTOR = "probabilities", "document_vector"
"""Names of the graph's outputs."""

_OPSET, _IR_VERSION = 17, 9  # onnxruntime reads them since 1.16


def onnx_bytes(network: keras.Model) -> bytes:
    """The content of model.onnx for a network with one head.

    Raises DataError for a model that `patent-spark train` did not make.
    """
    content: bytes = onnx_model(structures_of(network)).SerializeToString()
    return content


def onnx_model(structures: Sequence[NetworkStructure]) -> onnx.ModelProto:
    """A graph: int32 tokens [batch, words] -> float32 probabilities [batch, labels].

    structures: of several networks in one, whose probabilities are averaged. A second output is the document
    vector [batch, n]: the pooled states that the last layers read. A network with features has them as a
    second input, float32 [batch, features].
    """
    graph, state_size = _Graph(), sum(each.state_size for each in structures)
    _add_networks(graph, structures)
    return graph.model(state_size, len(structures[0].bias), structures[0].features)


class _Graph:
    """Nodes and constants of a graph; each method returns the name of what it added."""

    prefix = ""
    """What the names of the weights of the present network begin with."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """An array under a name of its own; the same name again is the same array."""
        from onnx import numpy_helper

        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weights(self, name: str, value: NDArray[Any]) -> str:
        """An array of the present network."""
        return self.constant(self.prefix + name, value)

    def integers(self, *values: int) -> str:
        """Axes or indices: int64 [n]."""
        return self.constant("axes_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A float32 scalar."""
        return self.constant(f"number_{value:g}", np.array(value, np.float32))

    def add(self, operation: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """A node with one output."""
        from onnx import helper

        name = output or f"{operation.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [name], name=name, **attributes))
        return name

    def cast(self, value: str, kind: str) -> str:
        """Another type: FLOAT, INT32, INT64."""
        from onnx import TensorProto

        return self.add("Cast", value, to=getattr(TensorProto, kind))

    def lstm(self, name: str, weights: LstmWeights, sequence: str, lengths: str) -> str:
        """States [words, batch, units]; 0 after `lengths` (int32 [batch]) words."""
        from onnx import helper

        name = self.prefix + name
        bias = _gates(weights.bias)
        inputs = [
            sequence,
            self.constant(f"{name}_w", _gates(weights.kernel).T[None]),
            self.constant(f"{name}_r", _gates(weights.recurrent).T[None]),
            self.constant(f"{name}_b", np.concatenate([bias, np.zeros_like(bias)])[None]),
            lengths,
        ]
        node = helper.make_node("LSTM", inputs, [f"{name}_states"], name=name, hidden_size=weights.units)
        self._nodes.append(node)
        return self.add("Squeeze", f"{name}_states", self.integers(1))

    def model(self, state_size: int, labels: int, features: int) -> onnx.ModelProto:
        """The whole model, checked."""
        import onnx
        from onnx import TensorProto, helper

        inputs = [helper.make_tensor_value_info(TOKENS, TensorProto.INT32, ["batch", "words"])]
        if features:
            inputs.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["batch", features]))
        graph = helper.make_graph(
            self._nodes,
            "patent_spark",
            inputs,
            [
                helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["batch", labels]),
                helper.make_tensor_value_info(DOCUMENT_VECTOR, TensorProto.FLOAT, ["batch", state_size]),
            ],
            initializer=list(self._constants.values()),
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="patent_spark"
        )
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        return model


def _gates(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """From Keras's order of gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    entered, forget, cell, output = np.split(weights, 4, axis=-1)
    return np.concatenate([entered, output, forget, cell], axis=-1)


def _add_networks(graph: _Graph, structures: Sequence[NetworkStructure]) -> None:
    words_first = graph.add("Transpose", TOKENS, perm=[1, 0])
    real = graph.cast(graph.add("Not", graph.add("Equal", words_first, _zero(graph))), "INT32")
    length = graph.add("ReduceSum", real, graph.integers(0), keepdims=0)
    alone, states, probabilities = len(structures) == 1, [], []
    for number, structure in enumerate(structures):
        graph.prefix = network_prefix(number)
        state = _add_state(graph, structure, words_first, real, length, DOCUMENT_VECTOR if alone else "")
        states.append(state)
        probabilities.append(_add_head(graph, structure, state, PROBABILITIES if alone else ""))
    if not alone:
        graph.add("Concat", *states, axis=-1, output=DOCUMENT_VECTOR)
        graph.add("Mean", *probabilities, output=PROBABILITIES)


def _add_state(
    graph: _Graph, structure: NetworkStructure, words_first: str, real: str, length: str, output: str
) -> str:
    vectors = graph.add("Gather", graph.weights("embedding", structure.embedding), words_first)
    readings = _add_layers(graph, structure, vectors, length)
    parts = [
        pooled for states in readings for pooled in _add_pool(graph, structure.pool, states, real, length)
    ]
    if structure.mean_vector:
        parts.append(_add_mean_vector(graph, vectors, words_first))
    return graph.add("Concat", *parts, axis=-1, output=output)


def _add_head(graph: _Graph, structure: NetworkStructure, state: str, output: str) -> str:
    if structure.features:
        state = graph.add("Concat", state, FEATURES, axis=-1)
    kernel, bias = graph.weights("kernel", structure.kernel), graph.weights("bias", structure.bias)
    return graph.add("Softmax", graph.add("Gemm", state, kernel, bias), axis=-1, output=output)


def _add_layers(graph: _Graph, structure: NetworkStructure, vectors: str, length: str) -> list[str]:
    """States [words, batch, units] of the last layer, each in the order in which its LSTM read the words."""
    read = _words_to_read(graph, structure, length)
    turned = graph.cast(length, "INT64")

    def reverse(sequence: str) -> str:
        return graph.add("ReverseSequence", sequence, turned, time_axis=0, batch_axis=1)

    sequence, readings = vectors, [vectors]
    for number, lstms in enumerate(structure.lstms, start=1):
        readings = [graph.lstm(f"lstm_{number}", lstms[0], sequence, read)]
        if len(lstms) == 2:
            readings.append(graph.lstm(f"backward_lstm_{number}", lstms[1], reverse(sequence), read))
            sequence = graph.add("Concat", readings[0], reverse(readings[1]), axis=-1)
        else:
            sequence = readings[0]
    return readings


def _words_to_read(graph: _Graph, structure: NetworkStructure, length: str) -> str:
    """int32 [batch]: how far the LSTMs read a text.

    Keras's go on into the padding, which counts for a text without a word alone: its last state is the first
    one, and its maximum is over all of the padding.
    """
    if structure.pool == "last":
        return graph.add("Max", length, _one(graph))
    width = graph.add("Gather", graph.add("Shape", TOKENS), graph.constant("second", np.array(1, np.int64)))
    empty = graph.add("Equal", length, _zero(graph))
    return graph.add("Where", empty, graph.cast(width, "INT32"), length)


def _add_pool(graph: _Graph, pool: str, states: str, real: str, length: str) -> list[str]:
    """[batch, units] each: states [words, batch, units] pooled over words, not over padding."""
    if pool == "last":
        place = graph.add("Max", graph.add("Sub", length, _one(graph)), _zero(graph))
        batch_first = graph.add("Transpose", states, perm=[1, 0, 2])
        index = graph.add("Unsqueeze", graph.cast(place, "INT64"), graph.integers(1))
        return [graph.add("GatherND", batch_first, index, batch_dims=1)]
    is_word = graph.add("Unsqueeze", graph.cast(real, "FLOAT"), graph.integers(2))
    padding = graph.add("Mul", graph.add("Sub", graph.number(1), is_word), graph.number(2))
    largest = graph.add("ReduceMax", graph.add("Sub", states, padding), axes=[0], keepdims=0)
    if pool == "max":
        return [largest]
    total = graph.add("ReduceSum", graph.add("Mul", states, is_word), graph.integers(0), keepdims=0)
    words = graph.add("Unsqueeze", graph.cast(length, "FLOAT"), graph.integers(1))
    return [largest, graph.add("Div", total, graph.add("Max", words, graph.number(1)))]


def _add_mean_vector(graph: _Graph, vectors: str, tokens: str) -> str:
    """The mean [batch, dimensions] of the word vectors, weighted by the logarithm of their ids."""
    ids = graph.cast(graph.add("Max", tokens, _one(graph)), "FLOAT")
    weight = graph.add("Unsqueeze", graph.add("Log", ids), graph.integers(2))
    total = graph.add("ReduceSum", graph.add("Mul", weight, vectors), graph.integers(0), keepdims=0)
    weights = graph.add("ReduceSum", weight, graph.integers(0), keepdims=0)
    return graph.add("Div", total, graph.add("Max", weights, graph.number(1e-3)))


def _zero(graph: _Graph) -> str:
    return graph.constant("no_word", np.array(0, np.int32))


def _one(graph: _Graph) -> str:
    return graph.constant("one_word", np.array(1, np.int32))
