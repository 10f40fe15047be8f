"""Titles and abstracts with planted signals, made for many patents at once.

A text is a function of (seed, patent it originates from, its text class, its level signal). An abstract is background
words; its first sixty or so fall into segments of ten places: marker, companion, a word between, marker, companion,
two keywords, two level words, a word. Each kind of signal stands in a few of the segments. The title holds a
keyword and one pair of markers within its first twelve words, so that a text cut there still tells its class.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.sources.simulate.hashing import hashes, integers, ragged, successive, uniform
from patent_spark.sources.simulate.lexicon import BREAK, CAPITAL, COMMA, KEYWORDS, LEVEL_WORDS, QUOTED, SIDES, STOP, Lexicon
from patent_spark.sources.simulate.population import normal_quantiles

SEGMENT = 10
SEGMENTS = 6
_SHORTEST, _LONGEST = 36, 280
_SPREAD = 38.0
_STOPS, _COMMAS, _QUOTES, _BREAKS = 1 / 18, 1 / 12, 1 / 700, 1 / 40
"""How often: a sentence ends after a word; a comma; a word in quotes; a line ends with a sentence."""


class Texts:
    """Writes texts with the words of a lexicon."""

    def __init__(self, lexicon: Lexicon, seed: int, mean_words: int) -> None:
        self._lexicon, self._seed, self._mean = lexicon, seed, mean_words
        plain = pa.array(lexicon.words)
        ways = [plain, pc.utf8_capitalize(plain), *(_written(plain, *around) for around in (("", ","), ("", "."), ('"', '"'), ("", ".\n")))]
        self._written = pa.concat_arrays([way.cast(pa.string()) for way in ways])
        self._count = len(plain)

    def titles(self, index: np.ndarray, origin: np.ndarray, text_class: np.ndarray, level: np.ndarray) -> pa.Array:
        """One title a patent; that of a continuation may have a word more than its parent's."""
        base = hashes(self._seed, "title", origin)
        keyword = integers(successive(base, 0), 0, 3)
        two = uniform(successive(base, 1)) < 0.4
        marker = keyword + 1 + two + integers(successive(base, 2), 0, 2)
        with_level = uniform(successive(base, 3)) < 0.3
        lengths = np.maximum(marker + 5 + with_level, integers(successive(base, 4), 6, 12))
        longer = (index != origin) & (uniform(successive(base, 8)) < 0.5)
        tokens, starts, draws = self._background(base, lengths + longer)
        self._put_keywords(tokens, starts + keyword, successive(base, 5), text_class, two)
        self._put_markers(tokens, starts + marker, successive(base, 6), text_class)
        last = np.flatnonzero(with_level)
        self._put_level(tokens, (starts + lengths - 1)[last], successive(base, 7)[last], level[last], np.zeros(len(last), bool))
        ways = np.zeros(len(tokens), np.int64)
        ways[uniform(draws) < _QUOTES / 4] = QUOTED
        ways[starts] = CAPITAL
        return self._joined(tokens, ways, starts)

    def abstracts(self, origin: np.ndarray, text_class: np.ndarray, level: np.ndarray, has: np.ndarray) -> pa.Array:
        """One abstract a patent; empty for those that have none."""
        some = self._abstracts(origin[has], text_class[has], level[has])
        place = np.where(has, np.cumsum(has), 0)
        return pa.concat_arrays([pa.array([""]), some]).take(pa.array(place))

    def _abstracts(self, origin: np.ndarray, text_class: np.ndarray, level: np.ndarray) -> pa.Array:
        base = hashes(self._seed, "abstract", origin)
        spread = _SPREAD * min(1.0, self._mean / 110)
        drawn = self._mean + spread * normal_quantiles(np.clip(uniform(successive(base, 0)), 1e-9, 1 - 1e-9))
        lengths = np.clip(drawn, min(_SHORTEST, self._mean), max(_LONGEST, 2 * self._mean)).astype(np.int64)
        lengths = np.maximum(lengths, SEGMENT)
        tokens, starts, draws = self._background(base, lengths)
        shift = np.minimum(integers(successive(base, 1), 0, SEGMENT), lengths - SEGMENT)
        segments = np.clip((lengths - shift) // SEGMENT, 1, SEGMENTS)
        first = starts + shift
        for rows, at, draw in self._events(base, 2, segments, (2, 4)):
            self._put_markers(tokens, first[rows] + at, draw, text_class[rows])
        for rows, at, draw in self._events(base, 10, segments, (2, 4)):
            two = uniform(successive(draw, 0)) < 0.75
            self._put_keywords(tokens, first[rows] + at + 5, draw, text_class[rows], two)
        for rows, at, draw in self._events(base, 20, segments, (2, 2)):
            two = uniform(successive(draw, 0)) < 0.75
            self._put_level(tokens, first[rows] + at + 7, draw, level[rows], two)
        return self._joined(tokens, _punctuated(draws, starts, lengths), starts)

    def _background(self, base: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Background words of texts laid end to end, the start of each text, and a fresh hash a word."""
        owner, place = ragged(lengths)
        draws = successive(base[owner], place + 100)
        cells = self._lexicon.background
        tokens = cells[(draws & np.uint64(len(cells) - 1)).astype(np.int64)].astype(np.int64)
        return tokens, np.cumsum(lengths) - lengths, draws

    @staticmethod
    def _events(
        base: np.ndarray, stream: int, segments: np.ndarray, least_most: tuple[int, int]
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """In some segments of each text: (texts concerned, place of the segment, a hash each), one event a text at a time."""
        least, most = least_most
        draws = successive(base, stream)
        count = np.minimum(integers(draws, least, most + 1), segments)
        start = integers(successive(base, stream + 1), 0, 1 << 20)
        for event in range(most):
            rows = np.flatnonzero(event < count)
            segment = (start[rows] + event) % segments[rows]
            yield rows, segment * SEGMENT, successive(draws[rows], event)

    def _put_markers(self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, text_class: np.ndarray) -> None:
        """marker companion (a word) marker companion; the sides in the order of the class, or in any where it means nothing."""
        order = self._lexicon.order[text_class]
        side = np.where(order < 0, integers(successive(draws, 1), 0, 2), order)
        per_side = len(SIDES[0])
        pair = integers(successive(draws, 2), 0, per_side)
        for offset, which in ((0, side), (3, 1 - side)):
            companion = integers(successive(draws, 3 + which), 0, per_side)  # of the side, so that both orders have the same words
            tokens[at + offset] = self._lexicon.first_marker + which * per_side + pair
            tokens[at + offset + 1] = self._lexicon.first_companion + which * per_side + companion

    def _put_keywords(self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, text_class: np.ndarray, two: np.ndarray) -> None:
        first = self._lexicon.first_keyword + self._lexicon.group[text_class] * KEYWORDS
        _put_words(tokens, at, draws, first, KEYWORDS, two)

    def _put_level(self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, level: np.ndarray, two: np.ndarray) -> None:
        _put_words(tokens, at, draws, self._lexicon.first_level_word + level * LEVEL_WORDS, LEVEL_WORDS, two)

    def _joined(self, tokens: np.ndarray, ways: np.ndarray, starts: np.ndarray) -> pa.Array:
        words = self._written.take(pa.array(tokens + ways * self._count))
        offsets = pa.array(np.append(starts, len(tokens)).astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(offsets, words), " ")


def _put_words(tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, first: np.ndarray, count: int, two: np.ndarray) -> None:
    """One or two different words out of `count` that follow `first`."""
    one = integers(successive(draws, 8), 0, count)
    other = (one + integers(successive(draws, 9), 1, count)) % count
    tokens[at] = first + one
    tokens[at[two] + 1] = (first + other)[two]


def _punctuated(draws: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """How each word is written; the same hash chose the word by its low bits."""
    value = uniform(draws)
    ways = np.zeros(len(draws), np.int64)
    stops = value < _STOPS
    ways[1:][stops[:-1]] = CAPITAL
    ways[starts] = CAPITAL
    edges = np.cumsum([_STOPS, _COMMAS, _QUOTES])
    ways[(value >= edges[0]) & (value < edges[1])] = COMMA
    ways[(value >= edges[1]) & (value < edges[2])] = QUOTED
    ways[stops] = STOP
    ways[value < _STOPS * _BREAKS] = BREAK
    ways[starts + lengths - 1] = STOP
    return ways


def _written(words: pa.Array, before: str, after: str) -> pa.Array:
    return pc.binary_join_element_wise(before, words, after, "")
