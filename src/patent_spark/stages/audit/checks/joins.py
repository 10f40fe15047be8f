"""Join integrity from table to table: no row missing, duplicated, unexpected or changed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.core.metadata import ShardMetadata
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.features import token_ids
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse

SAMPLED_TEXTS = 200


def join_spec(code: str, tables: str) -> CheckSpec:
    """The specification of a join's check; tables: as in `PATENTS to COUNTS`."""
    return CheckSpec(
        code,
        f"join integrity: {tables}",
        "mismatched rows",
        "count",
        "A join lost, duplicated or changed rows, so everything computed from the table is wrong. "
        "Run the stage that writes it again with --force.",
    )


COUNTS = join_spec("patents_to_counts", "PATENTS to COUNTS")
LABELS = join_spec("counts_to_labels", "COUNTS to LABELS")
EXAMPLES = join_spec("splits_to_examples", "SPLITS to EXAMPLES")
TEXTS = join_spec("tokens_to_examples", "TOKENS to EXAMPLES")
PREDICTIONS = join_spec("examples_to_predictions", "EXAMPLES to PREDICTIONS")


def count_key_mismatches(expected: pd.Series, actual: pd.Series) -> dict[str, int]:
    """Keys of `expected` that are missing in `actual`, repeated there, and unexpected there."""
    return {
        "missing": int((~expected.isin(actual)).sum()),
        "duplicated": int(actual.duplicated().sum()),
        "unexpected": int((~actual.isin(expected)).sum()),
    }


def count_changed(expected: pd.DataFrame, actual: pd.DataFrame, columns: list[str]) -> int:
    """Rows with a patent_key in both frames that differ in one of the columns."""
    both = expected.merge(actual[["patent_key", *columns]], on="patent_key", suffixes=("", "_actual"))
    different = [
        (both[column] != both[f"{column}_actual"]) & ~(both[column].isna() & both[f"{column}_actual"].isna())
        for column in columns
    ]
    return int(np.logical_or.reduce(different).sum())


def join_result(spec: CheckSpec, mismatches: dict[str, int], rows: int, note: str = "") -> CheckResult:
    """The result of a join's check: no row may be mismatched. mismatches: rows by kind of mismatch."""
    listed = ", ".join(f"{count:,} {kind}" for kind, count in mismatches.items())
    return spec.measured(sum(mismatches.values()), 0, f"{rows:,} rows: {listed}{note}.")


def counts_of_patents(warehouse: Warehouse) -> CheckResult:
    """COUNTS has each patent that is not withdrawn, once."""
    mismatches = count_key_mismatches(warehouse.valid_patents["patent_key"], warehouse.counts["patent_key"])
    return join_result(COUNTS, mismatches, len(warehouse.counts))


def labels_of_counts(warehouse: Warehouse) -> CheckResult:
    """LABELS has each patent of COUNTS, once, with its forward citations and its grant date."""
    labels, counts = warehouse.labels, warehouse.counts
    mismatches = count_key_mismatches(counts["patent_key"], labels["patent_key"])
    columns = ["forward_citations", "grant_date"]
    expected = counts.merge(warehouse.patents, on="patent_key")[["patent_key", *columns]]
    mismatches["changed"] = count_changed(expected, labels, columns)
    return join_result(LABELS, mismatches, len(labels))


def examples_of_splits(data: TaskData) -> CheckResult:
    """EXAMPLES has each patent of SPLITS with enough words, once, in its split, with its label."""
    splits = data.warehouse.splits
    splits = splits.loc[splits["task"] == data.task, ["patent_key", "split", "follow_up_months"]]
    examples = data.examples[["patent_key", "split", "label", "follow_up"]]
    mismatches = count_key_mismatches(splits["patent_key"], examples["patent_key"])
    too_short = data.store.metadata(ShardMetadata).too_short.get(data.task, 0)
    mismatches["missing"] = abs(mismatches["missing"] - too_short)
    expected = _with_labels(data, splits)
    mismatches["changed"] = count_changed(expected, examples, ["split", "label", "follow_up"])
    return join_result(EXAMPLES, mismatches, len(examples), f"; {too_short:,} patents have too few words")


def _with_labels(data: TaskData, splits: pd.DataFrame) -> pd.DataFrame:
    """Rows of SPLITS with `label`, from LABELS or INTERIM_LEVELS, and the latter's months as `follow_up`."""
    labels = data.warehouse.labels.rename(columns={data.label_column: "label"})
    interim = data.warehouse.interim_levels[["patent_key", "follow_up_months", "citation_level"]]
    joined = splits.merge(labels[["patent_key", "label"]], on="patent_key")
    joined = joined.merge(
        interim.astype({"follow_up_months": float}), on=["patent_key", "follow_up_months"], how="left"
    )
    is_interim = joined["citation_level"].notna()
    return joined.assign(
        label=joined["label"].where(~is_interim, joined["citation_level"]),
        follow_up=joined["follow_up_months"].where(is_interim),
    )


def texts_of_tokens(data: TaskData) -> CheckResult:
    """A sample of EXAMPLES has the words of its patents in TOKENS and VOCABULARY."""
    sample = data.sample([*data.training_splits, *data.test_splits], SAMPLED_TEXTS)
    expected = token_ids(data.store, sample.keys, data.max_tokens)
    mismatched = int((expected != sample.tokens).any(axis=1).sum())
    details = (
        f"{mismatched:,} of {len(sample.keys):,} sampled examples do not have the words of their patent."
    )
    return TEXTS.measured(mismatched, 0, details)


def predictions_of_examples(data: TaskData) -> CheckResult:
    """PREDICTIONS has each test example, once, with its label as the truth."""
    tested = data.test_examples
    ids = data.warehouse.ids.drop_duplicates("patent_id")
    # The key that PREDICTIONS has is of the code that is checked: it is worked out anew from the id.
    actual = (
        data.predictions.drop(columns="patent_key")
        .merge(ids, on="patent_id", how="left")
        .rename(columns={"truth": "label"})
    )
    mismatches = count_key_mismatches(tested["patent_key"], actual["patent_key"])
    expected = tested[["patent_key", "split", "label"]]
    mismatches["changed"] = count_changed(expected, actual, ["split", "label"])
    return join_result(PREDICTIONS, mismatches, len(actual))
