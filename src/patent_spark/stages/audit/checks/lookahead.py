"""Lookahead leakage: vocabulary, vectors, percentiles or labels that were not known before the tests."""

from __future__ import annotations

import pandas as pd

from patent_spark.config import TECHNOLOGY, Text
from patent_spark.core.metadata import TextMetadata
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.checks.percentiles import (
    levels_of,
    percentiles,
    ranked_patents,
    reference_columns,
)
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse

VOCABULARY = CheckSpec(
    "vocabulary_lookahead",
    "vocabulary fitted on test texts",
    "mismatched words",
    "count",
    "The vocabulary contains words or counts from texts that were not available before the tests. "
    "Set text.fit_on=train.",
)
VECTORS = CheckSpec(
    "vectors_lookahead",
    "word vectors fitted on test texts",
    "words of text",
    "count",
    "The word vectors were fitted on texts of test patents, or on texts from after the first test day. "
    "Set text.fit_on=train.",
)
PERCENTILES = CheckSpec(
    "percentiles_lookahead",
    "percentiles computed with test patents",
    "share of the training patents",
    "share",
    "The levels of these training patents depend on citation counts of test patents. "
    "Set label.reference_set=class_year, so that each grant year is ranked by itself.",
)
EMBARGO = CheckSpec(
    "label_embargo",
    "training labels known only after the first test day",
    "training patents",
    "count",
    "These labels were not known on the first test day, so no model could have been trained on them. "
    "Set split.embargo=true.",
)


def vocabulary_lookahead(warehouse: Warehouse) -> CheckResult:
    """VOCABULARY's counts against a recount over the texts that may be used for fitting."""
    vocabulary = warehouse.store.read_arrow("VOCABULARY", ["word", "count"]).to_pandas()
    actual = vocabulary.set_index("word")["count"]
    permitted = pd.Series(warehouse.permitted_words)
    expected = _expected_words(permitted, warehouse.settings_of("text").text)
    both = pd.concat([expected, actual], axis=1, keys=["expected", "actual"]).fillna(0)
    mismatched = int((both["expected"] != both["actual"]).sum())
    absent = int((~actual.index.isin(permitted.index)).sum())
    details = (
        f"{mismatched:,} of {len(actual):,} words have another count than in the permitted texts; "
        f"{absent:,} of them do not occur there."
    )
    return VOCABULARY.measured(mismatched, 0, details)


def _expected_words(counts: pd.Series[int], text: Text) -> pd.Series[int]:
    """The words of the vocabulary among these, with their counts."""
    ranked = counts.sort_index().sort_values(ascending=False, kind="stable")
    return ranked[: max((counts >= text.min_count).sum(), text.min_vocabulary)]


def vectors_lookahead(warehouse: Warehouse) -> CheckResult:
    """The corpus size recorded for VECTORS against a recount, and the words of VECTORS against VOCABULARY.

    The recorded size is the stage's own account. The vectors themselves do not show what they were fitted on.
    """
    vocabulary = warehouse.store.read_arrow("VOCABULARY", ["word", "count"]).to_pydict()
    vectors = warehouse.store.read_arrow("VECTORS", ["word", "count"]).to_pydict()
    same_words = dict(zip(*vocabulary.values(), strict=True)) == dict(zip(*vectors.values(), strict=True))
    recorded = warehouse.store.metadata(TextMetadata).training_words
    permitted = sum(warehouse.permitted_words.values())
    mismatched = abs(recorded - permitted)
    if not same_words:
        mismatched += max(len(vocabulary["word"]), len(vectors["word"]))
    details = (
        f"The text stage recorded {recorded:,} words of text. A recount gives {permitted:,} permitted words, "
        f"of {warehouse.total_words:,} in all texts. VECTORS and VOCABULARY "
        f"{'agree' if same_words else 'disagree'} on words and counts."
    )
    return VECTORS.measured(mismatched, 0, details)


def percentiles_lookahead(data: TaskData) -> CheckResult:
    """Training patents whose reference set contains test patents."""
    if data.task == TECHNOLOGY:
        return PERCENTILES.not_applicable("Technology classes do not depend on percentiles.")
    warehouse = data.warehouse
    reference_set, ranked = reference_columns(warehouse), ranked_patents(warehouse)
    tested = ranked["patent_key"].isin(data.test_examples["patent_key"])
    shared = ranked.loc[tested, reference_set].drop_duplicates()
    training = warehouse.labels[warehouse.labels["patent_key"].isin(data.training_examples["patent_key"])]
    without_tests = percentiles(ranked[~tested].merge(shared, on=reference_set), reference_set)
    affected = training.merge(shared, on=reference_set).merge(without_tests, on=reference_set, how="left")
    changed = int((levels_of(affected) != affected["citation_level"]).sum())
    details = (
        f"{len(affected):,} of {len(training):,} training patents share a reference set with test patents; "
        f"{changed:,} of them would have another level without these."
    )
    return PERCENTILES.measured(len(affected) / max(1, len(training)), 0, details)


def label_embargo(data: TaskData) -> CheckResult:
    """Training and development patents whose label was not final before the first test day."""
    first_test_day = data.warehouse.first_test_day(data.task)
    if first_test_day is None:
        return EMBARGO.not_applicable("This task is not tested on later years.")
    training = data.training_examples
    months = 0 if data.task == TECHNOLOGY else data.warehouse.label_settings.horizon_months
    late = int((closing_days(training, months) >= pd.Timestamp(first_test_day)).sum())
    details = (
        f"{late:,} of {len(training):,} training patents. A label closes {months} months after the grant"
    )
    if interim := int(training["follow_up"].notna().sum()):
        details += (
            f"; the interim level of {interim:,} patents closes when its follow-up window has passed for the "
            "whole grant year"
        )
    return EMBARGO.measured(late, 0, f"{details}. Tests begin on {first_test_day}.")


def closing_days(examples: pd.DataFrame, months: int) -> pd.Series:
    """The day from which each label was known: so many months after the grant.

    An interim level compares with all patents of the grant year. It is known `follow_up` months
    after the last of them.
    """
    closing = examples["grant_date"] + pd.DateOffset(months=months)
    for follow_up in examples["follow_up"].dropna().unique():
        rows = examples["follow_up"] == follow_up
        last_days = pd.DataFrame({"year": examples.loc[rows, "year"], "month": 12, "day": 31})
        year_ends = pd.to_datetime(last_days, errors="coerce")
        closing[rows] = year_ends + pd.DateOffset(months=int(follow_up))
    return closing
