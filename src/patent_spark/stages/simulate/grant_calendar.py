"""Grant days, and how many patents each of them has."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from patent_spark.stages.simulate.arrays import Dates, Ints
from patent_spark.stages.simulate.grant_years import FIRST_DAY, FIRST_YEAR, LAST_DAY, YEAR_COUNT, YEARS

HORIZON_MONTHS = 60
"""The citation window of the default label rule."""


def add_months(days: Dates, months: int) -> Dates:
    """The same day of a later month, or that month's last day if it has no such day (datetime64[D])."""
    import pandas as pd

    later = pd.DatetimeIndex(days) + pd.DateOffset(months=months)
    return later.to_numpy().astype("datetime64[D]")


@dataclass(frozen=True)
class Calendar:
    """Grant days and the patents of each.

    The calendar continues beyond the end of the data, so that open citation windows have a length too.
    """

    days: Dates
    """Tuesdays, as datetime64[D]."""
    starts: Ints
    """Index of the first patent of each week, and one more for the end."""
    window_end: Ints
    """One behind the last patent granted within five years of each week's grant day, both ends included."""
    year: Ints
    """Grant year of each week, from 0 = 1976."""
    year_starts: Ints
    """Index of the first patent of each grant year with data, and one more for the end."""

    @classmethod
    def of_size(cls, patents: int) -> Calendar:
        """A calendar with this many patents up to LAST_DAY."""
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

    def week(self, index: Ints) -> Ints:
        """The week of each patent."""
        week: Ints = np.searchsorted(self.starts, index, side="right") - 1
        return week

    def until(self, day: datetime.date) -> int:
        """The number of patents granted up to and including a day."""
        return int(self.starts[np.searchsorted(self.days, np.datetime64(day), side="right")])
