"""Titles, abstracts and claims that signal a class and a level, made for many patents at once.

A text is a function of (seed, patent it originates from, its text class, its row of Lexicon.level_table).

An abstract is background words among which keywords are scattered. Its first ninety words or so form
segments of twelve places: a marker between two companions, two keywords, a word, again a marker between
companions, two level words, a word. Each kind of signal stands in a few of the segments, spread evenly. All
markers of one side come before all of the other, and early enough that a text cut at a hundred words keeps
as many of both. The title holds a keyword and one pair of markers within its first twelve words.

The sides are so far apart that word vectors can distinguish them. No word is far from a keyword, because
the memory of an untrained LSTM is a few words long.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.arrays import Hashes, Ints, Mask
from patent_spark.stages.simulate.hashing import hashes, integers, ragged, successive, uniform
from patent_spark.stages.simulate.lexicon import Lexicon
from patent_spark.stages.simulate.normal import normal_quantiles
from patent_spark.stages.simulate.signals import SignalWriter, events

PLAIN, CAPITAL, COMMA, STOP, QUOTED, BREAK = range(6)
"""How a word is written: plain, capitalised, before a comma or full stop, in quotes, at the end of a line."""
SEGMENT = 12
SEGMENTS = 7
_MARKERS_AT, _KEYWORDS_AT, _LEVEL_AT = (1, 7), 3, 9
_TITLE_GAP = 5
"""Words from one marker of a title to the other."""
_SHORTEST, _LONGEST = 36, 280
_SPREAD = 38.0
_CLAIM_WORDS, _FURTHER_CLAIM_WORDS = 60, (8, 25)
_STOPS, _COMMAS, _QUOTES, _BREAKS = 1 / 18, 1 / 12, 1 / 700, 1 / 40
"""Shares: words that end a sentence, words before a comma, quoted words, sentences that end a line."""


class Texts:
    """Writes texts with the words of a lexicon."""

    def __init__(self, lexicon: Lexicon, seed: int, mean_words: int) -> None:
        self._lexicon, self._seed, self._mean = lexicon, seed, mean_words
        self._signals = SignalWriter(lexicon)
        plain = pa.array(lexicon.words)
        ways = [
            plain,
            pc.utf8_capitalize(plain),
            *(_enclosed(plain, *around) for around in (("", ","), ("", "."), ('"', '"'), ("", ".\n"))),
        ]
        self._written = pa.concat_arrays([way.cast(pa.string()) for way in ways])
        self._count = len(plain)

    def titles(self, index: Ints, origin: Ints, text_class: Ints, level_row: Ints) -> pa.Array:
        """One title per patent. That of a continuation may have one word more than its parent's."""
        base = hashes(self._seed, "title", origin)
        first = integers(successive(base, 0), 0, 3)
        marker = first + integers(successive(base, 1), 0, 2)
        two = uniform(successive(base, 2)) < 0.6
        # The keyword stands between the markers or before them.
        keyword = np.where(marker == first, marker + 2, first)
        two &= marker == first
        with_level = uniform(successive(base, 3)) < 0.3
        lengths = np.maximum(marker + _TITLE_GAP + 2 + with_level, integers(successive(base, 4), 6, 12))
        longer = (index != origin) & (uniform(successive(base, 8)) < 0.5)
        tokens, starts, draws = self._background(base, lengths + longer)
        self._signals.put_keywords(tokens, starts + keyword, successive(base, 5), text_class, two)
        self._signals.put_pair(tokens, starts + marker, _TITLE_GAP, successive(base, 6), text_class)
        last = np.flatnonzero(with_level)
        places, single = (starts + lengths - 1)[last], np.zeros(len(last), bool)
        self._signals.put_level_words(tokens, places, successive(base, 7)[last], level_row[last], single)
        ways = np.zeros(len(tokens), np.int64)
        ways[uniform(draws) < _QUOTES / 4] = QUOTED
        ways[starts] = CAPITAL
        return self._joined(tokens, ways, starts)

    def abstracts(self, origin: Ints, text_class: Ints, level_row: Ints, has: Mask) -> pa.Array:
        """One abstract per patent; empty for patents without one."""
        base = hashes(self._seed, "abstract", origin[has])
        some = self._passages(base, self._mean, text_class[has], level_row[has])
        place = np.where(has, np.cumsum(has), 0)
        return pa.concat_arrays([pa.array([""]), some]).take(pa.array(place))

    def first_claims(self, index: Ints, text_class: Ints, level_row: Ints) -> pa.Array:
        """One claim per patent, with all signals of an abstract. A continuation claims something of its
        own.
        """
        base = hashes(self._seed, "first claim", index)
        return self._passages(base, _CLAIM_WORDS, text_class, level_row)

    def further_claims(self, index: Ints, place: Ints, text_class: Ints) -> pa.Array:
        """One short claim for each patent and place, with scattered keywords."""
        base = successive(hashes(self._seed, "further claim", index), place)
        lengths = integers(successive(base, 0), *_FURTHER_CLAIM_WORDS)
        tokens, starts, draws = self._background(base, lengths)
        self._signals.scatter_keywords(tokens, draws, np.repeat(text_class, lengths))
        ways = np.zeros(len(tokens), np.int64)
        ways[starts + lengths - 1] = STOP
        return self._joined(tokens, ways, starts)

    def _passages(self, base: Hashes, mean: int, text_class: Ints, level_row: Ints) -> pa.Array:
        """One text of about `mean` words for each hash."""
        lengths = _lengths(base, mean)
        tokens, starts, draws = self._background(base, lengths)
        self._signals.scatter_keywords(tokens, draws, np.repeat(text_class, lengths))
        shift = np.minimum(integers(successive(base, 1), 0, SEGMENT // 2), lengths - SEGMENT)
        segments = np.clip((lengths - shift) // SEGMENT, 1, SEGMENTS)
        first = starts + shift
        self._put_sides(tokens, first, segments, base, text_class)
        for rows, segment, draw in events(base, 10, segments, (3, 5)):
            at, two = first[rows] + segment * SEGMENT + _KEYWORDS_AT, uniform(successive(draw, 0)) < 0.75
            self._signals.put_keywords(tokens, at, draw, text_class[rows], two)
        for rows, segment, draw in events(base, 20, segments, (3, 4)):
            at, two = first[rows] + segment * SEGMENT + _LEVEL_AT, uniform(successive(draw, 0)) < 0.75
            self._signals.put_level_words(tokens, at, draw, level_row[rows], two)
        return self._joined(tokens, _punctuated(draws, starts, lengths), starts)

    def _background(self, base: Hashes, lengths: Ints) -> tuple[Ints, Ints, Hashes]:
        """Background words of texts laid end to end, the start of each text, and a fresh hash per word."""
        owner, place = ragged(lengths)
        draws = successive(base[owner], place + 100)
        cells = self._lexicon.background
        tokens = cells[(draws & np.uint64(len(cells) - 1)).astype(np.int64)].astype(np.int64)
        return tokens, np.cumsum(lengths) - lengths, draws

    def _put_sides(self, tokens: Ints, first: Ints, segments: Ints, base: Hashes, text_class: Ints) -> None:
        """Three to five markers of one side, each between companions, then their counterparts of the other.

        There are two places per segment. The markers of the first side are spread over the first half of
        them.
        """
        side = self._signals.first_side(text_class, successive(base, 1))
        for rows, place, draw in events(base, 2, segments, (3, 5)):
            for half in range(2):
                segment, at = np.divmod(place + half * segments[rows], 2)
                which = np.where(half, 1 - side[rows], side[rows])
                places = first[rows] + segment * SEGMENT + np.array(_MARKERS_AT)[at]
                self._signals.put_marker(tokens, places, draw, which, before=True)

    def _joined(self, tokens: Ints, ways: Ints, starts: Ints) -> pa.Array:
        words = self._written.take(pa.array(tokens + ways * self._count))
        offsets = pa.array(np.append(starts, len(tokens)).astype(np.int32))
        return pc.binary_join(pa.ListArray.from_arrays(offsets, words), " ")


def _lengths(base: Hashes, mean: int) -> Ints:
    """Lengths in words, at least one segment, with a normal distribution around `mean`."""
    spread = _SPREAD * min(1.0, mean / 110)
    drawn = mean + spread * normal_quantiles(np.clip(uniform(successive(base, 0)), 1e-9, 1 - 1e-9))
    lengths = np.clip(drawn, min(_SHORTEST, mean), max(_LONGEST, 2 * mean)).astype(np.int64)
    return np.maximum(lengths, SEGMENT)


def _punctuated(draws: Hashes, starts: Ints, lengths: Ints) -> Ints:
    """How each word is written. The same hash chose the word, by its low bits."""
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


def _enclosed(words: pa.Array, before: str, after: str) -> pa.Array:
    return pc.binary_join_element_wise(before, words, after, "")
