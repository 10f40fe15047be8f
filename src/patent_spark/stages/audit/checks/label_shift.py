"""Label shift between a test set and the population that it stands for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from patent_spark.core.schemas import is_test
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData

_TOLERANCE = 0.02
"""Leaving out texts that are too short shifts the labels a little."""
_CHANCE = math.sqrt(math.log(1000) / 2)
"""Times 1 / sqrt(n): exceeded once in a thousand samples (McDiarmid 1989)."""

SHIFT = CheckSpec(
    "label_shift",
    "label shift of the test sets",
    "total variation distance",
    "share",
    "The test patents are not a random sample of their population. Metrics on them do not carry over to "
    "other patents, and a classifier may profit from the label frequencies alone.",
)


@dataclass(frozen=True)
class _Shift:
    """The distance of one test set from its population, and what sampling allows."""

    split: str
    distance: float
    limit: float
    patents: int
    population: int


def label_shift(data: TaskData) -> CheckResult:
    """The labels of each test set against those of its population.

    The population is all patents, or those of the same grant year for a task that is tested by year. The
    details show the test set that is worst in relation to its limit.
    """
    shifts = list(_shifts(data))
    if not shifts:
        return SHIFT.not_applicable("There is no test set.")
    worst = max(shifts, key=lambda shift: shift.distance - shift.limit)
    details = f"{worst.split}: {worst.patents:,} of {worst.population:,} patents."
    if len(shifts) > 1:
        details = f"Worst of {len(shifts)} test sets, {details}"
    return SHIFT.measured(worst.distance, worst.limit, details)


def _shifts(data: TaskData) -> Iterator[_Shift]:
    labelled = data.warehouse.labels.dropna(subset=[data.label_column])
    for split, tests in data.examples.groupby("split"):
        if is_test(str(split)):
            same_year = labelled["year"].isin(tests["year"])
            population = labelled[same_year] if data.tested_by_year else labelled
            yield _shift(str(split), tests["label"], population[data.label_column])


def _shift(split: str, labels: pd.Series, population: pd.Series) -> _Shift:
    """Total variation distance, and its limit: what chance gives for n of N patents, and a tolerance."""
    expected = population.value_counts(normalize=True)
    observed = labels.value_counts(normalize=True)
    distance = 0.5 * float(expected.sub(observed, fill_value=0).abs().sum())
    sampled = math.sqrt(max(0.0, 1 - len(labels) / max(1, len(population))) / len(labels))
    mean = 0.5 * math.sqrt(2 / math.pi) * float((expected * (1 - expected)).pow(0.5).sum())
    limit = _TOLERANCE + (mean + _CHANCE) * sampled
    return _Shift(split, distance, limit, len(labels), len(population))
