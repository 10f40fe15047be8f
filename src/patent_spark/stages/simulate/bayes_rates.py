"""The best that any model can reach on a simulated release: the Bayes rate of what is planted in its texts."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.lexicon import Lexicon
from patent_spark.stages.simulate.population import (
    FIRST_YEAR,
    HORIZON_MONTHS,
    YEAR_COUNT,
    Population,
    add_months,
)

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
    return {
        "accuracy": float(weights.max(axis=0).sum()),
        "bag_of_words_accuracy": float(groups.max(axis=0).sum()),
        "order_share": paired,
    }


class Levels:
    """Counts labelled patents by (grant year, class, text class, level signal, five-year count); holds one grant year's patents at a time.

    From the counts follow the labels, with exact percentiles of each class and grant year (the default rule) or of each
    class over all years (label.reference_set = class); open windows, withdrawn patents and those without a class are left out.
    """

    def __init__(self, population: Population, data_to_date: datetime.date) -> None:
        calendar = population.calendar
        self._classes = population.class_count
        self._closed = add_months(calendar.days, HORIZON_MONTHS) <= np.datetime64(data_to_date)
        self._waiting: list[np.ndarray] = []
        self._kinds: list[np.ndarray] = []

    def add(self, week: np.ndarray, columns: np.ndarray) -> None:
        """Take patents in grant order; columns are (year, class, text class, signal, five-year count), without the unlabelled."""
        columns = columns[self._closed[week]]
        years = columns[:, 0]
        for year in np.unique(years):
            if self._waiting and self._waiting[-1][0, 0] != year:
                self._count()
            self._waiting.append(columns[years == year])

    def _count(self) -> None:
        """Count the patents of a grant year that are alike."""
        kinds, patents = np.unique(np.concatenate(self._waiting), axis=0, return_counts=True)
        self._waiting.clear()
        self._kinds.append(np.column_stack([kinds, patents]).astype(np.int32))

    def attainable(self) -> Figures:
        """Best accuracy and top1 average precision for who knows a text's class and level signal, over all years and by year.

        A pool's size matters: of n patents, n up to 100, one is above the 99th percentile. So chances are those that
        patents of all other grant years have with the same signal when their text's class has a pool of about that size.
        """
        if self._waiting:
            self._count()
        year, cpc, text, signal, count, patents = np.concatenate(
            self._kinds or [np.zeros((0, 6), np.int32)]
        ).T
        years = year * self._classes
        rules = {"default": (years + cpc, years + text), "pool_class": (cpc, text)}
        cells = {}
        for rule, (pool, pool_of_text) in rules.items():
            sizes = np.bincount(pool, patents, YEAR_COUNT * self._classes)
            cells[rule] = np.zeros((YEAR_COUNT, _SIZES, len(LEVELS), len(LEVELS)), np.int64)
            np.add.at(
                cells[rule],
                (year, _size_group(sizes)[pool_of_text], signal, _levels(pool, count, patents)),
                patents,
            )
        by_signal = cells["default"].sum(axis=(0, 1))
        posterior = by_signal / np.maximum(by_signal.sum(axis=1, keepdims=True), 1)
        return {
            **_reach(cells["default"]),
            "pool_class": _reach(cells["pool_class"]),
            "posterior": {
                signal: dict(zip(LEVELS, row, strict=True))
                for signal, row in zip(LEVELS, posterior.round(6).tolist(), strict=True)
            },
            "patents": int(patents.sum()),
        }


_LARGE = 256
"""Of a larger pool, close to a hundredth is top1."""
_SIZES = 2 + 4 * 8


def _size_group(sizes: np.ndarray) -> np.ndarray:
    """Pools by size, four groups an octave: each size up to 8 is its own, and all large ones are one."""
    return np.where(sizes > 0, 1 + np.rint(4 * np.log2(np.clip(sizes, 1, _LARGE))).astype(np.int64), 0)


def _levels(pool: np.ndarray, count: np.ndarray, patents: np.ndarray) -> np.ndarray:
    """The place in schemas.LEVELS of each kind of patents, by the percentiles of its pool."""
    level = np.where(count == 0, 3, 2)
    order = np.argsort(pool, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(pool[order])) + 1):
        if len(members):
            q90, q99 = (weighted_quantile(count[members], patents[members], share) for share in (0.9, 0.99))
            level[members[count[members] > q90]] = 1
            level[members[count[members] > q99]] = 0
    return level


def _reach(cells: np.ndarray) -> Figures:
    """Figures of who knows what patents have in common, and how others that have it fared; cells: patents by (grant year, size, signal, level)."""
    cells = cells.reshape(len(cells), -1, len(LEVELS))
    others = cells.sum(axis=0) - cells
    others = np.where(
        others.any(axis=2, keepdims=True), others, others.sum(axis=1, keepdims=True)
    )  # where nobody is alike: as all fared
    by_year = {
        str(FIRST_YEAR + at): _figures(cells[at], others[at]) for at in range(YEAR_COUNT) if cells[at].any()
    }
    return {**_figures(cells.reshape(-1, len(LEVELS)), others.reshape(-1, len(LEVELS))), "by_year": by_year}


def _figures(cells: np.ndarray, others: np.ndarray) -> Figures:
    """Of patents by (what is known of them, level), guessed and ranked by the levels that `others` have of whom the same is known."""
    sizes = cells.sum(axis=1)
    hits = np.take_along_axis(cells, others.argmax(axis=1)[:, None], axis=1).sum()
    chances = others[:, 0] / np.maximum(others.sum(axis=1), 1)
    return {
        "accuracy": float(hits / max(int(sizes.sum()), 1)),
        "top1_average_precision": average_precision(cells[:, 0], sizes, chances),
    }


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """NumPy's default quantile of values that stand `weights` times each."""
    order = np.argsort(values, kind="stable")
    up_to = np.cumsum(weights[order])
    place = (up_to[-1] - 1) * share
    below, above = values[order][np.searchsorted(up_to, [np.floor(place), np.ceil(place)], side="right")]
    return float(np.quantile([below, above], place - np.floor(place)))


def average_precision(positives: np.ndarray, sizes: np.ndarray, chances: np.ndarray) -> float:
    """Of ranking cells of patents by their chances; patents with the same chance are tied."""
    if not positives.sum():
        return 0.0
    _, place = np.unique(-chances, return_inverse=True)
    gained = np.bincount(place, positives)
    found, seen = np.cumsum(gained), np.cumsum(np.bincount(place, sizes))
    return float((gained * found / np.maximum(seen, 1)).sum() / found[-1])
