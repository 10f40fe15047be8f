"""Statistics of a finished release by grant year, for comparison with public data."""

from __future__ import annotations

import numpy as np

from patent_spark.stages.simulate.arrays import Hashes, Ints
from patent_spark.stages.simulate.calibration import OLD_NUMBER_YEARS, OLD_NUMBERS
from patent_spark.stages.simulate.citation_keys import MALFORMED, OLD, split
from patent_spark.stages.simulate.grant_years import FIRST_YEAR, YEAR_COUNT
from patent_spark.stages.simulate.population import Population

_LAG_CELLS = 1600
_LAG_DAYS = 56


class ReleaseStatistics:
    """Sums by grant year, collected while the release is made."""

    def __init__(self, population: Population) -> None:
        self._calendar = population.calendar
        self._day = self._calendar.days.astype(int)
        self._forward = np.zeros((3, YEAR_COUNT))
        self._made = np.zeros((4, YEAR_COUNT))
        self._lags = np.zeros((YEAR_COUNT, _LAG_CELLS), np.int64)

    def add_patents(self, year: Ints, counts: Ints) -> None:
        """Add patents and their citations within five years."""
        for row, weights in enumerate((np.ones(len(year)), counts, counts > 0)):
            self._forward[row] += np.bincount(year, weights, YEAR_COUNT)

    def add_citations(self, keys: Hashes) -> None:
        """Add citations and their lags in days from grant to grant."""
        citing, cited = split(keys)
        week = self._calendar.week(citing)
        year = self._calendar.year[week]
        old = cited >= OLD
        old_year = np.interp(np.where(old, cited & ~MALFORMED, 1), OLD_NUMBERS, OLD_NUMBER_YEARS)
        known_day = self._day[self._calendar.week(np.where(old, 0, cited))]
        lag = self._day[week] - np.where(old, (old_year - 1970) * 365.25, known_day)
        for row, weights in enumerate((np.ones(len(year)), lag, old, cited >= MALFORMED)):
            self._made[row] += np.bincount(year, weights, YEAR_COUNT)
        cell = np.clip(lag // _LAG_DAYS, 0, _LAG_CELLS - 1).astype(np.int64)
        counts = np.bincount(year * _LAG_CELLS + cell, minlength=self._lags.size)
        self._lags += counts.reshape(self._lags.shape)

    def by_year(self) -> dict[str, dict[str, float]]:
        """Statistics of each grant year that has patents."""
        years = {}
        for year in np.flatnonzero(self._forward[0]):
            patents, received, cited = self._forward[:, year]
            made, lag, old, _ = self._made[:, year]
            half = int(np.searchsorted(np.cumsum(self._lags[year]), made / 2))
            years[str(FIRST_YEAR + year)] = {
                "patents": int(patents),
                "mean_backward_citations": round(made / patents, 4),
                "mean_5y_forward_citations_among_cited": round(received / max(cited, 1), 4),
                "zero_share": round(1 - cited / patents, 4),
                "mean_citation_lag_days": round(lag / max(made, 1), 1),
                "median_citation_lag_days": half * _LAG_DAYS + _LAG_DAYS // 2,
                "share_before_1976": round(old / max(made, 1), 4),
            }
        return years

    def totals(self) -> dict[str, float]:
        """Shares of all citations."""
        made, _, old, malformed = self._made.sum(axis=1)
        return {
            "citations_of_old_patents": old / max(made, 1),
            "citations_of_malformed_ids": malformed / max(made, 1),
        }
