"""Synonym recall of word vectors, for a simulated release, whose synonyms are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from patent_spark.core.word_vectors import unit_rows

_NEAREST = 10
_WORDS_AT_ONCE = 256  # times the vocabulary: 100 MB of cosines for 100,000 words


def synonyms_found(
    words: Sequence[str], vectors: npt.NDArray[np.float32], synonyms: Sequence[Sequence[str]]
) -> float | None:
    """Share of a word's nearest words that are its synonyms, averaged over all words with synonyms.

    Looks at as many nearest words as the word has synonyms in the vocabulary, at most ten. So 1 is the best,
    and chance is close to 0. None when no group of synonyms has two words in the vocabulary. vectors: [words,
    dimensions].
    """
    place = {word: i for i, word in enumerate(words)}
    known = [[place[word] for word in group if word in place] for group in synonyms]
    asked = np.array([member for members in known if len(members) > 1 for member in members], np.int64)
    if not len(asked):
        return None
    groups = np.full(len(words), -1)
    for number, members in enumerate(known):
        groups[members] = number
    sizes = np.minimum(np.array([len(members) - 1 for members in known])[groups[asked]], _NEAREST)
    directions = unit_rows(vectors)
    blocks = [slice(start, start + _WORDS_AT_ONCE) for start in range(0, len(asked), _WORDS_AT_ONCE)]
    shares = [_shares(directions, groups, asked[block], sizes[block]) for block in blocks]
    return float(np.concatenate(shares).mean())


def _shares(
    directions: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    asked: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """For each word asked for, the share of synonyms among its `sizes` nearest words."""
    cosines = directions[asked] @ directions.T
    cosines[np.arange(len(asked)), asked] = -2.0
    nearest = _largest(cosines, min(_NEAREST, len(directions)))
    is_synonym = groups[nearest] == groups[asked][:, None]
    matches = is_synonym & (np.arange(nearest.shape[1]) < sizes[:, None])
    shares: npt.NDArray[np.float64] = matches.sum(axis=1) / sizes
    return shares


def _largest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Indices of the largest values of each row, the largest first."""
    places = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, places, axis=1), axis=1)
    largest: npt.NDArray[np.int64] = np.take_along_axis(places, order, axis=1)
    return largest
