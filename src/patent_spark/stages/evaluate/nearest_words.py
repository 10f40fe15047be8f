"""Nearest words by cosine similarity: what the skip-gram vectors learned (Appendix A of the paper)."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from patent_spark.core.word_vectors import Neighbour, WordVectors

PROBES = ("hand", "clean", "space", "grass", "ocean", "brain", "eye", "vacuum", "network")
"""The words that the paper looks up."""

_FUNCTION_WORDS = {
    "also", "another", "apparatus", "been", "between", "comprises", "comprising", "device", "each",
    "first", "from", "have",
    "includes", "including", "into", "least", "method", "more", "other", "plurality", "said", "second",
    "such", "system", "than",
    "that", "these", "this", "those", "when", "wherein", "which", "with",
}  # fmt: skip
"""Words of four and more letters that most patents have."""


@dataclass(frozen=True)
class Neighbours:
    """A word and the words whose vectors point most nearly the same way."""

    word: str
    count: int
    """Occurrences in the training text."""
    nearest: list[Neighbour]
    from_paper: bool


def nearest_words(
    vectors: pa.Table, probes: tuple[str, ...] = PROBES, neighbours: int = 10
) -> list[Neighbours]:
    """The neighbours in VECTORS of each probe; frequent content words stand in for unknown probes."""
    known = WordVectors(vectors)
    chosen = [word for word in probes if word in known.counts]
    by_count = sorted(known.words, key=lambda word: (-known.counts[word], word))
    content = (
        word
        for word in by_count
        if len(word) > 3 and word.isalpha() and word not in _FUNCTION_WORDS and word not in chosen
    )
    chosen += [word for word, _ in zip(content, range(len(probes) - len(chosen)), strict=False)]
    return [
        Neighbours(word, known.counts[word], known.nearest(word, neighbours), word in probes)
        for word in chosen
    ]
