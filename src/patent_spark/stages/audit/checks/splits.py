"""Split membership, derived a second time from LABELS and the rules of the protocol."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patent_spark.config import JOINT, TECHNOLOGY
from patent_spark.core.schemas import DEVELOPMENT, is_test
from patent_spark.stages.audit.checks.joins import (
    count_changed,
    count_key_mismatches,
    join_result,
    join_spec,
)
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData

MEMBERSHIP = join_spec("split_membership", "LABELS to SPLITS")

_TRAINING = "training and development"
_COLUMNS = ["patent_key", "side", "follow_up_months"]


def split_membership(data: TaskData) -> CheckResult:
    """SPLITS has each patent that the protocol asks for, once a task.

    Split by year: all patents of each test year, and all older ones that may train. Stratified: every patent
    with a class or level. For a multi-task model, patents that the other task tests and their families are
    left out.
    """
    splits = data.warehouse.splits
    splits = splits[splits["task"] == data.task]
    if data.warehouse.settings_of("split").task(data.task).protocol != "temporal":
        expected_keys = _stratified_keys(data, splits)
        return join_result(MEMBERSHIP, count_key_mismatches(expected_keys, splits["patent_key"]), len(splits))
    expected = _expected_by_year(data, splits)
    actual = splits.assign(side=splits["split"].where(splits["split"].map(is_test), _TRAINING))
    mismatches = count_key_mismatches(expected["patent_key"], actual["patent_key"])
    mismatches["changed"] = count_changed(expected, actual, ["side", "follow_up_months"])
    return join_result(MEMBERSHIP, mismatches, len(splits), _describe_sizes(expected, actual))


def _describe_sizes(expected: pd.DataFrame, actual: pd.DataFrame) -> str:
    """The sides that have another size than expected, as a part of the details."""
    sides = {"actual": actual["side"].value_counts(), "expected": expected["side"].value_counts()}
    sizes = pd.DataFrame(sides).fillna(0).astype(int)
    other = sizes[sizes["actual"] != sizes["expected"]]
    return "".join(f"; {side} has {n:,}, expected {of:,}" for side, n, of in other.itertuples(name=None))


def _labelled(data: TaskData) -> pd.DataFrame:
    """One row per patent of LABELS that has the task's label."""
    return data.warehouse.labels.dropna(subset=[data.label_column]).drop_duplicates("patent_key")


def _stratified_keys(data: TaskData, splits: pd.DataFrame) -> pd.Series:
    """Patents that a stratified split must contain. A multi-task model may leave out held-out ones."""
    keys = _labelled(data)["patent_key"]
    if data.warehouse.settings_of("split").tasks != JOINT:
        return keys
    return keys[keys.isin(splits["patent_key"]) | ~keys.isin(data.warehouse.held_out_keys)]


def _expected_by_year(data: TaskData, splits: pd.DataFrame) -> pd.DataFrame:
    """patent_key, side and follow_up_months of each patent that a split by year must contain."""
    closed = _with_closed_labels(data)
    tested = closed.loc[closed["side"] != _TRAINING, "patent_key"]
    development = splits.loc[splits["split"] == DEVELOPMENT, "patent_key"]
    interim = _with_interim_labels(data, pd.concat([tested, development]))
    return pd.concat([closed, interim], ignore_index=True)


def _with_closed_labels(data: TaskData) -> pd.DataFrame:
    """Patents of a test year, and those that are old enough to train and in no family with these."""
    warehouse, labelled = data.warehouse, _labelled(data)
    config = warehouse.settings_of("split")
    horizon = 0 if data.task == TECHNOLOGY else warehouse.label_settings.horizon_months
    tests = labelled[labelled["year"].isin(config.split.test_years)]
    older = labelled[labelled["year"] <= config.split.train_until]
    if config.split.embargo:
        closed_on = older["grant_date"] + pd.DateOffset(months=horizon)
        older = older[closed_on < warehouse.first_requested_test_day]
    excluded = [tests["patent_key"]]
    if config.tasks == JOINT:
        excluded.append(pd.Series(warehouse.test_keys))
    older = older[~older["patent_key"].isin(warehouse.same_side(pd.concat(excluded)))]
    years = "test_" + tests["year"].astype(str)
    sides = pd.concat([tests.assign(side=years), older.assign(side=_TRAINING)])
    return sides.assign(follow_up_months=float(horizon) if horizon else np.nan)[_COLUMNS]


def _with_interim_labels(data: TaskData, held_out: pd.Series) -> pd.DataFrame:
    """Patents that train on an interim level: their window was still open when the tests begin.

    The level is that of the longest follow-up window that was over for the whole grant year. Families of
    `held_out`, the test and development patents, are left out.
    """
    warehouse, split = data.warehouse, data.warehouse.settings_of("split").split
    if not split.interim_levels or data.task == TECHNOLOGY:
        return pd.DataFrame(columns=_COLUMNS)
    interim, first_test_day = warehouse.interim_levels, warehouse.first_requested_test_day
    closed_on = interim["grant_date"] + pd.DateOffset(months=warehouse.label_settings.horizon_months)
    interim = interim[(closed_on >= first_test_day) & (interim["year"] <= split.train_until)]
    over = _is_over(interim, warehouse.label_settings.follow_up_months, first_test_day)
    longest = interim[over].sort_values("follow_up_months").drop_duplicates("patent_key", keep="last")
    longest = longest[~longest["patent_key"].isin(warehouse.same_side(held_out))]
    return longest.assign(side=_TRAINING).astype({"follow_up_months": float})[_COLUMNS]


def _is_over(
    interim: pd.DataFrame, follow_up_months: Iterable[int], first_test_day: pd.Timestamp
) -> NDArray[np.bool_]:
    """Whether the follow-up window of each row had ended for its whole grant year."""
    year_ends = pd.to_datetime(interim["year"].astype(str) + "-12-31")
    over = np.zeros(len(interim), bool)
    for months in follow_up_months:
        ended = year_ends + pd.DateOffset(months=months) < first_test_day
        over |= ((interim["follow_up_months"] == months) & ended).to_numpy()
    return over
