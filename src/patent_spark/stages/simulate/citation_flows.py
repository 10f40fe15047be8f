"""How many citations go from which grant year to which: what the facts leave once the five-year counts are placed.

For each citing year the facts give the citations made and the mean and median lag. The citations within five years are
designed from the cited side (forward.py); the rest gets lags of five years and a log-normal beyond, whose two
parameters make the year's mean and median come out. What falls before the data's beginning goes to old numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from patent_spark.stages.simulate.calibration import YEARS
from patent_spark.stages.simulate.forward_counts import Forward
from patent_spark.stages.simulate.population import YEAR_COUNT, Population, normal_quantiles, normal_shares

EARLINESS = 0.8
"""Within the window, the place of a citing patent is uniform ** EARLINESS: more citations later than sooner."""
_WINDOW = 5.0
_WINDOW_WEEKS = 261
_EARLIER = 53 * 5
"""Weeks before the first: their patents, known by number alone, are cited within five years too."""
_DAYS = 365.25


@dataclass(frozen=True)
class Flows:
    """Expected citations of a release with all its years, by grant year from 0 = 1976."""

    made: np.ndarray
    """Citations made in each year."""
    later: np.ndarray
    """[cited year, citing year]: citations made more than five years after the cited patent's grant."""
    to_old: np.ndarray
    """Citations made in each year to patents before the first day."""
    recent_old: np.ndarray
    """Share of to_old that is less than five years old."""
    mu: np.ndarray
    sigma: np.ndarray
    """Of the log-normal years beyond five, by citing year."""

    @classmethod
    def of(cls, population: Population, forward: Forward, scale: float) -> Flows:
        """The flows of a population; `scale` multiplies all citations."""
        starts = population.calendar.year_starts
        granted = np.diff(starts)
        made = scale * granted * np.array([year.mean_backward for year in YEARS])
        within, within_old, lag = _within_window(population, forward.overall * scale)
        share = np.clip((within + within_old) / np.maximum(made, 1e-9), 0, 0.45)
        rest = np.maximum(made - within - within_old, 0)
        mu, sigma = _beyond(share, lag)
        later, rest_old = np.zeros((YEAR_COUNT, YEAR_COUNT)), np.zeros(YEAR_COUNT)
        for citing in range(YEAR_COUNT):
            ages = np.arange(citing - 4)  # cited 5, 6, ... years before; half a year to each side
            beyond = np.maximum(np.append(ages, max(citing - 4, 0)) - 0.5, 1e-9)
            edges = normal_shares((np.log(beyond) - mu[citing]) / sigma[citing])
            later[citing - 5 - ages, citing] = rest[citing] * np.diff(edges)
            rest_old[citing] = rest[citing] * (1 - edges[-1])
        to_old = within_old + rest_old
        return cls(made, later, to_old, within_old / np.maximum(to_old, 1e-9), mu, sigma)


def _within_window(population: Population, overall: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Citations made within five years by citing year: to patents of the data, to older ones; and their mean lag in years.

    The weeks before the first are taken to be as large as those of the first year.
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


def _beyond(share: np.ndarray, lag: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mu and sigma of the years beyond five, so that mean and median over all lags are the facts'.

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
