"""TF-IDF and a linear classifier in NumPy alone: the second part of a combined model, and a baseline.

Using it needs no scikit-learn, so that the evaluation, a package and the service compute the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
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

    The features of a text are (1 + log of its frequency) * idf of each of its words, scaled to length 1. The
    probabilities are the softmax of features @ weights + intercepts.
    """

    idf: NDArray[np.float32]
    """[ids]: inverse document frequency; 0 for padding and for words that are not used."""
    weights: NDArray[np.float16]
    """[ids, labels]. Half precision, which halves a package and moves no probability by 0.001."""
    intercepts: NDArray[np.float32]
    """[labels]: minus infinity for a label without training texts."""

    def probabilities(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 [n, labels] for token ids [n, max_tokens], 0 to the right; rows sum to 1.

        A text's answer does not depend on the others.
        """
        scores = np.tile(self.intercepts, (len(tokens), 1))
        for start in range(0, len(tokens), _TEXTS):
            for row, ids, values in self._features(tokens[start : start + _TEXTS]):
                scores[start + row] += values @ self._table[ids]
        return softmax(scores)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        return self.weights.astype(np.float32)

    def _features(
        self, tokens: NDArray[np.int32]
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
        """Row, word ids and features of each text that has a word in use."""
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
        for array in (self.idf, self.weights, self.intercepts):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()

    def write(self, path: Path) -> None:
        """Write it into a file."""
        with path.open("wb") as file:
            np.savez(file, idf=self.idf, weights=self.weights, intercepts=self.intercepts)

    @classmethod
    def read(cls, path: Path) -> LinearModel:
        """From a file; raises DataError where it is missing or damaged."""
        try:
            with np.load(path) as file:
                return cls(file["idf"], file["weights"], file["intercepts"])
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(
                f"{path} is not the linear model that this model is combined with ({error}); "
                "run `patent-spark evaluate` and `patent-spark register` again",
                file=str(path),
            ) from error
