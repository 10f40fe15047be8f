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


class Directions:
    """The words of the table VECTORS, each as a vector of length 1."""

    def __init__(self, vectors: pa.Table) -> None:
        self.words: list[str] = vectors["word"].to_pylist()
        self.counts: list[int] = vectors["count"].to_pylist()
        self.place = {word: place for place, word in enumerate(self.words)}
        column = vectors["vector"].combine_chunks()
        self.matrix = unit_rows(np.asarray(column.flatten(), np.float32).reshape(len(self.words), -1))

    def nearest(self, word: str, top: int) -> list[Neighbour]:
        """The other words that are nearest to a word of the vocabulary, the nearest first."""
        place = self.place[word]
        cosines = self.matrix @ self.matrix[place]
        cosines[place] = -2.0
        order = np.argsort(-cosines, kind="stable")[: min(top, len(self.words) - 1)]
        return [Neighbour(self.words[i], float(cosines[i]), self.counts[i]) for i in order]

    def spelt_like(self, word: str) -> list[str]:
        """Up to five words of the vocabulary that are spelt much like another one, the most alike first."""
        alike = [known for known in self.words if abs(len(known) - len(word)) <= 3]
        return difflib.get_close_matches(word, alike, n=5)


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows divided by their lengths; a row of zeros stays one."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
