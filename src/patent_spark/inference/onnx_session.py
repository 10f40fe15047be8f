"""model.onnx at work: token ids in, probabilities and document vectors out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.inference.network_inputs import FEATURES, TOKENS

PROBABILITIES, DOCUMENT_VECTOR = "probabilities", "document_vector"
_STEP = 20
"""The scorer of the training cuts texts to a multiple of so many words; a text without a word is so long."""


@dataclass(frozen=True)
class Outputs:
    """What a network says about texts [n]."""

    probabilities: NDArray[np.float32]
    """[n, labels]."""
    vectors: NDArray[np.float32]
    """[n, d]: document vectors."""


class OnnxNetwork:
    """A network in onnxruntime. threads: for one call; None: as many as cores.

    Raises DataError for a file that onnxruntime cannot read.
    """

    def __init__(self, model: Path | bytes, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = threads or 0
        try:
            self._session = onnxruntime.InferenceSession(
                model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its classes are of C++, without a base of their own
            raise DataError(
                f"{'the converted network' if isinstance(model, bytes) else model} is not an ONNX model that "
                f"onnxruntime {onnxruntime.__version__} reads: {' '.join(str(error).split())[:300]}",
                file="" if isinstance(model, bytes) else str(model),
            ) from error
        outputs = {each.name: each.shape[1] for each in self._session.get_outputs()}
        self.labels, self.dimensions = outputs[PROBABILITIES], outputs[DOCUMENT_VECTOR]

    def __call__(
        self, tokens: NDArray[np.int32], batch: int = 512, features: NDArray[np.float32] | None = None
    ) -> Outputs:
        """Answers to int32 [n, max_tokens], 0 to the right; not yet calibrated.

        features: float32 [n, width], for a network that reads them.

        A text's answer does not depend on the others. Texts of like length are computed together, so that
        little padding is.
        """
        count = len(tokens)
        probabilities = np.empty((count, self.labels), np.float32)
        vectors = np.empty((count, self.dimensions), np.float32)
        lengths = np.count_nonzero(tokens, axis=1)
        order = np.argsort(lengths, kind="stable")
        empty = int(np.count_nonzero(lengths == 0))
        for start, end in [*_batches(0, empty, batch), *_batches(empty, count, batch)]:
            rows = order[start:end]
            width = int(lengths[rows[-1]]) or min(tokens.shape[1], _STEP)
            beside = None if features is None else features[rows]
            probabilities[rows], vectors[rows] = self._run(tokens[rows, :width], beside)
        return Outputs(probabilities, vectors)

    def _run(
        self, tokens: NDArray[np.int32], features: NDArray[np.float32] | None
    ) -> list[NDArray[np.float32]]:
        inputs: dict[str, NDArray[Any]] = {TOKENS: np.ascontiguousarray(tokens)}
        if features is not None:
            inputs[FEATURES] = np.ascontiguousarray(features)
        outputs: list[NDArray[np.float32]] = self._session.run([PROBABILITIES, DOCUMENT_VECTOR], inputs)
        return outputs


def _batches(start: int, end: int, size: int) -> list[tuple[int, int]]:
    return [(first, min(end, first + size)) for first in range(start, end, size)]
