"""The citations that patents receive.

Each patent gets its five-year citations and its later ones from patents granted at the right time.
citation_sort.py then brings all citations into the order of the citing patents.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from patent_spark.stages.simulate.arrays import Floats, Hashes, Ints
from patent_spark.stages.simulate.calibration import OLD_NUMBER_YEARS, OLD_NUMBERS
from patent_spark.stages.simulate.citation_flows import EARLINESS, CitationFlows
from patent_spark.stages.simulate.citation_keys import MALFORMED, OLD, join
from patent_spark.stages.simulate.citing_skew import CitingSkew
from patent_spark.stages.simulate.forward_counts import ForwardCounts
from patent_spark.stages.simulate.grant_years import FIRST_YEAR, YEAR_COUNT
from patent_spark.stages.simulate.hashing import hashes, ragged, successive, uniform, uniforms
from patent_spark.stages.simulate.normal import normal_quantiles, normal_shares
from patent_spark.stages.simulate.population import Patents, Population

_SELF, _BACKWARDS, _MALFORMED_SHARE = 2e-4, 1e-4, 0.004
_OLD_ROWS = 1 << 18


class CitationGenerator:
    """Draws the citations of a population."""

    def __init__(self, population: Population, forward: ForwardCounts, scale: float, end: int) -> None:
        self._population, self._forward, self._scale = population, forward, scale
        self._end = end
        self.flows = CitationFlows.of(population, forward, scale)
        self.skew = CitingSkew(population)
        cited = np.maximum(np.diff(population.calendar.year_starts), 1)
        self._later_mean = self.flows.later.sum(axis=1) / cited
        share = self.flows.later / np.maximum(self.flows.later.sum(axis=1, keepdims=True), 1e-12)
        self._later_year = (np.cumsum(share, axis=1) + np.arange(YEAR_COUNT)[:, None]).ravel()

    def received(self, patents: Patents) -> tuple[Hashes, Ints]:
        """All citations that some patents receive, each pair once, and the five-year count of each patent.

        The counts follow the default label rule: distinct citing patents that are not withdrawn and were
        granted within five years, both ends included.
        """
        index = patents.index
        pairs = np.concatenate([self._within(patents), self._later(patents), self._odd(patents)])
        owner, citing = np.divmod(np.unique(pairs), 1 << 32)
        starts = self._population.calendar.starts[patents.week][owner]
        counted = (citing >= starts) & (citing < self._population.calendar.window_end[patents.week][owner])
        counted &= ~self._population.withdrawn(citing)
        counts = np.bincount(owner[counted], minlength=len(index))
        return join(citing, index[owner]), counts

    def _designed(self, patents: Patents) -> Ints:
        counts = self._forward.counts(patents.rank, patents.year, patents.cpc)
        if self._scale == 1:
            return counts
        fractions = uniforms(self._population.seed, "scaled", patents.index)
        scaled: Ints = np.floor(counts * self._scale + fractions).astype(np.int64)
        return scaled

    def _within(self, patents: Patents) -> Ints:
        """Citations within five years as pairs of the cited patent's place and the citing number."""
        calendar = self._population.calendar
        low, high = calendar.starts[patents.week + 1], calendar.window_end[patents.week]
        owner, step = ragged(np.minimum(self._designed(patents), high - low))
        base = hashes(self._population.seed, "within", patents.index)
        draws = successive(base[owner], step)
        low, high = low[owner], high[owner]
        even = low + (uniform(draws) ** EARLINESS * (high - low)).astype(np.int64)
        return self._paired(owner, self._skewed(even, draws, low, high))

    def _later(self, patents: Patents) -> Ints:
        """Citations more than five years after the grant, as pairs."""
        calendar, seed = self._population.calendar, self._population.seed
        designed = self._forward.counts(patents.rank, patents.year, patents.cpc)
        # Patents that are cited often within five years are cited often later, too.
        mean = self._later_mean[patents.year] * (designed + 1) / (self._forward.overall[patents.year] + 1)
        owner, step = ragged(np.floor(mean + uniforms(seed, "later count", patents.index)).astype(np.int64))
        draws = successive(hashes(seed, "later", patents.index)[owner], step)
        cited_year = patents.year[owner]
        year = np.minimum(
            np.searchsorted(self._later_year, cited_year + uniform(draws)) - cited_year * YEAR_COUNT,
            YEAR_COUNT - 1,
        )
        first, width = calendar.year_starts[year], np.diff(calendar.year_starts)[year]
        again = successive(draws, 0)
        offset = (uniform(again) * width).astype(np.int64)
        closed = calendar.window_end[patents.week][owner]
        # A sixth calendar year that begins before the patent's window has ended: drawn from the year after
        # the window.
        early = first + offset < closed
        even = np.where(early, closed + offset, first + offset)
        citing = np.where(early, even, self._skewed(even, again, np.maximum(first, closed), first + width))
        return self._paired(owner, citing)

    def _odd(self, patents: Patents) -> Ints:
        """The few self-citations and citations by an older patent, as pairs."""
        values = uniforms(self._population.seed, "odd", patents.index)
        itself = np.flatnonzero(values < _SELF * self._scale)
        older = np.flatnonzero((values > 1 - _BACKWARDS * self._scale) & (patents.index > 0))
        at = patents.index[older]
        by_older = (at * uniforms(self._population.seed, "older", at)).astype(np.int64)
        citing = np.concatenate([patents.index[itself], by_older])
        return self._paired(np.concatenate([itself, older]), citing)

    def _skewed(self, even: Ints, draws: Hashes, low: Ints, high: Ints) -> Ints:
        """Skewed citing patents; the even ones where a skewed one is outside of [low, high)."""
        skewed = self.skew.skew(even, successive(draws, 1))
        return np.where((skewed >= low) & (skewed < high), skewed, even)

    def _paired(self, owner: Ints, citing: Ints) -> Ints:
        pairs: Ints = (owner << 32) | citing
        return pairs[citing < self._end]

    def of_old_patents(self) -> Iterator[Hashes]:
        """Citations of patents granted before the first day, in parts."""
        calendar, seed = self._population.calendar, self._population.seed
        for year in range(YEAR_COUNT):
            first = calendar.year_starts[year]
            width = calendar.year_starts[year + 1] - first
            total = int(np.rint(self.flows.to_old[year]))
            for row in range(0, total, _OLD_ROWS):
                draws = hashes(seed, f"old {year}", np.arange(row, min(row + _OLD_ROWS, total)))
                even = first + (uniform(draws) * width).astype(np.int64)
                low, high = np.full_like(even, first), np.full_like(even, first + width)
                citing = self._skewed(even, draws, low, high)
                number = self._old_numbers(year, (even - first) / width, successive(draws, 2))
                yield join(citing, number)[citing < self._end]

    def _old_numbers(self, year: int, part: Floats, draws: Hashes) -> Ints:
        """Numbers of old patents, with the lags of the citing year; a few of them are malformed.

        `part` is the time within the citing year, in [0, 1).
        """
        again = uniform(successive(draws, 0))
        recent = uniform(successive(draws, 1)) < self.flows.recent_old[year]
        # Years from the first day to the citation.
        since = year + part
        beyond = np.exp(self.flows.mu[year] + self.flows.sigma[year] * _tail(self.flows, year, since, again))
        before = np.where(recent, again * np.maximum(5 - since, 0.05), 5 + beyond - since)
        granted = FIRST_YEAR - np.maximum(before, 0.001)
        number = np.interp(granted, OLD_NUMBER_YEARS, OLD_NUMBERS).astype(np.int64)
        oldest = (again * OLD_NUMBERS[1]).astype(np.int64) + 1
        number = np.where(granted < OLD_NUMBER_YEARS[0], oldest, number)
        malformed = uniform(successive(draws, 3)) < _MALFORMED_SHARE
        return np.where(malformed, MALFORMED | number, OLD | number)


def _tail(flows: CitationFlows, year: int, since: Floats, values: Floats) -> Floats:
    """Normal scores above the score of a patent granted on the first day."""
    grid = np.linspace(year, year + 1, 65)
    shares = normal_shares((np.log(np.maximum(grid - 5, 1e-6)) - flows.mu[year]) / flows.sigma[year])
    younger = np.interp(since, grid, shares)
    return normal_quantiles(np.clip(younger + values * (1 - younger), 1e-9, 1 - 1e-9))
