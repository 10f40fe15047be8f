"""Forward citations within five years as a quantile function of a patent's rank, by grant year and class."""

from __future__ import annotations

import numpy as np

from patent_spark.stages.simulate.arrays import Floats, Ints
from patent_spark.stages.simulate.calibration import OVERALL_FORWARD, SECTION_FORWARD, ZERO_SHARES
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.grant_years import YEARS
from patent_spark.stages.simulate.normal import normal_quantiles
from patent_spark.stages.simulate.population import Population

MOST = 1000
"""The largest number of citations within five years."""
_SIGMAS = (1.4, 1.3, 1.2, 1.1, 1.0)
"""Spreads of the log-normal counts. Each year has the largest one with which its median is met beside its
mean.
"""


class ForwardCounts:
    """Five-year citation counts: 0 up to the rank of the zero share, beyond it 1 + floor(exp(mu + sigma z)).

    z is the normal quantile of the rank among cited patents. mu is chosen so that the year's mean is met.
    """

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

    def _solve(self, means: Floats, medians: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """mu and sigma of each year, such that the mean over all classes is the year's mean."""
        grid = np.linspace(-2, 4, 241)
        z = normal_quantiles((np.arange(20_000) + 0.5) / 20_000)
        mu, sigma = np.zeros_like(means), np.zeros_like(means)
        for each in _SIGMAS:
            by_mu = np.array([np.minimum(1 + np.floor(np.exp(m + each * z)), MOST).mean() for m in grid])
            mixed = [(shares * np.interp(m + self._log_factor, grid, by_mu)).sum() for m in grid]
            solved = np.interp(means, mixed, grid)
            unmet = (sigma == 0) | (1.05 + np.exp(mu) < medians + 0.1)
            mu, sigma = np.where(unmet, solved, mu), np.where(unmet, each, sigma)
        return mu, sigma

    def counts(self, rank: Floats, year: Ints, cpc: Ints) -> Ints:
        """Five-year citation counts as designed, before citations are drawn."""
        zero = self._zero[year]
        among_cited = np.clip((rank - zero) / (1 - zero), 1e-12, 1 - 1e-12)
        mu = self._mu[year] + self._log_factor[cpc]
        size = np.exp(mu + self._sigma[year] * normal_quantiles(among_cited))
        return np.where(rank < zero, 0, np.minimum(1 + size.astype(np.int64), MOST))

    def levels(self, rank: Floats, year: Ints, cpc: Ints) -> Ints:
        """Citation levels as designed, as indices of schemas.LEVELS, by the quantiles of the same
        function.
        """
        counts = self.counts(rank, year, cpc)
        level = np.where(counts == 0, 3, 2)
        level[counts > self._q90[year, cpc]] = 1
        level[counts > self._q99[year, cpc]] = 0
        return level
