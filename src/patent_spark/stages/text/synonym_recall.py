"""How well the vectors find words that mean the same, where a simulated release tells which ones do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patent_spark.core.word_vectors import unit_rows

_NEAREST = 10
_WORDS_AT_ONCE = 256  # times the vocabulary: 100 MB of cosines for 100,000 words


def synonyms_found(
    words: Sequence[str], vectors: np.ndarray, synonyms: Sequence[Sequence[str]]
) -> float | None:
    """Of the words nearest to a planted word, the share that are its synonyms; the mean over all planted words.

    As many nearest words are looked at as the word has synonyms in the vocabulary, ten at most, so 1 is the best. Chance
    gives next to 0. None when no group of synonyms has two words in the vocabulary. vectors: [words, dimensions].
    """
    place = {word: i for i, word in enumerate(words)}
    known = [[place[word] for word in group if word in place] for group in synonyms]
    groups = np.full(len(words), -1)
    for number, members in enumerate(known):
        groups[members] = number
    asked = np.array([member for members in known if len(members) > 1 for member in members], np.int64)
    if not len(asked):
        return None
    sizes = np.minimum(np.array([len(members) - 1 for members in known])[groups[asked]], _NEAREST)
    directions = unit_rows(vectors)
    shares = []
    for start in range(0, len(asked), _WORDS_AT_ONCE):
        some, looked_at = asked[start : start + _WORDS_AT_ONCE], sizes[start : start + _WORDS_AT_ONCE]
        cosines = directions[some] @ directions.T
        cosines[np.arange(len(some)), some] = -2.0
        nearest = _largest(cosines, min(_NEAREST, len(words)))
        hits = (groups[nearest] == groups[some][:, None]) & (np.arange(nearest.shape[1]) < looked_at[:, None])
        shares.append(hits.sum(axis=1) / looked_at)
    return float(np.concatenate(shares).mean())


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest values of each row, the largest first."""
    places = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, places, axis=1), axis=1)
    found: np.ndarray = np.take_along_axis(places, order, axis=1)
    return found
