"""Who ought to train and to test, worked out anew from LABELS by the rules of the protocol."""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.config import JOINT, TECHNOLOGY
from patent_spark.core.schemas import DEVELOPMENT, is_test
from patent_spark.stages.audit.calendar import months_later
from patent_spark.stages.audit.checks.joins import answer, changed, compare, question
from patent_spark.stages.audit.evidence import Evidence
from patent_spark.stages.audit.verdicts import Check

SPLITS = question("rows: LABELS to SPLITS")

_TAUGHT = "training and development"
_COLUMNS = ["patent_key", "side", "exposure_months"]


def splits_of_labels(evidence: Evidence) -> Check:
    """SPLITS has each patent that the protocol asks for, once a task: tested by year, all of each test year and all older ones that may train.

    Drawn by class, every patent with a class or level is in some split. But those that another task of a joint model
    tests, or that are relatives of such, are missing among the others.
    """
    splits = evidence.warehouse.splits
    splits = splits[splits["task"] == evidence.task]
    if evidence.warehouse.made_with("split").task(evidence.task).protocol != "temporal":
        return answer(SPLITS, compare(_drawn(evidence, splits), splits["patent_key"]), len(splits))
    whole = _by_year(evidence)
    held_out = pd.concat(
        [
            whole.loc[whole["side"] != _TAUGHT, "patent_key"],
            splits.loc[splits["split"] == DEVELOPMENT, "patent_key"],
        ]
    )
    expected = pd.concat([whole, _early(evidence, held_out)], ignore_index=True)
    found = splits.assign(side=splits["split"].where(splits["split"].map(is_test), _TAUGHT))
    amiss = compare(expected["patent_key"], found["patent_key"])
    amiss["changed"] = changed(expected, found, ["side", "exposure_months"])
    sizes = (
        pd.DataFrame({"is": found["side"].value_counts(), "ought": expected["side"].value_counts()})
        .fillna(0)
        .astype(int)
    )
    other = sizes[sizes["is"] != sizes["ought"]]
    note = "".join(
        f"; {side} has {there:,}, not {ought:,}" for side, there, ought in other.itertuples(name=None)
    )
    return answer(SPLITS, amiss, len(splits), note)


def _labelled(evidence: Evidence) -> pd.DataFrame:
    return evidence.warehouse.labels.dropna(subset=[evidence.column]).drop_duplicates("patent_key")


def _drawn(evidence: Evidence, splits: pd.DataFrame) -> pd.Series:
    """Patents that a draw by class must place; of a joint model not those held out, which stand there or do not."""
    keys = _labelled(evidence)["patent_key"]
    if evidence.warehouse.made_with("split").tasks != JOINT:
        return keys
    return keys[keys.isin(splits["patent_key"]) | ~keys.isin(evidence.warehouse.held_out)]


def _by_year(evidence: Evidence) -> pd.DataFrame:
    """patent_key, side and exposure_months of each patent of a test year, and of each that is old enough to train and no relative of these."""
    warehouse, labelled, made = evidence.warehouse, _labelled(evidence), evidence.warehouse.made_with("split")
    horizon = 0 if evidence.task == TECHNOLOGY else warehouse.label_rule.horizon_months
    tests = labelled[labelled["year"].isin(made.split.test_years)]
    older = labelled[labelled["year"] <= made.split.train_until]
    if made.split.embargo:
        older = older[months_later(older["grant_date"], horizon) < warehouse.day_of_tests]
    barred = [tests["patent_key"], *([pd.Series(warehouse.tested)] if made.tasks == JOINT else [])]
    older = older[~older["patent_key"].isin(warehouse.with_families(pd.concat(barred)))]
    sides = pd.concat([tests.assign(side="test_" + tests["year"].astype(str)), older.assign(side=_TAUGHT)])
    return sides.assign(exposure_months=float(horizon) if horizon else np.nan)[_COLUMNS]


def _early(evidence: Evidence, held_out: pd.Series) -> pd.DataFrame:
    """The same of those that train on an early level, at the longest exposure that was over for their whole grant year before the tests begin.

    held_out: patents that are tested or for development, whose families train on none.
    """
    warehouse, split = evidence.warehouse, evidence.warehouse.made_with("split").split
    if not split.interim_levels or evidence.task == TECHNOLOGY:
        return pd.DataFrame(columns=_COLUMNS)
    early = warehouse.interim_levels
    still_open = (
        months_later(early["grant_date"], warehouse.label_rule.horizon_months) >= warehouse.day_of_tests
    )
    early = early[still_open & (early["year"] <= split.train_until)]
    year_ends = pd.to_datetime(early["year"].astype(str) + "-12-31")
    over = np.zeros(len(early), bool)
    for months in warehouse.label_rule.follow_up_months:
        over |= (early["exposure_months"] == months).to_numpy() & (
            months_later(year_ends, months) < warehouse.day_of_tests
        )
    longest = early[over].sort_values("exposure_months").drop_duplicates("patent_key", keep="last")
    longest = longest[~longest["patent_key"].isin(warehouse.with_families(held_out))]
    return longest.assign(side=_TAUGHT).astype({"exposure_months": float})[_COLUMNS]
