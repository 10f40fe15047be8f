"""Nearest words by cosine similarity: what the skip-gram vectors learned (Appendix A of the paper)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

PROBES = ("hand", "clean", "space", "grass", "ocean", "brain", "eye", "vacuum", "network")
"""The words that the paper looks up."""

_FUNCTION_WORDS = {
    "also", "another", "apparatus", "been", "between", "comprises", "comprising", "device", "each", "first", "from", "have",
    "includes", "including", "into", "least", "method", "more", "other", "plurality", "said", "second", "such", "system", "than",
    "that", "these", "this", "those", "when", "wherein", "which", "with",
}  # fmt: skip
"""Words of four and more letters that most patents have."""


@dataclass(frozen=True)
class Neighbours:
    """A word and the words whose vectors point most nearly the same way."""

    word: str
    count: int
    """Occurrences in the training text."""
    nearest: list[tuple[str, float]]
    """Word and cosine similarity, falling."""
    from_paper: bool


def nearest_words(vectors: pa.Table, probes: tuple[str, ...] = PROBES, neighbours: int = 10) -> list[Neighbours]:
    """The neighbours of each probe that the vocabulary has; frequent content words stand in for the others.

    vectors: the table VECTORS (word, count, vector).
    """
    words: list[str] = vectors["word"].to_pylist()
    counts: list[int] = vectors["count"].to_pylist()
    matrix = _unit_rows(vectors["vector"].combine_chunks(), len(words))
    place = {word: i for i, word in enumerate(words)}
    chosen = [place[word] for word in probes if word in place]
    by_count = sorted(range(len(words)), key=lambda i: (-counts[i], words[i]))
    content = (i for i in by_count if len(words[i]) > 3 and words[i].isalpha() and words[i] not in _FUNCTION_WORDS and i not in chosen)
    chosen += [i for i, _ in zip(content, range(len(probes) - len(chosen)), strict=False)]
    found = []
    for i in chosen:
        similarity = matrix @ matrix[i]
        similarity[i] = -2.0
        order = np.argsort(-similarity, kind="stable")[: min(neighbours, len(words) - 1)]
        found.append(Neighbours(words[i], counts[i], [(words[j], float(similarity[j])) for j in order], words[i] in probes))
    return found


def _unit_rows(column: pa.Array, count: int) -> np.ndarray:
    matrix = np.asarray(column.flatten(), dtype=np.float32).reshape(count, -1)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
