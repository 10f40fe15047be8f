"""The patents of a release: type, number, family, class and citation rank of each.

Patents are numbered from 0 in grant order. Every attribute of patent i follows from the seed and i, so only
the calendar is kept in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from patent_spark.stages.simulate.arrays import Floats, Ints, Mask
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.grant_calendar import Calendar
from patent_spark.stages.simulate.grant_years import FIRST_YEAR
from patent_spark.stages.simulate.hashing import hashes, integers, successive, uniform, uniforms

BLOCK = 1000
UTILITY, DESIGN, PLANT, REISSUE, DEFENSIVE, STATUTORY = range(6)
TYPE_NAMES = (
    "utility", "design", "plant", "reissue", "defensive publication", "statutory invention registration",
)  # fmt: skip
PREFIXES = ("", "D", "PP", "RE", "T", "H")
_PER_BLOCK = (902, 88, 4, 4, 2, 2)
"""Patents of each type in a block. The last two share their places: one type before 1985, the other from
then on.
"""
_FIRST_NUMBERS = (3930271, 242583, 3863, 28671, 942001, 1)
_PATTERNS = 64
_STATUTORY_SINCE = 1985

FAMILY_SHARE = 0.08
"""Continuations, as a share of all patents."""
_PROBES = 4
"""Attempts to draw a parent for a continuation."""
_WITHDRAWN = 0.003
_DESIGNS_WITHOUT_CLASS, _OTHERS_WITHOUT_CLASS = 0.97, 0.014


@dataclass(frozen=True)
class Patents:
    """Some patents. All arrays have one entry per patent."""

    index: Ints
    week: Ints
    year: Ints
    kind: Ints
    origin: Ints
    """The patent itself or the one it continues. It shares the abstract, class and rank of that patent."""
    cpc: Ints
    """Index of the class in Population.classes."""
    has_cpc: Mask
    rank: Floats
    """Quantile in the distribution of forward citations, uniform in [0, 1)."""
    withdrawn: Mask


@dataclass(frozen=True)
class Population:
    """All patents of a release."""

    seed: int
    size: int
    """Patents up to LAST_DAY. A release with an earlier data_to_date holds the first of them."""
    class_count: int

    @cached_property
    def calendar(self) -> Calendar:
        """Grant days."""
        return Calendar.of_size(self.size)

    @cached_property
    def classes(self) -> list[int]:
        """The most frequent classes as indices of cpc_classes.CLASSES, in the order of their codes."""
        by_size = sorted(range(len(CLASSES)), key=lambda k: -CLASSES[k].patents)
        return sorted(by_size[: self.class_count])

    @cached_property
    def shares(self) -> Floats:
        """Share of each class among all patents."""
        sizes = np.array([CLASSES[k].patents for k in self.classes], float)
        return np.divide(sizes, sizes.sum())

    @cached_property
    def _cumulative(self) -> Floats:
        edges: Floats = np.cumsum(self.shares)
        return edges[:-1]

    def draw_class(self, values: Floats) -> Ints:
        """Classes drawn in their shares, one for each uniform value."""
        return np.searchsorted(self._cumulative, values, side="right")

    def patents(self, index: Ints) -> Patents:
        """All attributes of some patents but their texts and citations."""
        week = self.calendar.week(index)
        kind, _ = self.numbered(index)
        origin = self._origins(index, week, kind)
        without_class = np.where(kind == DESIGN, _DESIGNS_WITHOUT_CLASS, _OTHERS_WITHOUT_CLASS)
        return Patents(
            index=index,
            week=week,
            year=self.calendar.year[week],
            kind=kind,
            origin=origin,
            cpc=self.draw_class(uniforms(self.seed, "class", origin)),
            has_cpc=uniforms(self.seed, "bare", index) >= without_class,
            rank=uniforms(self.seed, "rank", origin),
            withdrawn=self.withdrawn(index),
        )

    def withdrawn(self, index: Ints) -> Mask:
        """Which patents are withdrawn."""
        return uniforms(self.seed, "withdrawn", index) < _WITHDRAWN

    def numbered(self, index: Ints) -> tuple[Ints, Ints]:
        """Type and number of each patent.

        Each block of a thousand patents holds the same types in one of 64 orders. So the number of a patent
        follows without counting the patents before it.
        """
        block, place = np.divmod(index, BLOCK)
        pattern = integers(hashes(self.seed, "pattern", block), 0, _PATTERNS)
        kind, within = self._patterns[0][pattern, place], self._patterns[1][pattern, place]
        statutory_from = self.calendar.year_starts[_STATUTORY_SINCE - FIRST_YEAR]
        kind = np.where((kind == DEFENSIVE) & (index >= statutory_from), STATUTORY, kind)
        return kind, np.array(_FIRST_NUMBERS)[kind] + block * np.array(_PER_BLOCK)[kind] + within

    @cached_property
    def _patterns(self) -> tuple[Ints, Ints]:
        types = np.repeat([UTILITY, DESIGN, PLANT, REISSUE, DEFENSIVE], _PER_BLOCK[:5])
        cells = np.arange(_PATTERNS * BLOCK).reshape(_PATTERNS, BLOCK)
        kinds = types[np.argsort(hashes(self.seed, "types", cells), axis=1)]
        ranks = np.zeros_like(kinds)
        for kind in range(len(_PER_BLOCK)):
            ranks += np.where(kinds == kind, np.cumsum(kinds == kind, axis=1) - 1, 0)
        return kinds, ranks

    def _continues(self, index: Ints, kind: Ints) -> Mask:
        share = FAMILY_SHARE * BLOCK / _PER_BLOCK[UTILITY]
        return np.logical_and(kind == UTILITY, uniforms(self.seed, "continues", index) < share)

    def _origins(self, index: Ints, week: Ints, kind: Ints) -> Ints:
        """The parent of each continuation; for other patents the patent itself.

        Parents are half a year to three years older and no continuations. A patent for which none is drawn in
        _PROBES attempts is no continuation either.
        """
        origin = index.copy()
        children = np.flatnonzero(self._continues(index, kind))
        base = hashes(self.seed, "parent", index[children])
        starts = self.calendar.starts
        low = starts[np.maximum(week[children] - 156, 0)]
        high = np.maximum(starts[np.maximum(week[children] - 25, 0)], low)
        for probe in range(_PROBES):
            parent = low + (uniform(successive(base, probe)) * (high - low)).astype(np.int64)
            parent_kind, _ = self.numbered(parent)
            good = (high > low) & (parent_kind == UTILITY) & ~self._continues(parent, parent_kind)
            origin[children[good]] = parent[good]
            children, base, low, high = (array[~good] for array in (children, base, low, high))
        return origin
