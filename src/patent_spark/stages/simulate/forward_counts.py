"""How much a patent is cited within five years: a quantile function of its rank, by grant year and class."""

from __future__ import annotations

import numpy as np

from patent_spark.stages.simulate.calibration import (
    CLASSES,
    OVERALL_FORWARD,
    SECTION_FORWARD,
    YEARS,
    ZERO_SHARES,
)
from patent_spark.stages.simulate.population import Population, normal_quantiles

MOST = 1000
"""No patent is cited more often within five years."""
_SIGMAS = (1.4, 1.3, 1.2, 1.1, 1.0)
"""Spread of the log-normal counts: the largest at which the year's median comes out beside its mean."""


class Forward:
    """Counts among cited patents are 1 + floor(exp(mu + sigma z)), the others 0; mu meets the year's mean."""

    def __init__(self, population: Population) -> None:
        factors = np.array([SECTION_FORWARD[CLASSES[k].code[0]] for k in population.classes])
        self._log_factor = np.log(factors / (factors * population.shares).sum())
        years = np.array([year.year for year in YEARS])
        means = np.array([year.mean_forward for year in YEARS])
        early = np.interp(years, [year for year, _ in ZERO_SHARES], [share for _, share in ZERO_SHARES])
        self._zero = np.where(years < 2005, early, 1 - OVERALL_FORWARD / means)
        self.overall = (1 - self._zero) * means
        """Mean count of all patents by grant year."""
        medians = np.array([year.median_forward for year in YEARS])
        self._mu, self._sigma = self._solve(means, medians, population.shares)
        grid = np.full((len(YEARS), population.class_count, 2), (0.9, 0.99))
        every_year, every_class = np.meshgrid(
            np.arange(len(YEARS)), np.arange(population.class_count), indexing="ij"
        )
        self._q90, self._q99 = (self.counts(grid[..., k], every_year, every_class) for k in range(2))

    def _solve(
        self, means: np.ndarray, medians: np.ndarray, shares: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mu of each year whose mean over all classes is the year's, and its sigma."""
        grid = np.linspace(-2, 4, 241)
        z = normal_quantiles((np.arange(20_000) + 0.5) / 20_000)
        mu, sigma = np.zeros_like(means), np.zeros_like(means)
        for each in _SIGMAS:
            by_mu = np.array([np.minimum(1 + np.floor(np.exp(m + each * z)), MOST).mean() for m in grid])
            mixed = [(shares * np.interp(m + self._log_factor, grid, by_mu)).sum() for m in grid]
            found = np.interp(means, mixed, grid)
            unmet = (sigma == 0) | (1.05 + np.exp(mu) < medians + 0.1)
            mu, sigma = np.where(unmet, found, mu), np.where(unmet, each, sigma)
        return mu, sigma

    def counts(self, rank: np.ndarray, year: np.ndarray, cpc: np.ndarray) -> np.ndarray:
        """Designed five-year counts."""
        zero = self._zero[year]
        among_cited = np.clip((rank - zero) / (1 - zero), 1e-12, 1 - 1e-12)
        size = np.exp(
            self._mu[year] + self._log_factor[cpc] + self._sigma[year] * normal_quantiles(among_cited)
        )
        return np.where(rank < zero, 0, np.minimum(1 + size.astype(np.int64), MOST))

    def levels(self, rank: np.ndarray, year: np.ndarray, cpc: np.ndarray) -> np.ndarray:
        """Designed citation level, as a place in schemas.LEVELS, by the quantiles of the very same function."""
        counts = self.counts(rank, year, cpc)
        level = np.where(counts == 0, 3, 2)
        level[counts > self._q90[year, cpc]] = 1
        level[counts > self._q99[year, cpc]] = 0
        return level
