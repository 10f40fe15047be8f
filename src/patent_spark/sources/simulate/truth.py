"""The best that any model can reach on a simulated release: the Bayes rate of what is planted in its texts."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from patent_spark.schemas import LEVELS
from patent_spark.sources.simulate.lexicon import Lexicon
from patent_spark.sources.simulate.population import FIRST_YEAR, HORIZON_MONTHS, YEAR_COUNT, Population, add_months

Figures = dict[str, Any]


def technology(population: Population, lexicon: Lexicon, noise: float) -> Figures:
    """Bayes rates of the class given the text class, and given its keywords alone.

    A text speaks of its own class, or with probability `noise` of one drawn from the prior p. So a text of class t
    comes from class c with weight p_c ((1 - noise) [t = c] + noise p_t), and the best guess has the largest weight.
    Without word order the two classes of a pair look the same: their texts are added up.
    """
    shares = population.shares
    weights = shares[:, None] * ((1 - noise) * np.eye(len(shares)) + noise * shares[None, :])
    groups = np.zeros_like(weights)
    np.add.at(groups.T, lexicon.group, weights.T)
    paired = sum(float(shares[one] + shares[two]) for one, two in lexicon.pairs)
    return {"accuracy": float(weights.max(axis=0).sum()), "bag_of_words_accuracy": float(groups.max(axis=0).sum()), "order_share": paired}


class Levels:
    """Counts labelled patents by (grant year, text class, level signal, citation level); holds one grant year at a time.

    Labels are those of the default rule: exact percentiles of each class and grant year, open windows, withdrawn
    patents and those without a class left out. For percentiles of each class over all years (label.pool = class) it
    keeps how many patents have which (year, class, signal, count), which is small whatever the number of patents.
    """

    def __init__(self, population: Population, data_to_date: datetime.date) -> None:
        calendar = population.calendar
        self._closed = add_months(calendar.days, HORIZON_MONTHS) <= np.datetime64(data_to_date)
        self._cells = np.zeros((YEAR_COUNT, population.class_count, len(LEVELS), len(LEVELS)), np.int64)
        self._waiting: list[np.ndarray] = []
        self._counted: list[np.ndarray] = []

    def add(self, week: np.ndarray, columns: np.ndarray) -> None:
        """Take patents in grant order; columns are (year, class, text class, signal, five-year count), without the unlabelled."""
        columns = columns[self._closed[week]]
        years = columns[:, 0]
        for year in np.unique(years):
            if self._waiting and self._waiting[-1][0, 0] != year:
                self._label()
            self._waiting.append(columns[years == year])

    def _label(self) -> None:
        """Label the patents of a grant year and count them."""
        rows = np.concatenate(self._waiting)
        self._waiting.clear()
        year, cpc, text_class, signal, count = rows.T
        level = np.where(count == 0, 3, 2)
        for each in np.unique(cpc):
            pool = cpc == each
            q90, q99 = np.quantile(count[pool], [0.9, 0.99])
            level[pool & (count > q90)] = 1
            level[pool & (count > q99)] = 0
        np.add.at(self._cells, (year, text_class, signal, level), 1)
        kinds, patents = np.unique(rows[:, [0, 1, 3, 4]], axis=0, return_counts=True)
        self._counted.append(np.column_stack([kinds, patents]))

    def attainable(self) -> Figures:
        """Best accuracy and top1 average precision for who knows a text's level signal, over all years and by year."""
        if self._waiting:
            self._label()
        by_year = {str(FIRST_YEAR + year): self._reach(year) for year in range(YEAR_COUNT) if self._cells[year].any()}
        by_signal = self._cells.sum(axis=(0, 1))
        posterior = by_signal / np.maximum(by_signal.sum(axis=1, keepdims=True), 1)
        return {
            **self._reach(slice(None)),
            "by_year": by_year,
            "pool_class": self._attainable_by_class(),
            "posterior": {signal: dict(zip(LEVELS, row, strict=True)) for signal, row in zip(LEVELS, posterior.round(6).tolist(), strict=True)},
        }

    def _attainable_by_class(self) -> Figures:
        """The same where percentiles are those of a class over all grant years."""
        cells = np.zeros((YEAR_COUNT, len(LEVELS), len(LEVELS)), np.int64)
        year, cpc, signal, count, patents = np.concatenate(self._counted or [np.zeros((0, 5), np.int64)]).T
        level = np.where(count == 0, 3, 2)
        for each in np.unique(cpc):
            pool = cpc == each
            q90, q99 = (weighted_quantile(count[pool], patents[pool], share) for share in (0.9, 0.99))
            level[pool & (count > q90)] = 1
            level[pool & (count > q99)] = 0
        np.add.at(cells, (year, signal, level), patents)
        years = {str(FIRST_YEAR + at): _best(cells[at]) for at in range(YEAR_COUNT) if cells[at].any()}
        return {**_best(cells.sum(axis=0)), "by_year": years}

    def _reach(self, years: int | slice) -> Figures:
        cells = self._cells[years].reshape(-1, *self._cells.shape[1:]).sum(axis=0)
        by_signal = cells.sum(axis=0)
        total = max(int(by_signal.sum()), 1)
        return {
            **_best(by_signal),
            "with_class": {
                "accuracy": _left_one_out(cells.reshape(-1, len(LEVELS))) / total,
                "accuracy_at_most": float(cells.max(axis=2).sum() / total),
                "top1_average_precision_at_most": average_precision(cells[..., 0].ravel(), cells.sum(axis=2).ravel()),
            },
            "patents": int(by_signal.sum()),
        }


def _best(by_signal: np.ndarray) -> Figures:
    """Figures of who knows the signal; by_signal: patents by (signal, level)."""
    return {
        "accuracy": float(by_signal.max(axis=1).sum() / max(int(by_signal.sum()), 1)),
        "top1_average_precision": average_precision(by_signal[:, 0], by_signal.sum(axis=1)),
    }


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """NumPy's default quantile of values that stand `weights` times each."""
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weights[order])
    place = (up_to[-1] - 1) * share
    below, above = values[order][np.searchsorted(up_to, [np.floor(place), np.ceil(place)], side="right")]
    return float(np.quantile([below, above], place - np.floor(place)))


def average_precision(positives: np.ndarray, sizes: np.ndarray) -> float:
    """Of ranking cells of patents by their share of positives; patents of a cell are tied."""
    if not positives.sum():
        return 0.0
    order = np.argsort(-positives / np.maximum(sizes, 1), kind="stable")
    found, seen = np.cumsum(positives[order]), np.cumsum(sizes[order])
    return float((positives[order] * found / np.maximum(seen, 1)).sum() / found[-1])


def _left_one_out(cells: np.ndarray) -> float:
    """Patents whose level is the most frequent of the others in their cell; a tie counts half."""
    ordered = np.sort(cells, axis=1)
    most, second = ordered[:, -1], ordered[:, -2]
    return float(most[most - 1 > second].sum() + 0.5 * most[most - 1 == second].sum())
