"""Expected citations from each grant year to each other one.

Public data give the citations made and their mean and median lag for each citing year. Citations within
five years are designed from the cited side (forward_counts.py). The remaining ones have lags of five years
plus a log-normal time; its two parameters are chosen so that the year's mean and median lag are met.
Citations of patents granted before the data begin go to old patent numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from patent_spark.stages.simulate.arrays import Floats
from patent_spark.stages.simulate.forward_counts import ForwardCounts
from patent_spark.stages.simulate.grant_years import YEAR_COUNT, YEARS
from patent_spark.stages.simulate.normal import normal_quantiles, normal_shares
from patent_spark.stages.simulate.population import Population

EARLINESS = 0.8
"""Within the window the citing patent stands at uniform ** EARLINESS: more citations come late than early."""
_WINDOW = 5.0
_WINDOW_WEEKS = 261
_EARLIER = 53 * 5
"""Weeks before the first day whose patents, known by number alone, are still cited within five years."""
_DAYS = 365.25


@dataclass(frozen=True)
class CitationFlows:
    """Expected citations of a release up to LAST_DAY, by grant year from 0 = 1976."""

    made: Floats
    """Citations made in each year."""
    later: Floats
    """[cited year, citing year]: citations more than five years after the grant of the cited patent."""
    to_old: Floats
    """Citations made in each year to patents before the first day."""
    recent_old: Floats
    """Share of to_old with a lag of less than five years."""
    mu: Floats
    sigma: Floats
    """mu and sigma of the log-normal years beyond five, by citing year."""

    @classmethod
    def of(cls, population: Population, forward: ForwardCounts, scale: float) -> CitationFlows:
        """The flows of a population. `scale` multiplies all citations."""
        starts = population.calendar.year_starts
        granted = np.diff(starts)
        made = scale * granted * np.array([year.mean_backward for year in YEARS])
        within, within_old, lag = _within_window(population, forward.overall * scale)
        share = np.clip((within + within_old) / np.maximum(made, 1e-9), 0, 0.45)
        rest = np.maximum(made - within - within_old, 0)
        mu, sigma = _beyond(share, lag)
        later, rest_old = np.zeros((YEAR_COUNT, YEAR_COUNT)), np.zeros(YEAR_COUNT)
        for citing in range(YEAR_COUNT):
            # Cited 5, 6, ... years before, half a year to each side.
            ages = np.arange(citing - 4)
            beyond = np.maximum(np.append(ages, max(citing - 4, 0)) - 0.5, 1e-9)
            edges = normal_shares((np.log(beyond) - mu[citing]) / sigma[citing])
            later[citing - 5 - ages, citing] = rest[citing] * np.diff(edges)
            rest_old[citing] = rest[citing] * (1 - edges[-1])
        to_old = within_old + rest_old
        return cls(made, later, to_old, within_old / np.maximum(to_old, 1e-9), mu, sigma)


def _within_window(population: Population, overall: Floats) -> tuple[Floats, Floats, Floats]:
    """Citations within five years, by citing year.

    Returns the number of citations of patents in the data, that of older patents, and their mean lag in
    years. The weeks before the first day are assumed to be as large as those of the first year.
    """
    calendar = population.calendar
    weeks = int(np.searchsorted(calendar.year, YEAR_COUNT))
    weekly = calendar.starts[52] / 52
    starts = np.concatenate([-weekly * np.arange(_EARLIER, 0, -1), calendar.starts])
    low = starts[1 : _EARLIER + weeks + 1]
    high = np.concatenate([starts[_WINDOW_WEEKS : _WINDOW_WEEKS + _EARLIER], calendar.window_end[:weeks]])
    cited_year = np.concatenate([np.zeros(_EARLIER, int), calendar.year[:weeks]])
    reached = (calendar.year_starts[None, :] - low[:, None]) / np.maximum(high - low, 1e-9)[:, None]
    by_year = np.diff(np.clip(reached, 0, 1) ** (1 / EARLINESS), axis=1)
    flows = by_year * (np.diff(starts)[: len(low)] * overall[cited_year])[:, None]
    years_ago = np.arange(YEAR_COUNT)[None, :] + 0.5 - (np.arange(len(low)) - _EARLIER)[:, None] * 7 / _DAYS
    lag = (flows * np.clip(years_ago, 0.25, _WINDOW - 0.25)).sum(axis=0) / np.maximum(flows.sum(axis=0), 1e-9)
    return flows[_EARLIER:].sum(axis=0), flows[:_EARLIER].sum(axis=0), lag


def _beyond(share: Floats, lag: Floats) -> tuple[Floats, Floats]:
    """mu and sigma of the years beyond five that give the mean and median lag of public data.

    With w the share within five years and z the normal quantile at (1/2 - w) / (1 - w):
    exp(mu + sigma z) = median - 5 and exp(mu + sigma^2 / 2) = mean of the rest - 5.
    """
    mean = np.array([year.mean_lag for year in YEARS]) / _DAYS
    median = np.array([year.median_lag for year in YEARS]) / _DAYS
    log_median = np.log(np.maximum(median - _WINDOW, 0.5))
    log_mean = np.log((mean - share * lag) / (1 - share) - _WINDOW)
    z = normal_quantiles((0.5 - share) / (1 - share))
    sigma = z + np.sqrt(np.maximum(z**2 + 2 * (log_mean - log_median), 0.01))
    return log_median - sigma * z, sigma
