"""TF-IDF, features, and a linear classifier in NumPy alone: the second part of a combined model, a baseline.

Using it needs no scikit-learn, so that the evaluation, a package and the service compute the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.metrics.softmax import softmax

_TEXTS = 1024
"""Texts whose words are counted at a time: 100,000 words, a few megabytes."""


@dataclass(frozen=True)
class LinearModel:
    """Token ids in, probabilities of labels out.

    A text's words are (1 + log of its frequency) * idf of each, scaled to length 1. The probabilities are the
    softmax of words @ weights + features @ feature_weights + intercepts.
    """

    idf: NDArray[np.float32]
    """[ids]: inverse document frequency; 0 for padding and for words that are not used."""
    weights: NDArray[np.float16]
    """[ids, labels]. Half precision, which halves a package and moves no probability by 0.001."""
    intercepts: NDArray[np.float32]
    """[labels]: minus infinity for a label without training texts."""
    feature_weights: NDArray[np.float32] | None = None
    """[width, labels] of what it reads beside the text; None: the text alone."""

    def probabilities(
        self, tokens: NDArray[np.int32], features: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """float32 [n, labels] for token ids [n, max_tokens], 0 to the right; rows sum to 1.

        features: float32 [n, width], for a model that reads them. A text's answer does not depend on the
        others.
        """
        scores = np.tile(self.intercepts, (len(tokens), 1))
        if self.feature_weights is not None and features is not None:
            # Row by row: a product of matrices can differ in the last bit with the number of rows.
            scores += np.einsum("nf,fl->nl", features, self.feature_weights)
        for start in range(0, len(tokens), _TEXTS):
            for row, ids, values in self._words(tokens[start : start + _TEXTS]):
                scores[start + row] += values @ self._table[ids]
        return softmax(scores)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        return self.weights.astype(np.float32)

    def _words(
        self, tokens: NDArray[np.int32]
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
        """Row, word ids and values of each text that has a word in use."""
        used = self.idf[tokens] > 0
        rows, size = np.nonzero(used)[0], len(self.idf)
        pairs, counts = np.unique(rows * size + tokens[used], return_counts=True)
        rows, ids = pairs // size, pairs % size
        values = (1 + np.log(counts.astype(np.float32))) * self.idf[ids]
        values /= np.sqrt(np.bincount(rows, values**2, len(tokens))).astype(np.float32)[rows]
        ends = np.searchsorted(rows, np.arange(len(tokens) + 1))
        for row in range(len(tokens)):
            part = slice(ends[row], ends[row + 1])
            if ids[part].size:
                yield row, ids[part], values[part]

    @cached_property
    def digest(self) -> str:
        """Equal for equal models."""
        content = hashlib.sha256()
        for array in self._arrays.values():
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()

    def write(self, path: Path) -> None:
        """Write it into a file."""
        with path.open("wb") as file:
            np.savez(file, **self._arrays)

    @property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        beside = {} if self.feature_weights is None else {"feature_weights": self.feature_weights}
        return {"idf": self.idf, "weights": self.weights, "intercepts": self.intercepts, **beside}

    @classmethod
    def read(cls, path: Path) -> LinearModel:
        """From a file; raises DataError where it is missing or damaged."""
        try:
            with np.load(path) as file:
                beside = file.get("feature_weights")
                return cls(file["idf"], file["weights"], file["intercepts"], beside)
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(
                f"{path} is not the linear model that this model is combined with ({error}); "
                "run `patent-spark evaluate` and `patent-spark register` again",
                file=str(path),
            ) from error
