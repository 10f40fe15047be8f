"""Which models a back-test trains: point-in-time settings, and the years that each model can be tested on."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
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
from patent_spark.core.store import Store

POINT_IN_TIME_SETTINGS: Settings = {
    "label.reference_set": "class_year",
    "label.population": "all",
    "label.percentiles_before_censoring": False,
    "split.embargo": True,
    "split.group_by_family": True,
    "text.fit_on": "train",
}
"""With these a training label, a split and a vector depend on nothing from after the last training day.

Percentiles within a class and grant year compare patents whose windows close in the same year. With
population = cited, a reference set would hold the patents that are cited at any time, also later.
"""


@dataclass(frozen=True)
class ModelPlan:
    """A model that knows nothing from after the end of `year`."""

    year: int
    test_years: tuple[int, ...]
    open_years: tuple[int, ...]
    """Years that would be tested if their citation windows had closed in the release."""


def point_in_time_config(config: Config) -> Config:
    """The configuration with POINT_IN_TIME_SETTINGS and only the tasks that are split by grant year.

    Raises ConfigError when there is no such task, or when the horizon is not a whole number of years: then
    the windows of a class and grant year do not all close before the same first of January.
    """
    chosen = tuple(task for task in config.task_names if config.task(task).protocol == "temporal")
    _require_temporal(config, chosen)
    if CITATION_LEVEL in chosen:
        _require_whole_years(config.label.horizon_months)
    tasks = config.tasks if len(chosen) == len(config.task_names) else chosen[0]
    return with_settings(config, POINT_IN_TIME_SETTINGS | {"tasks": tasks})


def _require_temporal(config: Config, chosen: Sequence[str]) -> None:
    """Raises ConfigError unless enough tasks are split by grant year."""
    if not chosen or (config.tasks == "joint" and len(chosen) < 2):
        stratified = next(task for task in config.task_names if task not in chosen)
        raise ConfigError(
            f"tasks = {config.tasks}: {stratified} is not split by grant year; "
            f"set {stratified}.protocol=temporal for a back-test",
            setting="tasks",
            task=stratified,
        )


def _require_whole_years(horizon_months: int) -> None:
    if horizon_months % 12:
        raise ConfigError(
            f"label.horizon_months = {horizon_months}: a back-test needs a multiple of 12, "
            "so that the windows of all patents of a grant year have closed on the same first of January",
            setting="label.horizon_months",
            value=horizon_months,
        )


def changed_settings(before: Config, after: Config) -> Settings:
    """The settings whose values differ, with those of `after`."""
    old = flatten(before)
    return {name: value for name, value in flatten(after).items() if value != old[name]}


def plan_models(
    config: Config, data_to_date: datetime.date, first_labels: Mapping[str, datetime.date]
) -> list[ModelPlan]:
    """The models of the back-test, in the order of their years.

    first_labels: for each task the day on which its first label was known. A test year is one of the next
    `backtest.test_years` whose citation windows had all closed on data_to_date. Raises DataError for a year
    without a label to train on, or without a year to test on.
    """
    months = config.label.horizon_months if CITATION_LEVEL in config.task_names else 0
    closed = last_closed_year(data_to_date, months)
    models = []
    for year in sorted(set(config.backtest.years)):
        after = range(year + 1, year + 1 + config.backtest.test_years)
        _require_labels(year, first_labels)
        if after[0] > closed:
            raise _no_test_year(year, closed, months, data_to_date)
        tested = tuple(each for each in after if each <= closed)
        models.append(ModelPlan(year, tested, tuple(each for each in after if each > closed)))
    return models


def _no_test_year(year: int, closed: int, months: int, data_to_date: datetime.date) -> DataError:
    whose = "whose citation windows have all closed" if months else "that is complete"
    return DataError(
        f"backtest.years: no year to test a model as of {year} on: with data to {data_to_date} "
        f"the last grant year {whose} is {closed}; use {closed - 1} or earlier",
        setting="backtest.years",
        year=str(year),
        last_closed_year=str(closed),
        data_to_date=data_to_date,
    )


def last_closed_year(data_to_date: datetime.date, months: int) -> int:
    """The last grant year whose patents were all granted, and all at least `months` old, on that day."""
    year = data_to_date.year
    while _months_later(datetime.date(year, 12, 31), months) > data_to_date:
        year -= 1
    return year


def first_known_labels(store: Store, config: Config) -> dict[str, datetime.date]:
    """For each task the day on which its first label was known; raises DataError when LABELS has none."""
    horizon = config.label.horizon_months
    days = {}
    for task in config.task_names:
        column, months = ("technology_label", 0) if task == TECHNOLOGY else ("citation_level", horizon)
        labelled = store.read_arrow("LABELS", ["grant_date"], where=pc.field(column).is_valid())
        first = pc.min(labelled["grant_date"]).as_py()
        if first is None:
            raise DataError(
                f"no patent in LABELS has a {column}, so {task} cannot be back-tested; "
                "run `patent-spark quality` to see why",
                table="LABELS",
                column=column,
                task=task,
            )
        days[task] = _months_later(first, months)
    return days


def model_config(config: Config, model: ModelPlan, others: Settings) -> Config:
    """The configuration of one model: its training and test years, and other settings as given."""
    years: Settings = {"split.train_until": model.year, "split.test_years": list(model.test_years)}
    return with_settings(config, years | others)


def _require_labels(year: int, first_labels: Mapping[str, datetime.date]) -> None:
    for task, day in first_labels.items():
        if year < day.year:
            raise DataError(
                f"backtest.years: no label to train on at the end of {year}: "
                f"the first label of {task} was known on {day}; use {day.year} or later",
                setting="backtest.years",
                year=str(year),
                task=task,
                first_label=day,
            )


def _months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months later, or the month's last day where that month is shorter."""
    later: datetime.date = (pd.Timestamp(day) + pd.DateOffset(months=months)).date()
    return later
