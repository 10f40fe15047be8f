"""Who is granted when: patents in grant order, each with its type, number, family, class and rank, all without state.

Patents are numbered from 0 in grant order. Only the table of weeks is kept; every attribute of patent i follows
from the seed and i.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from patent_spark.stages.simulate.calibration import CLASSES, FIRST_DAY, LAST_DAY, YEARS
from patent_spark.stages.simulate.hashing import hashes, integers, mix, successive, uniform, uniforms

BLOCK = 1000
UTILITY, DESIGN, PLANT, REISSUE, DEFENSIVE, STATUTORY = range(6)
TYPE_NAMES = (
    "utility",
    "design",
    "plant",
    "reissue",
    "defensive publication",
    "statutory invention registration",
)
PREFIXES = ("", "D", "PP", "RE", "T", "H")
_PER_BLOCK = (902, 88, 4, 4, 2, 2)  # the last two share their places: one kind before 1985, the other after
_FIRST_NUMBERS = (3930271, 242583, 3863, 28671, 942001, 1)
_PATTERNS = 64

FIRST_YEAR = FIRST_DAY.year
YEAR_COUNT = len(YEARS)
HORIZON_MONTHS = 60
"""The citation window of the default label rule."""

FAMILY_SHARE = 0.08
"""Continuations, as a share of all patents."""
_PROBES = 4
_WITHDRAWN = 0.003
_DESIGNS_WITHOUT_CLASS, _OTHERS_WITHOUT_CLASS = 0.97, 0.014


def add_months(days: np.ndarray, months: int) -> np.ndarray:
    """The same day of the month later, or the month's last day where there is none (dates as datetime64[D])."""
    first = days.astype("datetime64[M]")
    offset = days - first.astype("datetime64[D]")
    target = first + months
    last = (target + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.minimum(target.astype("datetime64[D]") + offset, last)


@dataclass(frozen=True)
class Calendar:
    """Grant days and how many patents each has; goes on past the data's end, so that open windows have a length."""

    days: np.ndarray
    """Tuesdays, as datetime64[D]."""
    starts: np.ndarray
    """Index of the first patent of each week, one more for the end."""
    window_end: np.ndarray
    """Index behind the last patent within five years of each week's grant day, both ends included."""
    year: np.ndarray
    """Grant year of each week, from 0 = 1976."""
    year_starts: np.ndarray
    """Index of the first patent of each grant year with data, one more for the end."""

    @classmethod
    def of_size(cls, patents: int) -> Calendar:
        """A calendar with so many patents up to LAST_DAY."""
        weeks = (LAST_DAY - FIRST_DAY).days // 7 + 1
        days = np.datetime64(FIRST_DAY) + 7 * np.arange(weeks + 53 * 6)
        year = days.astype("datetime64[Y]").astype(int) + 1970 - FIRST_YEAR
        per_year = np.array([each.patents for each in YEARS], float)
        weeks_of_year = np.bincount(year[:weeks], minlength=YEAR_COUNT)
        weight = (per_year / weeks_of_year)[np.minimum(year, YEAR_COUNT - 1)]
        total = np.concatenate([[0.0], np.cumsum(weight)])
        starts = np.rint(total * (patents / total[weeks])).astype(np.int64)
        last = np.searchsorted(days, add_months(days, HORIZON_MONTHS), side="right")
        year_starts = starts[np.searchsorted(year[:weeks], np.arange(YEAR_COUNT + 1))]
        return cls(days, starts, starts[np.minimum(last, len(days))], year, year_starts)

    def week(self, index: np.ndarray) -> np.ndarray:
        """The week of each patent."""
        week: np.ndarray = np.searchsorted(self.starts, index, side="right") - 1
        return week

    def until(self, day: datetime.date) -> int:
        """How many patents are granted up to and on a day."""
        return int(self.starts[np.searchsorted(self.days, np.datetime64(day), side="right")])


@dataclass(frozen=True)
class Patents:
    """Some patents; all arrays have one entry a patent."""

    index: np.ndarray
    week: np.ndarray
    year: np.ndarray
    kind: np.ndarray
    origin: np.ndarray
    """The patent itself, or the one that it continues and whose abstract, class and rank it has."""
    cpc: np.ndarray
    """Class, as a place in Population.classes."""
    has_cpc: np.ndarray
    rank: np.ndarray
    """Place in the order of forward citations, uniform in [0, 1)."""
    withdrawn: np.ndarray


@dataclass(frozen=True)
class Population:
    """All patents of a release."""

    seed: int
    size: int
    """Patents up to LAST_DAY; a release with an earlier data_to_date holds the first of them."""
    class_count: int

    @cached_property
    def calendar(self) -> Calendar:
        """Grant days."""
        return Calendar.of_size(self.size)

    @cached_property
    def classes(self) -> list[int]:
        """The most frequent classes, as places in facts.CLASSES, in the order of their codes."""
        by_size = sorted(range(len(CLASSES)), key=lambda k: -CLASSES[k].patents)
        return sorted(by_size[: self.class_count])

    @cached_property
    def shares(self) -> np.ndarray:
        """Share of each class."""
        sizes = np.array([CLASSES[k].patents for k in self.classes], float)
        return np.divide(sizes, sizes.sum())

    @cached_property
    def _cumulative(self) -> np.ndarray:
        edges: np.ndarray = np.cumsum(self.shares)
        return edges[:-1]

    def draw_class(self, values: np.ndarray) -> np.ndarray:
        """Classes in their natural shares from uniforms."""
        return np.searchsorted(self._cumulative, values, side="right")

    def patents(self, index: np.ndarray) -> Patents:
        """Everything about some patents but their texts and citations."""
        week = self.calendar.week(index)
        kind, _ = self.numbered(index)
        origin = self._origins(index, week, kind)
        bare = np.where(kind == DESIGN, _DESIGNS_WITHOUT_CLASS, _OTHERS_WITHOUT_CLASS)
        return Patents(
            index=index,
            week=week,
            year=self.calendar.year[week],
            kind=kind,
            origin=origin,
            cpc=self.draw_class(uniforms(self.seed, "class", origin)),
            has_cpc=uniforms(self.seed, "bare", index) >= bare,
            rank=uniforms(self.seed, "rank", origin),
            withdrawn=self.withdrawn(index),
        )

    def withdrawn(self, index: np.ndarray) -> np.ndarray:
        """Which patents are withdrawn."""
        return uniforms(self.seed, "withdrawn", index) < _WITHDRAWN

    def numbered(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Type and number: each block of a thousand holds the same types in one of 64 orders, so ranks need no count."""
        block, place = np.divmod(index, BLOCK)
        pattern = integers(hashes(self.seed, "pattern", block), 0, _PATTERNS)
        kind, within = self._patterns[0][pattern, place], self._patterns[1][pattern, place]
        kind = np.where(
            (kind == DEFENSIVE) & (index >= self.calendar.year_starts[1985 - FIRST_YEAR]), STATUTORY, kind
        )
        return kind, np.array(_FIRST_NUMBERS)[kind] + block * np.array(_PER_BLOCK)[kind] + within

    @cached_property
    def _patterns(self) -> tuple[np.ndarray, np.ndarray]:
        types = np.repeat([UTILITY, DESIGN, PLANT, REISSUE, DEFENSIVE], _PER_BLOCK[:5])
        cells = np.arange(_PATTERNS * BLOCK).reshape(_PATTERNS, BLOCK)
        kinds = types[np.argsort(hashes(self.seed, "types", cells), axis=1)]
        ranks = np.zeros_like(kinds)
        for kind in range(len(_PER_BLOCK)):
            ranks += np.where(kinds == kind, np.cumsum(kinds == kind, axis=1) - 1, 0)
        return kinds, ranks

    def _continues(self, index: np.ndarray, kind: np.ndarray) -> np.ndarray:
        share = FAMILY_SHARE * BLOCK / _PER_BLOCK[UTILITY]
        return np.logical_and(kind == UTILITY, uniforms(self.seed, "continues", index) < share)

    def _origins(self, index: np.ndarray, week: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """Parents half a year to three years older, which continue none themselves; a patent without any stands alone."""
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


class Hubs:
    """Makes few patents cite much and most cite little: a uniform place becomes a skewed one in its neighbourhood.

    Neighbourhoods are blocks of 2**k patents. Within one, places have log-normal weights whose spread is that year's
    mean over median of citations made; a permutation of the block's own decides who gets which.
    """

    _CELLS = 4096

    def __init__(self, population: Population) -> None:
        self._population = population
        self._bits = int(np.clip(np.log2(population.size / 300), 4, 8))
        places = 2**self._bits
        scores = normal_quantiles((np.arange(places) + 0.5) / places)
        cells = (np.arange(self._CELLS) + 0.5) / self._CELLS
        spread = [
            np.sqrt(np.clip(2 * np.log(year.mean_backward / year.median_backward), 0.2, 4.0))
            for year in YEARS
        ]
        self._table = np.empty((YEAR_COUNT, self._CELLS), np.int64)
        for year, sigma in enumerate(spread):
            weights = np.cumsum(np.exp(sigma * scores))
            self._table[year] = np.searchsorted(weights / weights[-1], cells)

    def skew(self, index: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A neighbour of each index, by a hash each."""
        block = index >> self._bits
        year = np.minimum(
            np.searchsorted(self._population.calendar.year_starts, index, side="right") - 1, YEAR_COUNT - 1
        )
        place = self._table[year, (values >> np.uint64(52)).astype(np.int64)]
        order = hashes(self._population.seed, "hubs", block)
        mask = (1 << self._bits) - 1
        factor = (order & np.uint64(mask)).astype(np.int64) | 1
        shift = (mix(order) & np.uint64(mask)).astype(np.int64)
        return np.add(block << self._bits, (factor * place + shift) & mask)


def normal_shares(values: np.ndarray) -> np.ndarray:
    """The normal distribution function, for small arrays."""
    return np.array([0.5 + 0.5 * math.erf(value / math.sqrt(2)) for value in values])


def normal_quantiles(values: np.ndarray) -> np.ndarray:
    """Quantiles of the standard normal distribution at values in (0, 1), to about 1e-9 (Acklam's approximation)."""
    values = np.asarray(values, float)
    tail = np.sqrt(-2 * np.log(np.minimum(values, 1 - values)))
    c = (
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    )
    d = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416)
    far = np.polyval(c, tail) / np.polyval((*d, 1.0), tail)
    a = (
        -3.969683028665376e01,
        2.209460984245205e02,
        -2.759285104469687e02,
        1.383577518672690e02,
        -3.066479806614716e01,
        2.506628277459239,
    )
    b = (
        -5.447609879822406e01,
        1.615858368580409e02,
        -1.556989798598866e02,
        6.680131188771972e01,
        -1.328068155288572e01,
    )
    middle = values - 0.5
    near = np.polyval(a, middle**2) * middle / np.polyval((*b, 1.0), middle**2)
    return np.where(np.abs(middle) < 0.5 - 0.02425, near, np.where(middle < 0, far, -far))
