"""Citations, made from the cited side and written from the citing side.

Each patent gets its five-year citations and its later ones from the patents granted in the right time; a spill on disk
then brings them into the order of the citing patents. A citation is one 64-bit number, citing * 2**32 + cited; a
cited number of 2**31 or more is a patent before the data's beginning, or one whose id is malformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from patent_spark.stages.simulate.calibration import OLD_NUMBER_YEARS, OLD_NUMBERS
from patent_spark.stages.simulate.citation_flows import EARLINESS, Flows
from patent_spark.stages.simulate.forward_counts import Forward
from patent_spark.stages.simulate.hashing import hashes, ragged, successive, uniform, uniforms
from patent_spark.stages.simulate.population import (
    FIRST_YEAR,
    YEAR_COUNT,
    Hubs,
    Patents,
    Population,
    normal_quantiles,
    normal_shares,
)

OLD = 1 << 31
MALFORMED = OLD | 1 << 30
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_SELF, _BACKWARDS, _MALFORMED_SHARE = 2e-4, 1e-4, 0.004
_TWICE = 5e-4
"""Pairs that stand twice (PatentsView: 74,846 of 151 million)."""
_ROWS_A_BUCKET = 500_000
_OLD_ROWS = 1 << 18


class Citations:
    """The citations of a population."""

    def __init__(self, population: Population, forward: Forward, scale: float, end: int) -> None:
        self._population, self._forward, self._scale = population, forward, scale
        self._end = end
        self.flows = Flows.of(population, forward, scale)
        self._hubs = Hubs(population)
        cited = np.maximum(np.diff(population.calendar.year_starts), 1)
        self._later_mean = self.flows.later.sum(axis=1) / cited
        share = self.flows.later / np.maximum(self.flows.later.sum(axis=1, keepdims=True), 1e-12)
        self._later_year = (np.cumsum(share, axis=1) + np.arange(YEAR_COUNT)[:, None]).ravel()

    def of(self, patents: Patents) -> tuple[np.ndarray, np.ndarray]:
        """All citations that some patents receive, each pair once, and the patents' counts under the default label rule:
        distinct citing patents that are not withdrawn, granted within five years, both ends included."""
        index = patents.index
        pairs = np.concatenate([self._within(patents), self._later(patents), self._odd(patents)])
        owner, citing = np.divmod(np.unique(pairs), 1 << 32)
        starts = self._population.calendar.starts[patents.week][owner]
        counted = (citing >= starts) & (citing < self._population.calendar.window_end[patents.week][owner])
        counted &= ~self._population.withdrawn(citing)
        counts = np.bincount(owner[counted], minlength=len(index))
        return (citing.astype(np.uint64) << _SHIFT) | index[owner].astype(np.uint64), counts

    def _designed(self, patents: Patents) -> np.ndarray:
        counts = self._forward.counts(patents.rank, patents.year, patents.cpc)
        if self._scale == 1:
            return counts
        scaled: np.ndarray = np.floor(
            counts * self._scale + uniforms(self._population.seed, "scaled", patents.index)
        )
        return scaled.astype(np.int64)

    def _within(self, patents: Patents) -> np.ndarray:
        calendar = self._population.calendar
        low, high = calendar.starts[patents.week + 1], calendar.window_end[patents.week]
        owner, step = ragged(np.minimum(self._designed(patents), high - low))
        base = hashes(self._population.seed, "within", patents.index)
        draws = successive(base[owner], step)
        low, high = low[owner], high[owner]
        even = low + (uniform(draws) ** EARLINESS * (high - low)).astype(np.int64)
        return self._paired(owner, self._skewed(even, draws, low, high))

    def _later(self, patents: Patents) -> np.ndarray:
        calendar, seed = self._population.calendar, self._population.seed
        designed = self._forward.counts(patents.rank, patents.year, patents.cpc)
        # More often cited early, more often cited late.
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
        early = (
            first + offset < closed
        )  # the sixth year has begun, but not for this patent: within a year from its window's end
        even = np.where(early, closed + offset, first + offset)
        citing = np.where(early, even, self._skewed(even, again, np.maximum(first, closed), first + width))
        return self._paired(owner, citing)

    def _odd(self, patents: Patents) -> np.ndarray:
        """The few patents that cite themselves, or that are cited by an older patent."""
        values = uniforms(self._population.seed, "odd", patents.index)
        itself = np.flatnonzero(values < _SELF * self._scale)
        older = np.flatnonzero((values > 1 - _BACKWARDS * self._scale) & (patents.index > 0))
        at = patents.index[older]
        by_older = (at * uniforms(self._population.seed, "older", at)).astype(np.int64)
        return self._paired(
            np.concatenate([itself, older]), np.concatenate([patents.index[itself], by_older])
        )

    def _skewed(self, even: np.ndarray, draws: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        skewed = self._hubs.skew(even, successive(draws, 1))
        return np.where((skewed >= low) & (skewed < high), skewed, even)

    def _paired(self, owner: np.ndarray, citing: np.ndarray) -> np.ndarray:
        pairs: np.ndarray = (owner << 32) | citing
        return pairs[citing < self._end]

    def to_old(self) -> Iterator[np.ndarray]:
        """Citations of patents before the first day, in parts."""
        calendar, seed = self._population.calendar, self._population.seed
        for year in range(YEAR_COUNT):
            first, width = (
                calendar.year_starts[year],
                calendar.year_starts[year + 1] - calendar.year_starts[year],
            )
            total = int(np.rint(self.flows.to_old[year]))
            for row in range(0, total, _OLD_ROWS):
                draws = hashes(seed, f"old {year}", np.arange(row, min(row + _OLD_ROWS, total)))
                even = first + (uniform(draws) * width).astype(np.int64)
                citing = self._skewed(
                    even, draws, np.full_like(even, first), np.full_like(even, first + width)
                )
                number = self._old_numbers(year, (even - first) / width, successive(draws, 2))
                keys = (citing.astype(np.uint64) << _SHIFT) | number.astype(np.uint64)
                yield keys[citing < self._end]

    def _old_numbers(self, year: int, part: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """Numbers of old patents, so old that the citing year's lags come out; a few are malformed instead."""
        again = uniform(successive(draws, 0))
        recent = uniform(successive(draws, 1)) < self.flows.recent_old[year]
        since = year + part  # years from the first day to the citation
        beyond = np.exp(self.flows.mu[year] + self.flows.sigma[year] * _tail(self.flows, year, since, again))
        before = np.where(recent, again * np.maximum(5 - since, 0.05), 5 + beyond - since)
        granted = FIRST_YEAR - np.maximum(before, 0.001)
        number = np.interp(granted, OLD_NUMBER_YEARS, OLD_NUMBERS).astype(np.int64)
        number = np.where(
            granted < OLD_NUMBER_YEARS[0], (again * OLD_NUMBERS[1]).astype(np.int64) + 1, number
        )
        malformed = uniform(successive(draws, 3)) < _MALFORMED_SHARE
        return np.where(malformed, MALFORMED | number, OLD | number)


