"""The words of simulated texts: a Zipf background, and the words that signal the class and the level.

* Keywords signal the class. The two classes of a pair share theirs.
* Markers tell the two classes of a pair apart by order alone: a word of one side comes first.
* Each citation level has words of its own. With drift, new words replace some of them each year.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from patent_spark.stages.simulate.arrays import Ints
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.grant_years import YEAR_COUNT
from patent_spark.stages.simulate.population import Population
from patent_spark.stages.simulate.pseudo_words import pseudo_words

BACKGROUND_WORDS = 90_000
KEYWORDS = 14
LEVEL_WORDS = 10
SIDES = (
    ("upstream", "primary", "inner", "upper", "proximal", "leading"),
    ("downstream", "secondary", "outer", "lower", "distal", "trailing"),
)
"""Markers by side. With order 0 a word of the first side comes first. Counterparts have the same index."""
COMPANIONS = (
    ("inlet", "source", "input", "transmitter", "anode", "rotor"),
    ("outlet", "drain", "output", "receiver", "cathode", "stator"),
)
"""A companion of its side follows each marker, so that word vectors can distinguish the sides."""
PROBES = {
    "A01": ("grass",), "A47": ("clean", "vacuum"), "A61": ("brain", "eye", "hand"), "B63": ("ocean",),
    "B64": ("space",), "H04": ("network",),
}  # fmt: skip
"""Words of the paper's Appendix A, as keywords of suitable classes."""

_FUNCTION_WORDS = (
    "the a of and to in is an for with that by are or from said being which first at on second has "
    "between comprising as system method one device least having each through when into may be "
    "comprises including apparatus such invention can portion also provided more other wherein than two "
    "plurality disclosed its configured present used surface not using thereof it formed within"
)
_FUNCTION_SHARE = 0.45
_ODDITIES = (
    "10", "2.5", "100", "°C", "µm", "5%", "α", "naïve", "Ångström", "(12)", "(a)", "i.e.", "X-ray", "in-situ",
    "1/2", "&", "C3H8", "U.S.",
)  # fmt: skip
_ODDITY_SHARE = 0.012
_CELLS = 1 << 21


@dataclass(frozen=True)
class Lexicon:
    """The words of a release. A word is identified by its index in `words`."""

    population: Population
    order_share: float
    drift: float = 0.0
    """Share of a level's words that new words replace each year."""

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of classes that only word order distinguishes.

        They are neighbours in size and hold about order_share of all patents.
        """
        shares = self.population.shares
        by_size = [int(k) for k in np.argsort(-shares, kind="stable")]
        total, pairs = 0.0, []
        for one, two in zip(by_size[::2], by_size[1::2], strict=False):
            if total + shares[one] + shares[two] <= self.order_share + 0.02:
                total += shares[one] + shares[two]
                pairs.append((min(one, two), max(one, two)))
        return sorted(pairs)

    @cached_property
    def group(self) -> Ints:
        """The keyword set of each class: its own, or that of the first class of its pair."""
        group = np.arange(self.population.class_count)
        for one, two in self.pairs:
            group[two] = one
        return group

    @cached_property
    def order(self) -> Ints:
        """The order of markers of each class: 0, 1, or -1 where it is random."""
        order = np.full(self.population.class_count, -1)
        for one, two in self.pairs:
            order[one], order[two] = 0, 1
        return order

    @cached_property
    def words(self) -> list[str]:
        """All words.

        In this order: background (the most frequent first), keywords by class, words by level, markers and
        companions by side, level words of later years.
        """
        probes = [word for words in PROBES.values() for word in words]
        of_sides = [word for side in (*SIDES, *COMPANIONS) for word in side]
        taken = {*_FUNCTION_WORDS.split(), *probes, *of_sides}
        made = (word for word in pseudo_words() if word not in taken)
        words = [*_FUNCTION_WORDS.split(), *_ODDITIES, *islice(made, BACKGROUND_WORDS)]
        for group in range(self.population.class_count):
            members = np.flatnonzero(self.group == group)
            known = [word for member in members for word in self._probes(int(member))]
            words += [*known, *islice(made, KEYWORDS - len(known))]
        words += islice(made, 4 * LEVEL_WORDS)
        words += of_sides
        return [*words, *islice(made, self._generations.max() * 4 * LEVEL_WORDS)]

    def _probes(self, member: int) -> tuple[str, ...]:
        return PROBES.get(CLASSES[self.population.classes[member]].code, ())

    @property
    def first_keyword(self) -> int:
        """Index of the first keyword of the first class."""
        return len(_FUNCTION_WORDS.split()) + len(_ODDITIES) + BACKGROUND_WORDS

    @property
    def first_level_word(self) -> int:
        """Index of the first word of the first level."""
        return self.first_keyword + self.population.class_count * KEYWORDS

    @property
    def first_marker(self) -> int:
        """Index of the first marker of the first side."""
        return self.first_level_word + 4 * LEVEL_WORDS

    @property
    def first_companion(self) -> int:
        """Index of the first companion of the first side."""
        return self.first_marker + 2 * len(SIDES[0])

    def keywords(self, group: int) -> list[str]:
        """The words of a keyword set."""
        first = self.first_keyword + group * KEYWORDS
        return self.words[first : first + KEYWORDS]

    @cached_property
    def _generations(self) -> Ints:
        """[years, LEVEL_WORDS]: how often each word of a level was replaced up to a grant year."""
        phase = (np.arange(LEVEL_WORDS) + 0.5) / LEVEL_WORDS
        return np.floor(np.arange(YEAR_COUNT)[:, None] * self.drift + phase).astype(np.int64)

    @cached_property
    def level_table(self) -> Ints:
        """[years * levels, LEVEL_WORDS]: indices of the words that signal a level in a grant year."""
        place = np.arange(4 * LEVEL_WORDS).reshape(4, LEVEL_WORDS)
        generation = self._generations[:, None, :]
        later = self.first_companion + 2 * len(COMPANIONS[0]) + (generation - 1) * 4 * LEVEL_WORDS
        return np.add(np.where(generation > 0, later, self.first_level_word), place).reshape(-1, LEVEL_WORDS)

    def level_rows(self, year: Ints, level: Ints) -> Ints:
        """Rows of `level_table` for grant years, from 0 = 1976, and levels."""
        return np.add(4 * year, level)

    @cached_property
    def level_words(self) -> list[list[str]]:
        """The words of each level in all years."""
        return [[self.words[at] for at in np.unique(self.level_table[level::4])] for level in range(4)]

    @property
    def synonyms(self) -> list[list[str]]:
        """Groups of interchangeable words: within a group, each occurrence is drawn at random."""
        keywords = [self.keywords(group) for group in sorted(set(self.group.tolist()))]
        return [*keywords, *self.level_words, *(list(side) for side in (*SIDES, *COMPANIONS))]

    @cached_property
    def background(self) -> NDArray[np.int32]:
        """Word indices; a uniform choice among them draws background words with their frequencies."""
        counts = (len(_FUNCTION_WORDS.split()), len(_ODDITIES), BACKGROUND_WORDS)
        shares = (_FUNCTION_SHARE, _ODDITY_SHARE, 1 - _FUNCTION_SHARE - _ODDITY_SHARE)
        parts = []
        for count, share, offset in zip(counts, shares, (1.5, 5.0, 12.0), strict=True):
            weights = 1 / (np.arange(count) + offset)
            parts.append(share * weights / weights.sum())
        cumulative = np.cumsum(np.concatenate(parts))
        return np.searchsorted(cumulative, (np.arange(_CELLS) + 0.5) / _CELLS).astype(np.int32)
