"""Which years a model can be trained as of and tested on in a release: what was known at the end of a year, and what has closed since."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from patent_spark.config import (
    CITATION_LEVEL,
    TECHNOLOGY,
    Config,
    ConfigError,
    Settings,
    flatten,
    with_settings,
)
from patent_spark.core.errors import DataError

if TYPE_CHECKING:
    from patent_spark.core.store import Store

KNOWN_ON_THE_DAY: Settings = {
    "label.reference_set": "class_year",
    "label.population": "all",
    "label.percentiles_before_censoring": False,
    "split.embargo": True,
    "split.group_by_family": True,
    "text.fit_on": "train",
}
"""What a back-test sets: with these a training label, a split and a vector depend on nothing from after the last training day.

Percentiles within a class and grant year compare patents whose windows close in the same year. With population = cited a
pool would hold who is cited at any time, also later.
"""


@dataclass(frozen=True)
class AsOf:
    """A model of the back-test: it knows what was known at the end of `year`."""

    year: int
    test_years: tuple[int, ...]
    left_out: tuple[int, ...]
    """Years that would test it, had their citation windows closed in the release."""


def known_on_the_day(config: Config) -> Config:
    """The configuration with KNOWN_ON_THE_DAY, and only the tasks that are split by grant year.

    Raises ConfigError when there is none, or when the horizon is no whole number of years: then the windows of a class
    and grant year do not all close before the same first day of January.
    """
    chosen = tuple(task for task in config.task_names if config.task(task).protocol == "temporal")
    if not chosen or (config.tasks == "joint" and len(chosen) < 2):
        lacking = next(task for task in config.task_names if task not in chosen)
        raise ConfigError(
            f"tasks = {config.tasks}: {lacking} is not tested by grant year; set {lacking}.protocol=temporal for a back-test"
        )
    if config.label.horizon_months % 12 and CITATION_LEVEL in chosen:
        raise ConfigError(
            f"label.horizon_months = {config.label.horizon_months}: a back-test needs whole years, a multiple of 12, "
            "so that all patents of a grant year have closed windows on the same first of January"
        )
    tasks = config.tasks if len(chosen) == len(config.task_names) else chosen[0]
    return with_settings(config, KNOWN_ON_THE_DAY | {"tasks": tasks})


def changed_settings(before: Config, after: Config) -> Settings:
    """The settings whose values differ, with those of `after`."""
    old = flatten(before)
    return {name: value for name, value in flatten(after).items() if value != old[name]}


def plan(config: Config, data_to_date: datetime.date, known_since: Mapping[str, datetime.date]) -> list[AsOf]:
    """The models of the back-test, in the order of their years.

    known_since: for each task the day on which its first label was known for good. A test year is one of the next
    `backtest.test_years` whose windows had all closed on data_to_date. Raises DataError for a year without any label to
    learn from, or without any year to test on.
    """
    months = config.label.horizon_months if CITATION_LEVEL in config.task_names else 0
    closed = last_closed_year(data_to_date, months)
    models = []
    for year in sorted(set(config.backtest.years)):
        after = range(year + 1, year + 1 + config.backtest.test_years)
        for task, day in known_since.items():
            if year < day.year:
                raise DataError(
                    f"backtest.years: nothing to learn from at the end of {year}: "
                    f"the first label of {task} was known on {day}; take {day.year} or later"
                )
        if after[0] > closed:
            raise DataError(
                f"backtest.years: nothing to test a model as of {year} on: with data to {data_to_date} the last grant year "
                f"{'whose citation windows have all closed' if months else 'that is whole'} is {closed}; take {closed - 1} or earlier"
            )
        models.append(
            AsOf(year, tuple(t for t in after if t <= closed), tuple(t for t in after if t > closed))
        )
    return models


def last_closed_year(data_to_date: datetime.date, months: int) -> int:
    """The last grant year whose patents had all been granted, and were all so many months old, on that day."""
    year = data_to_date.year
    while _months_after_the_end(year, months) > data_to_date:
        year -= 1
    return year


def first_labels(store: Store, config: Config) -> dict[str, datetime.date]:
    """For each task the day on which its first label was known; raises DataError when LABELS has none."""
    days = {}
    for task in config.task_names:
        column, months = (
            ("cpc_class", 0) if task == TECHNOLOGY else ("citation_level", config.label.horizon_months)
        )
        first = pc.min(
            store.read_arrow("LABELS", ["grant_date"], where=pc.field(column).is_valid())["grant_date"]
        ).as_py()
        if first is None:
            raise DataError(
                f"no patent in LABELS has a {column}; a back-test of {task} needs some, see `patent-spark quality`"
            )
        days[task] = _months_later(first, months)
    return days


def as_of(config: Config, model: AsOf, others: Settings) -> Config:
    """The configuration of one model: trained until its year, tested on its test years, with other settings as given."""
    return with_settings(
        config, {"split.train_until": model.year, "split.test_years": list(model.test_years)} | others
    )


def _months_after_the_end(year: int, months: int) -> datetime.date:
    """The last day of the month that ends so many months after the year."""
    years, month = divmod(12 * (year + 1) + months, 12)
    return datetime.date(years, month + 1, 1) - datetime.timedelta(days=1)


def _months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months later, or the month's last day where it is shorter."""
    years, month = divmod(12 * day.year + day.month - 1 + months, 12)
    following = datetime.date(years + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(
        following - datetime.timedelta(days=1),
        datetime.date(years, month + 1, 1) + datetime.timedelta(days=day.day - 1),
    )