def _tail(flows: Flows, year: int, since: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Normal scores beyond the one at which a cited patent is as old as the first day."""
    grid = np.linspace(year, year + 1, 65)
    shares = normal_shares((np.log(np.maximum(grid - 5, 1e-6)) - flows.mu[year]) / flows.sigma[year])
    younger = np.interp(since, grid, shares)
    return normal_quantiles(np.clip(younger + values * (1 - younger), 1e-9, 1 - 1e-9))


class Spill:
    """Citations on disk, by ranges of citing patents, until all are known."""

    def __init__(self, folder: Path, population: Population, flows: Flows) -> None:
        folder.mkdir()
        starts = population.calendar.year_starts
        made = np.concatenate([[0.0], np.cumsum(flows.made)])
        buckets = int(np.clip(made[-1] // _ROWS_A_BUCKET + 1, 1, 400))
        edges = np.interp(np.arange(1, buckets) * made[-1] / buckets, made, starts).astype(np.uint64)
        self._edges = np.unique(edges) << _SHIFT
        self._paths = [folder / f"{k:03}" for k in range(len(self._edges) + 1)]
        self._open = ExitStack()
        self._files: list[IO[bytes]] = [self._open.enter_context(path.open("wb")) for path in self._paths]
        self.rows = 0

    def add(self, keys: np.ndarray) -> None:
        """Keep some citations."""
        self.rows += len(keys)
        keys = np.sort(keys)
        parts = np.searchsorted(keys, self._edges)
        for file, part in zip(self._files, np.split(keys, parts), strict=True):
            if len(part):
                file.write(part.tobytes())

    def close(self) -> None:
        """Finish writing."""
        self._open.close()

    def sorted(self) -> Iterator[np.ndarray]:
        """All citations by citing and cited patent, some of them twice, in parts that hold whole citing patents."""
        self.close()
        for path in self._paths:
            keys = np.sort(np.fromfile(path, np.uint64))
            path.unlink()
            yield np.repeat(keys, np.where(uniforms(0, "twice", keys) < _TWICE, 2, 1))


def split(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Citing and cited numbers of citations."""
    return (keys >> _SHIFT).astype(np.int64), (keys & _LOW).astype(np.int64)
