"""Near duplicates by MinHash (Broder 1997) over shingles of three words, with banding; candidates are compared exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Hashes = NDArray[np.uint64]

_WORDS = 3
_BANDS, _ROWS = (
    16,
    4,
)  # two texts that share 0.7 of their shingles meet with a probability of 98.8 %, with 0.3 of 12 %
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def shingles_of(tokens: Tokens) -> tuple[Hashes, NDArray[np.int64]]:
    """Hashes of all shingles of texts [n, width], one text after the other, and how many each text has."""
    ids = tokens.astype(np.uint64)
    width = max(0, tokens.shape[1] - _WORDS + 1)
    mixed = np.zeros((len(tokens), width), np.uint64)
    for place in range(_WORDS):
        mixed = (mixed ^ ids[:, place : place + width]) * _MIX[place]
        mixed ^= mixed >> np.uint64(29)
    counts = np.maximum(np.count_nonzero(tokens, axis=1) - _WORDS + 1, 0)
    return mixed[np.arange(width) < counts[:, None]], counts


class Reference:
    """Texts [n, width] to which others are compared; only their shingles and band keys are kept."""

    def __init__(self, tokens: Tokens) -> None:
        self._sets = _Sets(tokens)
        self._bands = [_sorted_band(band) for band in _band_keys(self._sets).T]

    def near(self, tokens: Tokens, share: float) -> list[tuple[int, int, float]]:
        """Pairs of near duplicates: row of `tokens`, row of the reference, and the share of shingles in common (at least `share`)."""
        sets = _Sets(tokens)
        pairs: set[tuple[int, int]] = set()
        for keys, (values, rows) in zip(_band_keys(sets).T, self._bands, strict=True):
            first, last = np.searchsorted(values, keys, "left"), np.searchsorted(values, keys, "right")
            mine = np.repeat(np.arange(len(keys)), last - first)
            place = (
                np.arange(len(mine))
                - np.repeat(np.cumsum(last - first) - (last - first), last - first)
                + first[mine]
            )
            pairs.update(zip(sets.rows[mine].tolist(), self._sets.rows[rows[place]].tolist(), strict=True))
        compared = ((one, other, _jaccard(sets[one], self._sets[other])) for one, other in pairs)
        return [pair for pair in compared if pair[2] >= share]


class _Sets:
    """The shingles of texts; `rows` are the texts that have any."""

    def __init__(self, tokens: Tokens) -> None:
        self.hashes, counts = shingles_of(tokens)
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts
        self.rows = np.flatnonzero(counts)

    def __getitem__(self, row: int) -> Hashes:
        distinct: Hashes = np.unique(self.hashes[self.starts[row] : self.ends[row]])
        return distinct


def _band_keys(sets: _Sets) -> Hashes:
    """A key for each band of each text's signature [texts with shingles, bands]: texts with an equal key are candidates."""
    keys = np.zeros((len(sets.rows), _BANDS), np.uint64)
    if not len(sets.rows):
        return keys
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 2**63, (_BANDS, _ROWS), np.uint64) * np.uint64(2) + np.uint64(1)
    for band in range(_BANDS):
        for factor in factors[band]:
            smallest = np.minimum.reduceat(_mixed(sets.hashes * factor), sets.starts[sets.rows])
            keys[:, band] = _mixed(keys[:, band] * _MIX[1] + smallest)
    return keys


def _mixed(values: Hashes) -> Hashes:
    return values ^ (values >> np.uint64(32))


def _sorted_band(keys: Hashes) -> tuple[Hashes, NDArray[np.int64]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _jaccard(one: Hashes, other: Hashes) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
