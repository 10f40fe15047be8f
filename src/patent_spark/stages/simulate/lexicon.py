"""The words of simulated texts: a Zipf background, and the words that carry the planted signals.

* Keywords tell the class. Two classes of a pair share theirs.
* Markers tell the two classes of a pair apart, by order alone: a word of the one side before one of the other.
* Each citation level has words of its own. With drift some of them give way each year to words never seen before.

All sets are disjoint. Words that are not English are pronounceable and lower-case letters alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from patent_spark.stages.simulate.calibration import CLASSES
from patent_spark.stages.simulate.population import YEAR_COUNT, Population

BACKGROUND_WORDS = 90_000
KEYWORDS = 14
LEVEL_WORDS = 10
SIDES = (
    ("upstream", "primary", "inner", "upper", "proximal", "leading"),
    ("downstream", "secondary", "outer", "lower", "distal", "trailing"),
)
"""Markers: order 0 names a word of the first side first. Words of a pair stand at the same place of their side."""
COMPANIONS = (
    ("inlet", "source", "input", "transmitter", "anode", "rotor"),
    ("outlet", "drain", "output", "receiver", "cathode", "stator"),
)
"""A marker is followed by one of its side's companions, so that word vectors can tell the sides apart."""
PROBES = {
    "A01": ("grass",), "A47": ("clean", "vacuum"), "A61": ("brain", "eye", "hand"), "B63": ("ocean",), "B64": ("space",), "H04": ("network",),
}  # fmt: skip
"""Words of the paper's Appendix A, as keywords of fitting classes."""

_FUNCTION_WORDS = (
    "the a of and to in is an for with that by are or from said being which first at on second has between comprising as system method "
    "one device least having each through when into may be comprises including apparatus such invention can portion also provided more other "
    "wherein than two plurality disclosed its configured present used surface not using thereof it formed within"
)
_FUNCTION_SHARE = 0.45
_ODDITIES = (
    "10",
    "2.5",
    "100",
    "°C",
    "µm",
    "5%",
    "α",
    "naïve",
    "Ångström",
    "(12)",
    "(a)",
    "i.e.",
    "X-ray",
    "in-situ",
    "1/2",
    "&",
    "C3H8",
    "U.S.",
)
_ODDITY_SHARE = 0.012
_CELLS = 1 << 21

PLAIN, CAPITAL, COMMA, STOP, QUOTED, BREAK = range(6)
"""How a word is written: as it is, capitalised, before a comma or a full stop, in quotes, at the end of a line."""


