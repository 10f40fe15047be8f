"""Titles and abstracts with planted signals, made for many patents at once.

A text is a function of (seed, patent it originates from, its text class, its level signal, which is a row of
Lexicon.level_table). An abstract is background
words among which keywords are strewn; its first ninety or so fall into segments of twelve places: a marker between two
companions, two keywords, a word, again a marker between companions, two level words, a word. Each kind of signal stands
in a few of the segments, spread evenly. All markers of one side come before all of the other, and so early that a text
cut at a hundred words keeps as many of both. The title holds a keyword and one pair of markers within its first twelve
words. The sides are so far apart that word vectors can tell them apart, and no word is far from a keyword, because
the memory of an untrained LSTM is a few words long.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.hashing import hashes, integers, ragged, successive, uniform
from patent_spark.stages.simulate.lexicon import (
    BREAK,
    CAPITAL,
    COMMA,
    KEYWORDS,
    LEVEL_WORDS,
    QUOTED,
    SIDES,
    STOP,
    Lexicon,
)
from patent_spark.stages.simulate.population import normal_quantiles

SEGMENT = 12
SEGMENTS = 7
_MARKERS_AT, _KEYWORDS_AT, _LEVEL_AT = (1, 7), 3, 9
_TITLE_GAP = 5
"""Words from a marker of the title to the other."""
_TOPICAL = 0.12
"""Share of an abstract's background words that are keywords instead."""
_SHORTEST, _LONGEST = 36, 280
_SPREAD = 38.0
_CLAIM_WORDS, _FURTHER_CLAIM_WORDS = 60, (8, 25)
_STOPS, _COMMAS, _QUOTES, _BREAKS = 1 / 18, 1 / 12, 1 / 700, 1 / 40
"""How often: a sentence ends after a word; a comma; a word in quotes; a line ends with a sentence."""


