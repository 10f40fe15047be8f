"""Words by the direction of their vectors: the nearest ones by cosine similarity."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Neighbour:
    """A word near another one."""

    word: str
    cosine: float
    count: int
    """Occurrences in the training text."""


class WordVectors:
    """The words of the table VECTORS, looked up by gensim."""

    def __init__(self, vectors: pa.Table) -> None:
        from gensim.models import KeyedVectors

        self.words: list[str] = vectors["word"].to_pylist()
        self.counts: dict[str, int] = dict(zip(self.words, vectors["count"].to_pylist(), strict=True))
        matrix = np.asarray(vectors["vector"].combine_chunks().flatten(), np.float32)
        matrix = matrix.reshape(len(self.words), -1)
        self._keyed = KeyedVectors(matrix.shape[1])
        self._keyed.add_vectors(self.words, matrix)
        self._keyed.fill_norms()
        self._keyed.norms[self._keyed.norms == 0] = 1  # a vector of zeros is near to none

    def nearest(self, word: str, top: int) -> list[Neighbour]:
        """The other words that are nearest to a word of the vocabulary, the nearest first."""
        near = self._keyed.most_similar(word, topn=min(top, len(self.words) - 1))
        return [Neighbour(other, float(cosine), self.counts[other]) for other, cosine in near]

    def spelt_like(self, word: str) -> list[str]:
        """Up to five words of the vocabulary that are spelt much like another one, the most alike first."""
        alike = [known for known in self.words if abs(len(known) - len(word)) <= 3]
        return difflib.get_close_matches(word, alike, n=5)


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows divided by their lengths; a row of zeros stays one."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
