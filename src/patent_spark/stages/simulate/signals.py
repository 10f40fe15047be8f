"""Puts the words that signal a class or a level into texts.

Texts are laid end to end as indices of a lexicon's words; the methods replace some of them in place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from patent_spark.stages.simulate.arrays import Hashes, Ints, Mask
from patent_spark.stages.simulate.hashing import integers, successive, uniform
from patent_spark.stages.simulate.lexicon import KEYWORDS, LEVEL_WORDS, SIDES, Lexicon

_SCATTERED = 0.12
"""Share of a text's background words that are replaced by keywords."""


class SignalWriter:
    """Writes keywords, markers and level words of a lexicon into texts."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def scatter_keywords(self, tokens: Ints, draws: Hashes, text_class: Ints) -> None:
        """Replace some words by keywords. There is one hash and one class per word.

        The lowest bits of the hashes have chosen the words, the highest ones choose the punctuation.
        """
        middle = (draws >> np.uint64(21)).astype(np.int64)
        chosen = np.flatnonzero((middle & 4095) < _SCATTERED * 4096)
        first = self._first_keyword(text_class)
        tokens[chosen] = first[chosen] + (middle[chosen] >> 12) % 1009 % KEYWORDS

    def put_keywords(self, tokens: Ints, at: Ints, draws: Hashes, text_class: Ints, two: Mask) -> None:
        """Put a keyword at each place, and where `two` another one behind it."""
        first, (one, other) = self._first_keyword(text_class), _two_of(KEYWORDS, draws)
        _put_words(tokens, at, first + one, first + other, two)

    def put_level_words(self, tokens: Ints, at: Ints, draws: Hashes, level_row: Ints, two: Mask) -> None:
        """Put a level word at each place, and where `two` another one behind it."""
        table, (one, other) = self._lexicon.level_table, _two_of(LEVEL_WORDS, draws)
        _put_words(tokens, at, table[level_row, one], table[level_row, other], two)

    def put_pair(self, tokens: Ints, at: Ints, gap: int, draws: Hashes, text_class: Ints) -> None:
        """Put a marker with a companion, and `gap` words further one of the other side."""
        side = self.first_side(text_class, successive(draws, 1))
        self.put_marker(tokens, at, draws, side, before=False)
        self.put_marker(tokens, at + gap, draws, 1 - side, before=False)

    def first_side(self, text_class: Ints, draws: Hashes) -> Ints:
        """The side that comes first: that of the class, or a random one where order signals nothing."""
        order = self._lexicon.order[text_class]
        side: Ints = np.where(order < 0, integers(draws, 0, 2), order)
        return side

    def put_marker(self, tokens: Ints, at: Ints, draws: Hashes, side: Ints, before: bool) -> None:
        """Put a marker and a companion behind it, with `before` another companion in front.

        The words depend on the hash and the side, not on which side comes first.
        """
        per_side = len(SIDES[0])
        marker = integers(successive(draws, 2), 0, per_side)
        tokens[at] = self._lexicon.first_marker + side * per_side + marker
        for offset, draw in ((1, 3), (-1, 5))[: 1 + before]:
            companion = integers(successive(draws, draw + side), 0, per_side)
            tokens[at + offset] = self._lexicon.first_companion + side * per_side + companion

    def _first_keyword(self, text_class: Ints) -> Ints:
        first: Ints = self._lexicon.first_keyword + self._lexicon.group[text_class] * KEYWORDS
        return first


def events(
    base: Hashes, stream: int, segments: Ints, least_most: tuple[int, int]
) -> Iterator[tuple[Ints, Ints, Hashes]]:
    """Choose a few evenly spread segments of each text.

    Yields (texts, the segment in each, a hash for each), with at most one segment per text at a time.
    """
    least, most = least_most
    draws = successive(base, stream)
    count = np.minimum(integers(draws, least, most + 1), segments)
    shift = uniform(successive(base, stream + 1))
    for event in range(most):
        rows = np.flatnonzero(event < count)
        segment = ((event + shift[rows]) * segments[rows] / count[rows]).astype(np.int64)
        yield rows, segment, successive(draws[rows], event)


def _put_words(tokens: Ints, at: Ints, one: Ints, other: Ints, two: Mask) -> None:
    tokens[at] = one
    tokens[at[two] + 1] = other[two]


def _two_of(count: int, draws: Hashes) -> tuple[Ints, Ints]:
    """Two different indices below `count`."""
    one = integers(successive(draws, 8), 0, count)
    return one, (one + integers(successive(draws, 9), 1, count)) % count