@dataclass(frozen=True)
class Lexicon:
    """The words of a release; a word is known by its number in `words`."""

    population: Population
    order_share: float
    drift: float = 0.0
    """Share of a level's words that new ones replace each year."""

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Classes that only word order tells apart: neighbours in size, together about order_share of all patents."""
        shares = self.population.shares
        by_size = [int(k) for k in np.argsort(-shares, kind="stable")]
        total, pairs = 0.0, []
        for one, two in zip(by_size[::2], by_size[1::2], strict=False):
            if total + shares[one] + shares[two] <= self.order_share + 0.02:
                total += shares[one] + shares[two]
                pairs.append((min(one, two), max(one, two)))
        return sorted(pairs)

    @cached_property
    def group(self) -> np.ndarray:
        """The set of keywords of each class: its own, or that of the first of its pair."""
        group = np.arange(self.population.class_count)
        for one, two in self.pairs:
            group[two] = one
        return group

    @cached_property
    def order(self) -> np.ndarray:
        """The order of markers of each class: 0, 1, or -1 when it means nothing there."""
        order = np.full(self.population.class_count, -1)
        for one, two in self.pairs:
            order[one], order[two] = 0, 1
        return order

    @cached_property
    def words(self) -> list[str]:
        """Background (the frequent first), keywords of the classes, words of the levels, markers and companions by side, later level words."""
        probes = [word for words in PROBES.values() for word in words]
        taken = {
            *_FUNCTION_WORDS.split(),
            *probes,
            *(word for side in (*SIDES, *COMPANIONS) for word in side),
        }
        made = (word for word in _pseudo_words() if word not in taken)
        words = [*_FUNCTION_WORDS.split(), *_ODDITIES, *islice(made, BACKGROUND_WORDS)]
        for group in range(self.population.class_count):
            known = [
                word for member in np.flatnonzero(self.group == group) for word in self._probes(int(member))
            ]
            words += [*known, *islice(made, KEYWORDS - len(known))]
        words += islice(made, 4 * LEVEL_WORDS)
        words += [word for side in (*SIDES, *COMPANIONS) for word in side]
        return [*words, *islice(made, self._generations.max() * 4 * LEVEL_WORDS)]

    def _probes(self, member: int) -> tuple[str, ...]:
        return PROBES.get(CLASSES[self.population.classes[member]].code, ())

    @property
    def first_keyword(self) -> int:
        """Number of the first keyword of the first class."""
        return len(_FUNCTION_WORDS.split()) + len(_ODDITIES) + BACKGROUND_WORDS

    @property
    def first_level_word(self) -> int:
        """Number of the first word of the first level."""
        return self.first_keyword + self.population.class_count * KEYWORDS

    @property
    def first_marker(self) -> int:
        """Number of the first marker of the first side."""
        return self.first_level_word + 4 * LEVEL_WORDS

    @property
    def first_companion(self) -> int:
        """Number of the first companion of the first side."""
        return self.first_marker + 2 * len(SIDES[0])

    def keywords(self, group: int) -> list[str]:
        """The keywords of a set."""
        first = self.first_keyword + group * KEYWORDS
        return self.words[first : first + KEYWORDS]

    @cached_property
    def _generations(self) -> np.ndarray:
        """[years, LEVEL_WORDS]: how often the word in each place of a level's list was replaced up to a grant year."""
        phase = (np.arange(LEVEL_WORDS) + 0.5) / LEVEL_WORDS
        return np.floor(np.arange(YEAR_COUNT)[:, None] * self.drift + phase).astype(np.int64)

    @cached_property
    def level_table(self) -> np.ndarray:
        """Numbers of the words [years * levels, LEVEL_WORDS] that speak of a level in a grant year; see level_rows."""
        place = np.arange(4 * LEVEL_WORDS).reshape(4, LEVEL_WORDS)
        generation = self._generations[:, None, :]
        later = self.first_companion + 2 * len(COMPANIONS[0]) + (generation - 1) * 4 * LEVEL_WORDS
        return np.add(np.where(generation > 0, later, self.first_level_word), place).reshape(-1, LEVEL_WORDS)

    def level_rows(self, year: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The row of `level_table` for each grant year, from 0 = 1976, and level."""
        return np.add(4 * year, level)

    @cached_property
    def level_words(self) -> list[list[str]]:
        """The words of each level, of all years."""
        return [[self.words[at] for at in np.unique(self.level_table[level::4])] for level in range(4)]

    @property
    def synonyms(self) -> list[list[str]]:
        """Groups of words that are drawn at random for one another, so that nothing but chance tells where they stand."""
        keywords = [self.keywords(group) for group in sorted(set(self.group.tolist()))]
        return [*keywords, *self.level_words, *(list(side) for side in (*SIDES, *COMPANIONS))]

    @cached_property
    def background(self) -> np.ndarray:
        """Word numbers such that a uniform choice among them draws background words in their frequencies."""
        counts = (len(_FUNCTION_WORDS.split()), len(_ODDITIES), BACKGROUND_WORDS)
        shares = (_FUNCTION_SHARE, _ODDITY_SHARE, 1 - _FUNCTION_SHARE - _ODDITY_SHARE)
        parts = []
        for count, share, offset in zip(counts, shares, (1.5, 5.0, 12.0), strict=True):
            weights = 1 / (np.arange(count) + offset)
            parts.append(share * weights / weights.sum())
        cumulative = np.cumsum(np.concatenate(parts))
        return np.searchsorted(cumulative, (np.arange(_CELLS) + 0.5) / _CELLS).astype(np.int32)


def _pseudo_words() -> Iterator[str]:
    """Distinct words of two, then three syllables, in an order that looks random."""
    onsets = (
        "b",
        "c",
        "d",
        "f",
        "g",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "t",
        "v",
        "br",
        "cl",
        "dr",
        "fl",
        "gr",
        "pl",
        "st",
        "tr",
        "th",
    )
    syllables = [onset + vowel for onset in onsets for vowel in "aeiou"]
    codas = ("", "n", "r", "s", "x", "l", "m")
    for length in (2, 3):
        base = len(syllables)
        total = base**length * len(codas)
        step = 700_001 if length == 2 else 7_368_787  # coprime with the totals: every word comes once
        for k in range(total):
            rest, coda = divmod(k * step % total, len(codas))
            parts = []
            for _ in range(length):
                rest, syllable = divmod(rest, base)
                parts.append(syllables[syllable])
            yield "".join(parts) + codas[coda]
