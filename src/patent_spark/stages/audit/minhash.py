"""Near duplicates by MinHash (Broder 1997) over three-word shingles, with banding.

Candidates are compared exactly. This is not Spark ML's MinHash because the audit uses no engine: an engine
made the tables that it checks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Hashes = NDArray[np.uint64]

_SHINGLE_WORDS = 3
_BANDS, _ROWS = 16, 4
"""Texts that share 0.7 of their shingles become candidates with probability 98.8 %; with 0.3, 12 %."""
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def shingle_hashes(tokens: Tokens) -> tuple[Hashes, NDArray[np.int64]]:
    """Hashes of all shingles of texts [n, width], one text after the other, and how many each text has."""
    ids = tokens.astype(np.uint64)
    width = max(0, tokens.shape[1] - _SHINGLE_WORDS + 1)
    mixed = np.zeros((len(tokens), width), np.uint64)
    for position in range(_SHINGLE_WORDS):
        mixed = (mixed ^ ids[:, position : position + width]) * _MIX[position]
        mixed ^= mixed >> np.uint64(29)
    counts = np.maximum(np.count_nonzero(tokens, axis=1) - _SHINGLE_WORDS + 1, 0)
    return mixed[np.arange(width) < counts[:, None]], counts


class ReferenceTexts:
    """Texts [n, width] to which others are compared. Only their shingles and band keys are kept."""

    def __init__(self, tokens: Tokens) -> None:
        self._shingles = _Shingles(tokens)
        self._bands = [_sort_band(band) for band in _band_keys(self._shingles).T]

    def near(self, tokens: Tokens, share: float) -> list[tuple[int, int, float]]:
        """Pairs of near duplicates: row of `tokens`, row of the reference, Jaccard similarity."""
        shingles = _Shingles(tokens)
        pairs = (
            (row, other, _jaccard(shingles[row], self._shingles[other]))
            for row, other in self._candidates(shingles)
        )
        return [pair for pair in pairs if pair[2] >= share]

    def _candidates(self, shingles: _Shingles) -> set[tuple[int, int]]:
        """Rows of texts and of the reference that have the key of a band in common."""
        pairs: set[tuple[int, int]] = set()
        for keys, (values, rows) in zip(_band_keys(shingles).T, self._bands, strict=True):
            first, last = np.searchsorted(values, keys, "left"), np.searchsorted(values, keys, "right")
            sizes = last - first
            own = np.repeat(np.arange(len(keys)), sizes)
            offsets = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            other = rows[first[own] + offsets]
            pairs.update(zip(shingles.rows[own].tolist(), self._shingles.rows[other].tolist(), strict=True))
        return pairs


class _Shingles:
    """The shingles of texts; `rows` are the texts that have any."""

    def __init__(self, tokens: Tokens) -> None:
        self.hashes, counts = shingle_hashes(tokens)
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts
        self.rows = np.flatnonzero(counts)

    def __getitem__(self, row: int) -> Hashes:
        distinct: Hashes = np.unique(self.hashes[self.starts[row] : self.ends[row]])
        return distinct


def _band_keys(shingles: _Shingles) -> Hashes:
    """A key for each band of each text's signature, [texts with shingles, bands].

    Texts with an equal key are candidates.
    """
    keys = np.zeros((len(shingles.rows), _BANDS), np.uint64)
    if not len(shingles.rows):
        return keys
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 2**63, (_BANDS, _ROWS), np.uint64) * np.uint64(2) + np.uint64(1)
    starts = shingles.starts[shingles.rows]
    for band in range(_BANDS):
        for factor in factors[band]:
            smallest = np.minimum.reduceat(_mixed(shingles.hashes * factor), starts)
            keys[:, band] = _mixed(keys[:, band] * _MIX[1] + smallest)
    return keys


def _mixed(values: Hashes) -> Hashes:
    return values ^ (values >> np.uint64(32))


def _sort_band(keys: Hashes) -> tuple[Hashes, NDArray[np.int64]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _jaccard(one: Hashes, other: Hashes) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
