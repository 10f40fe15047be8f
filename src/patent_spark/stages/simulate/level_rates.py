"""The Bayes-optimal rates of the citation level, counted while a release is made."""

from __future__ import annotations

import datetime

import numpy as np

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.arrays import Floats, Ints
from patent_spark.stages.simulate.bayes_rates import CitationLevelRates, LevelRates, YearlyLevelRates
from patent_spark.stages.simulate.grant_calendar import HORIZON_MONTHS, add_months
from patent_spark.stages.simulate.grant_years import FIRST_YEAR, YEAR_COUNT
from patent_spark.stages.simulate.population import Population

_LARGE = 256
"""In a reference set of at least this many patents, close to 1 % is top1."""
_SIZES = 2 + 4 * 8
"""Groups of sizes: none, and four per octave up to _LARGE."""


class CitationLevelCounter:
    """Counts labelled patents by (grant year, class, text class, level signal, five-year count).

    bins: groups by what is known beside the text; the level signal is then signal * bins + group.

    Labels follow from the counts, with exact percentiles of each class and grant year (the default rule) or
    of each class over all years. Patents with an open window, withdrawn ones and those without a class are
    left out. Only the patents of one grant year are in memory at a time.
    """

    def __init__(self, population: Population, data_to_date: datetime.date, bins: int = 1) -> None:
        calendar = population.calendar
        self._classes, self._bins = population.class_count, bins
        self._closed = add_months(calendar.days, HORIZON_MONTHS) <= np.datetime64(data_to_date)
        self._waiting: list[Ints] = []
        self._kinds: list[Ints] = []

    def add(self, week: Ints, columns: Ints) -> None:
        """Add patents that can have a label, in grant order.

        Columns are year, class, text class, level signal and five-year count.
        """
        columns = columns[self._closed[week]]
        years = columns[:, 0]
        for year in np.unique(years):
            if self._waiting and self._waiting[-1][0, 0] != year:
                self._count_waiting()
            self._waiting.append(columns[years == year])

    def _count_waiting(self) -> None:
        """Replace the patents of a grant year by their distinct rows and the number of each."""
        kinds, patents = np.unique(np.concatenate(self._waiting), axis=0, return_counts=True)
        self._waiting.clear()
        self._kinds.append(np.column_stack([kinds, patents]).astype(np.int32))

    def rates(self) -> CitationLevelRates:
        """Results of the best classifier that knows a text's class and level signal, over all years and by
        year.

        The size of a reference set matters: in a set of n patents, n up to 100, one is above the 99th
        percentile. So the probabilities for a patent are those of patents of all other grant years with the
        same signal, whose text class has a reference set of about the same size.
        """
        if self._waiting:
            self._count_waiting()
        rows = np.concatenate(self._kinds or [np.zeros((0, 6), np.int32)])
        year, cpc, text, signal, count, patents = rows.T
        years = year * self._classes
        reference_sets = {"class_year": (years + cpc, years + text), "class": (cpc, text)}
        cells = {}
        for rule, (own, of_text) in reference_sets.items():
            sizes = np.bincount(own, patents, YEAR_COUNT * self._classes)
            cells[rule] = np.zeros((YEAR_COUNT, _SIZES, len(LEVELS) * self._bins, len(LEVELS)), np.int64)
            places = (year, _size_group(sizes)[of_text], signal, _levels(own, count, patents))
            np.add.at(cells[rule], places, patents)
        by_signal = cells["class_year"].sum(axis=(0, 1)).reshape(len(LEVELS), self._bins, -1).sum(axis=1)
        posterior = by_signal / np.maximum(by_signal.sum(axis=1, keepdims=True), 1)
        return CitationLevelRates(
            **dict(_rates_by_year(cells["class_year"])),
            class_reference_set=_rates_by_year(cells["class"]),
            posterior={
                level: dict(zip(LEVELS, row, strict=True))
                for level, row in zip(LEVELS, posterior.round(6).tolist(), strict=True)
            },
            patents=int(patents.sum()),
        )


def _size_group(sizes: Floats | Ints) -> Ints:
    """Reference sets by size, in four groups per octave. Each size up to 8 has its own, all large ones
    share one.
    """
    groups = 1 + np.rint(4 * np.log2(np.clip(sizes, 1, _LARGE))).astype(np.int64)
    return np.where(sizes > 0, groups, 0)


def _levels(reference_set: Ints, count: Ints, patents: Ints) -> Ints:
    """The index in schemas.LEVELS of each row of like patents, by the percentiles of its reference set."""
    level = np.where(count == 0, 3, 2)
    order = np.argsort(reference_set, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(reference_set[order])) + 1):
        if len(members):
            q90, q99 = (weighted_quantile(count[members], patents[members], share) for share in (0.9, 0.99))
            level[members[count[members] > q90]] = 1
            level[members[count[members] > q99]] = 0
    return level


def _rates_by_year(cells: Ints) -> YearlyLevelRates:
    """Results for patents by (grant year, size group, signal, level), predicted from those of the other
    years.
    """
    cells = cells.reshape(len(cells), -1, len(LEVELS))
    others = cells.sum(axis=0) - cells
    # Without patents in the same cell, all patents of the other years give the probabilities.
    others = np.where(others.any(axis=2, keepdims=True), others, others.sum(axis=1, keepdims=True))
    by_year = {
        str(FIRST_YEAR + at): _rates(cells[at], others[at]) for at in range(YEAR_COUNT) if cells[at].any()
    }
    overall = _rates(cells.reshape(-1, len(LEVELS)), others.reshape(-1, len(LEVELS)))
    return YearlyLevelRates(**dict(overall), by_year=by_year)


def _rates(cells: Ints, others: Ints) -> LevelRates:
    """Results for patents by (cell, level) when each cell is predicted and ranked by the levels of `others`
    in it.
    """
    sizes = cells.sum(axis=1)
    n_correct = np.take_along_axis(cells, others.argmax(axis=1)[:, None], axis=1).sum()
    chances = others[:, 0] / np.maximum(others.sum(axis=1), 1)
    return LevelRates(
        accuracy=float(n_correct / max(int(sizes.sum()), 1)),
        top1_average_precision=average_precision(cells[:, 0], sizes, chances),
    )


def weighted_quantile(values: Ints, weights: Ints, share: float) -> float:
    """NumPy's default quantile of values that occur `weights` times each."""
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weights[order])
    place = (up_to[-1] - 1) * share
    below, above = values[order][np.searchsorted(up_to, [np.floor(place), np.ceil(place)], side="right")]
    return float(np.quantile([below, above], place - np.floor(place)))


def average_precision(positives: Ints, sizes: Ints, chances: Floats) -> float:
    """Average precision of ranking cells of patents by their chances. Patents with the same chance are
    tied.
    """
    if not positives.sum():
        return 0.0
    _, place = np.unique(-chances, return_inverse=True)
    gained = np.bincount(place, positives)
    n_positive, n_ranked = np.cumsum(gained), np.cumsum(np.bincount(place, sizes))
    return float((gained * n_positive / np.maximum(n_ranked, 1)).sum() / n_positive[-1])
