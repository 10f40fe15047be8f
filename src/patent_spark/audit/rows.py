"""Does every join keep its rows: keys unique, nothing vanished, nothing doubled, values carried over unchanged?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.audit.evidence import Evidence, Warehouse
from patent_spark.audit.texts import coded
from patent_spark.audit.verdicts import COUNT, Check, Question

_TEXTS = 200
_MEANING = "A join lost, doubled or changed rows; whatever is counted after it is wrong. Run the stage that makes the table again with --force."


def _question(name: str) -> Question:
    return Question(name, "rows amiss", COUNT, _MEANING)


COUNTS, LABELS, SPLITS = _question("rows: PATENTS to COUNTS"), _question("rows: COUNTS to LABELS"), _question("rows: LABELS to SPLITS")
EXAMPLES, PREDICTIONS = _question("rows: SPLITS to EXAMPLES"), _question("rows: EXAMPLES to PREDICTIONS")
TEXTS = _question("rows: TOKENS to EXAMPLES")


def counts_of_patents(warehouse: Warehouse) -> Check:
    """COUNTS has each patent that is not withdrawn, once."""
    patents = warehouse.patents
    standing = patents[~patents["withdrawn"].fillna(False).astype(bool)]
    amiss = _compare(standing["patent_key"], warehouse.counts["patent_key"])
    return _answer(COUNTS, amiss, len(warehouse.counts))


def labels_of_counts(warehouse: Warehouse) -> Check:
    """LABELS has each patent of COUNTS, once, with its forward citations and its grant date."""
    labels, counts = warehouse.labels, warehouse.counts
    amiss = _compare(counts["patent_key"], labels["patent_key"])
    expected = counts.merge(warehouse.patents, on="patent_key")[["patent_key", "forward_citations", "grant_date"]]
    amiss["changed"] = _changed(expected, labels, ["forward_citations", "grant_date"])
    return _answer(LABELS, amiss, len(labels))


def splits_of_labels(evidence: Evidence) -> Check:
    """SPLITS has each patent at most once a task, all with a label, and every one of a test year or, when drawn by class, every one there is.

    A patent that trains on an early level has one at that exposure.

    But for a joint model: there those drawn by class can lack patents that are held out, since the other task tests them.
    """
    splits = evidence.warehouse.splits
    splits = splits[splits["task"] == evidence.task]
    labelled = evidence.warehouse.labels.dropna(subset=[evidence.column])
    first = evidence.warehouse.first_test_day(evidence.task)
    if first is None:
        expected = labelled["patent_key"]
        if evidence.warehouse.joint_examples:
            expected = expected[expected.isin(splits["patent_key"]) | ~expected.isin(evidence.warehouse.held_out)]
        amiss = _compare(expected, splits["patent_key"])
    else:
        at = ["patent_key", "exposure_months"]
        early = splits.merge(evidence.warehouse.early_levels[at].astype({"exposure_months": float}), on=at)["patent_key"]
        doubled = splits["patent_key"].duplicated().sum()
        strange = (~splits["patent_key"].isin(labelled["patent_key"]) & ~splits["patent_key"].isin(early)).sum()
        amiss = {"vanished": 0, "doubled": int(doubled), "strange": int(strange)}
        for name, members in splits.groupby("split"):
            if str(name).startswith("test_"):
                of_year = labelled.loc[labelled["year"] == int(str(name).removeprefix("test_")), "patent_key"]
                amiss["vanished"] += int((~of_year.isin(members["patent_key"])).sum())
                amiss["strange"] += int((~members["patent_key"].isin(of_year)).sum())
    return _answer(SPLITS, amiss, len(splits))


def examples_of_splits(evidence: Evidence) -> Check:
    """EXAMPLES has each patent of SPLITS in its own split, once, but for those with too few words, with the label of LABELS or EARLY_LEVELS."""
    warehouse = evidence.warehouse
    splits = warehouse.splits.loc[warehouse.splits["task"] == evidence.task, ["patent_key", "split", "exposure_months"]]
    examples = evidence.examples[["patent_key", "split", "label", "exposure"]]
    amiss = _compare(splits["patent_key"], examples["patent_key"])
    too_short = evidence.store.facts("shard")["too_short"].get(evidence.task, 0)
    amiss["vanished"] = abs(amiss["vanished"] - too_short)
    expected = splits.merge(warehouse.labels.rename(columns={evidence.column: "label"})[["patent_key", "label"]], on="patent_key")
    early = warehouse.early_levels[["patent_key", "exposure_months", "citation_level"]].astype({"exposure_months": float})
    expected = expected.merge(early, on=["patent_key", "exposure_months"], how="left")
    is_early = expected["citation_level"].notna()
    expected["label"] = expected["label"].where(~is_early, expected["citation_level"])
    expected["exposure"] = expected["exposure_months"].where(is_early)
    amiss["changed"] = _changed(expected, examples, ["split", "label", "exposure"])
    return _answer(EXAMPLES, amiss, len(examples), f"; {too_short:,} patents have too few words")


def texts_of_tokens(evidence: Evidence) -> Check:
    """A sample of EXAMPLES has the words of its patents, by TOKENS and VOCABULARY: a text beside the label of another patent teaches nothing."""
    sample = evidence.sample([*evidence.other_splits, *evidence.test_splits], _TEXTS)
    others = int((coded(evidence, sample.keys) != sample.tokens).any(axis=1).sum())
    return TEXTS.answer(others, 0, f"{others:,} of {len(sample.keys):,} examples, drawn from all splits, have other words than their patent.")


def predictions_of_examples(evidence: Evidence) -> Check:
    """PREDICTIONS has each test example, once, with its label as the truth."""
    tested = evidence.examples[evidence.examples["tested"]]
    ids = evidence.warehouse.ids.drop_duplicates("patent_id")
    found = evidence.predictions.merge(ids, on="patent_id", how="left").rename(columns={"truth": "label"})
    amiss = _compare(tested["patent_key"], found["patent_key"])
    amiss["changed"] = _changed(tested[["patent_key", "split", "label"]], found, ["split", "label"])
    return _answer(PREDICTIONS, amiss, len(found))


def _compare(expected: pd.Series, found: pd.Series) -> dict[str, int]:
    """Keys of `expected` that `found` lacks, keys that it has again, and keys that it should not have."""
    return {
        "vanished": int((~expected.isin(found)).sum()),
        "doubled": int(found.duplicated().sum()),
        "strange": int((~found.isin(expected)).sum()),
    }


def _changed(expected: pd.DataFrame, found: pd.DataFrame, columns: list[str]) -> int:
    """Rows of both, by key, that differ in one of the columns."""
    both = expected.merge(found[["patent_key", *columns]], on="patent_key", suffixes=("", "_found"))
    different = [(both[column] != both[f"{column}_found"]) & ~(both[column].isna() & both[f"{column}_found"].isna()) for column in columns]
    return int(np.logical_or.reduce(different).sum())


def _answer(question: Question, amiss: dict[str, int], rows: int, note: str = "") -> Check:
    told = ", ".join(f"{count:,} {what}" for what, count in amiss.items())
    return question.answer(sum(amiss.values()), 0, f"{rows:,} rows: {told}{note}.")