class Texts:
    """Writes texts with the words of a lexicon."""

    def __init__(self, lexicon: Lexicon, seed: int, mean_words: int) -> None:
        self._lexicon, self._seed, self._mean = lexicon, seed, mean_words
        plain = pa.array(lexicon.words)
        ways = [
            plain,
            pc.utf8_capitalize(plain),
            *(_written(plain, *around) for around in (("", ","), ("", "."), ('"', '"'), ("", ".\n"))),
        ]
        self._written = pa.concat_arrays([way.cast(pa.string()) for way in ways])
        self._count = len(plain)

    def titles(
        self, index: np.ndarray, origin: np.ndarray, text_class: np.ndarray, level: np.ndarray
    ) -> pa.Array:
        """One title a patent; that of a continuation may have a word more than its parent's."""
        base = hashes(self._seed, "title", origin)
        first = integers(successive(base, 0), 0, 3)
        marker = first + integers(successive(base, 1), 0, 2)
        two = uniform(successive(base, 2)) < 0.6
        keyword = np.where(marker == first, marker + 2, first)  # between the markers, or before them
        two &= marker == first
        with_level = uniform(successive(base, 3)) < 0.3
        lengths = np.maximum(marker + _TITLE_GAP + 2 + with_level, integers(successive(base, 4), 6, 12))
        longer = (index != origin) & (uniform(successive(base, 8)) < 0.5)
        tokens, starts, draws = self._background(base, lengths + longer)
        self._put_keywords(tokens, starts + keyword, successive(base, 5), text_class, two)
        self._put_pair(tokens, starts + marker, successive(base, 6), text_class)
        last = np.flatnonzero(with_level)
        self._put_level(
            tokens,
            (starts + lengths - 1)[last],
            successive(base, 7)[last],
            level[last],
            np.zeros(len(last), bool),
        )
        ways = np.zeros(len(tokens), np.int64)
        ways[uniform(draws) < _QUOTES / 4] = QUOTED
        ways[starts] = CAPITAL
        return self._joined(tokens, ways, starts)

    def abstracts(
        self, origin: np.ndarray, text_class: np.ndarray, level: np.ndarray, has: np.ndarray
    ) -> pa.Array:
        """One abstract a patent; empty for those that have none."""
        some = self._abstracts(origin[has], text_class[has], level[has])
        place = np.where(has, np.cumsum(has), 0)
        return pa.concat_arrays([pa.array([""]), some]).take(pa.array(place))

    def first_claims(self, index: np.ndarray, text_class: np.ndarray, level: np.ndarray) -> pa.Array:
        """One claim a patent, with all the signals of an abstract; a continuation claims something else than its parent."""
        return self._passages(hashes(self._seed, "first claim", index), _CLAIM_WORDS, text_class, level)

    def further_claims(self, index: np.ndarray, place: np.ndarray, text_class: np.ndarray) -> pa.Array:
        """One short claim for each patent and place, strewn with keywords."""
        base = successive(hashes(self._seed, "further claim", index), place)
        lengths = integers(successive(base, 0), *_FURTHER_CLAIM_WORDS)
        tokens, starts, draws = self._background(base, lengths)
        _put_topical(tokens, draws, np.repeat(self._first_keyword(text_class), lengths))
        ways = np.zeros(len(tokens), np.int64)
        ways[starts + lengths - 1] = STOP
        return self._joined(tokens, ways, starts)

    def _abstracts(self, origin: np.ndarray, text_class: np.ndarray, level: np.ndarray) -> pa.Array:
        return self._passages(hashes(self._seed, "abstract", origin), self._mean, text_class, level)

    def _passages(self, base: np.ndarray, mean: int, text_class: np.ndarray, level: np.ndarray) -> pa.Array:
        """One text of about `mean` words a hash."""
        spread = _SPREAD * min(1.0, mean / 110)
        drawn = mean + spread * normal_quantiles(np.clip(uniform(successive(base, 0)), 1e-9, 1 - 1e-9))
        lengths = np.clip(drawn, min(_SHORTEST, mean), max(_LONGEST, 2 * mean)).astype(np.int64)
        lengths = np.maximum(lengths, SEGMENT)
        tokens, starts, draws = self._background(base, lengths)
        _put_topical(tokens, draws, np.repeat(self._first_keyword(text_class), lengths))
        shift = np.minimum(integers(successive(base, 1), 0, SEGMENT // 2), lengths - SEGMENT)
        segments = np.clip((lengths - shift) // SEGMENT, 1, SEGMENTS)
        first = starts + shift
        self._put_sides(tokens, first, segments, base, text_class)
        for rows, segment, draw in _events(base, 10, segments, (3, 5)):
            two = uniform(successive(draw, 0)) < 0.75
            self._put_keywords(
                tokens, first[rows] + segment * SEGMENT + _KEYWORDS_AT, draw, text_class[rows], two
            )
        for rows, segment, draw in _events(base, 20, segments, (3, 4)):
            two = uniform(successive(draw, 0)) < 0.75
            self._put_level(tokens, first[rows] + segment * SEGMENT + _LEVEL_AT, draw, level[rows], two)
        return self._joined(tokens, _punctuated(draws, starts, lengths), starts)

    def _background(self, base: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Background words of texts laid end to end, the start of each text, and a fresh hash a word."""
        owner, place = ragged(lengths)
        draws = successive(base[owner], place + 100)
        cells = self._lexicon.background
        tokens = cells[(draws & np.uint64(len(cells) - 1)).astype(np.int64)].astype(np.int64)
        return tokens, np.cumsum(lengths) - lengths, draws

    def _put_sides(
        self,
        tokens: np.ndarray,
        first: np.ndarray,
        segments: np.ndarray,
        base: np.ndarray,
        text_class: np.ndarray,
    ) -> None:
        """Three to five markers of one side, each between companions, then their counterparts of the other side.

        There are two places a segment; the first side's markers are spread over the first half of them.
        """
        side = self._first_side(text_class, successive(base, 1))
        for rows, place, draw in _events(base, 2, segments, (3, 5)):
            for half in range(2):
                segment, at = np.divmod(place + half * segments[rows], 2)
                which = np.where(half, 1 - side[rows], side[rows])
                self._put_marker(
                    tokens,
                    first[rows] + segment * SEGMENT + np.array(_MARKERS_AT)[at],
                    draw,
                    which,
                    before=True,
                )

    def _put_pair(
        self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, text_class: np.ndarray
    ) -> None:
        """A marker and a companion, and a few words on those of the other side."""
        side = self._first_side(text_class, successive(draws, 1))
        self._put_marker(tokens, at, draws, side, before=False)
        self._put_marker(tokens, at + _TITLE_GAP, draws, 1 - side, before=False)

    def _first_side(self, text_class: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """The side that comes first: the class's, or any where order means nothing."""
        order = self._lexicon.order[text_class]
        side: np.ndarray = np.where(order < 0, integers(draws, 0, 2), order)
        return side

    def _put_marker(
        self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, side: np.ndarray, before: bool
    ) -> None:
        """A marker and a companion behind it, or one to each side; the words are drawn by side, whichever comes first."""
        per_side = len(SIDES[0])
        tokens[at] = (
            self._lexicon.first_marker + side * per_side + integers(successive(draws, 2), 0, per_side)
        )
        for offset, draw in ((1, 3), (-1, 5))[: 1 + before]:
            companion = integers(successive(draws, draw + side), 0, per_side)
            tokens[at + offset] = self._lexicon.first_companion + side * per_side + companion

    def _first_keyword(self, text_class: np.ndarray) -> np.ndarray:
        first: np.ndarray = self._lexicon.first_keyword + self._lexicon.group[text_class] * KEYWORDS
        return first

    def _put_keywords(
        self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, text_class: np.ndarray, two: np.ndarray
    ) -> None:
        first, (one, other) = self._first_keyword(text_class), _two_of(KEYWORDS, draws)
        _put_words(tokens, at, first + one, first + other, two)

    def _put_level(
        self, tokens: np.ndarray, at: np.ndarray, draws: np.ndarray, level: np.ndarray, two: np.ndarray
    ) -> None:
        table, (one, other) = self._lexicon.level_table, _two_of(LEVEL_WORDS, draws)
        _put_words(tokens, at, table[level, one], table[level, other], two)

    def _joined(self, tokens: np.ndarray, ways: np.ndarray, starts: np.ndarray) -> pa.Array:
        words = self._written.take(pa.array(tokens + ways * self._count))
        offsets = pa.array(np.append(starts, len(tokens)).astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(offsets, words), " ")


def _events(
    base: np.ndarray, stream: int, segments: np.ndarray, least_most: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """A few segments of each text, evenly spread: (texts concerned, their segment, a hash each), one segment a text at a time."""
    least, most = least_most
    draws = successive(base, stream)
    count = np.minimum(integers(draws, least, most + 1), segments)
    shift = uniform(successive(base, stream + 1))
    for event in range(most):
        rows = np.flatnonzero(event < count)
        yield (
            rows,
            ((event + shift[rows]) * segments[rows] / count[rows]).astype(np.int64),
            successive(draws[rows], event),
        )


def _put_topical(tokens: np.ndarray, draws: np.ndarray, first: np.ndarray) -> None:
    """Strew keywords; of the hashes, the words were drawn with the lowest bits, punctuation is drawn with the highest."""
    middle = (draws >> np.uint64(21)).astype(np.int64)
    topical = np.flatnonzero((middle & 4095) < _TOPICAL * 4096)
    tokens[topical] = first[topical] + (middle[topical] >> 12) % 1009 % KEYWORDS


def _put_words(
    tokens: np.ndarray, at: np.ndarray, one: np.ndarray, other: np.ndarray, two: np.ndarray
) -> None:
    """A word, and where `two` another behind it."""
    tokens[at] = one
    tokens[at[two] + 1] = other[two]


def _two_of(count: int, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two different places in a list of `count` words."""
    one = integers(successive(draws, 8), 0, count)
    return one, (one + integers(successive(draws, 9), 1, count)) % count


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
