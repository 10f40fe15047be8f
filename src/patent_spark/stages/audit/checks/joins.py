"""Does every join keep its rows: keys unique, nothing vanished, nothing doubled, values carried over unchanged?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.core.metadata import ShardMetadata
from patent_spark.stages.audit.evidence import Evidence, Warehouse
from patent_spark.stages.audit.features import coded
from patent_spark.stages.audit.verdicts import COUNT, Check, Question

SAMPLED_TEXTS = 200
_MEANING = "A join lost, doubled or changed rows; whatever is counted after it is wrong. Run the stage that makes the table again with --force."


def question(name: str) -> Question:
    """What is asked of a join."""
    return Question(name, "rows amiss", COUNT, _MEANING)


def compare(expected: pd.Series, found: pd.Series) -> dict[str, int]:
    """Keys of `expected` that `found` lacks, keys that it has again, and keys that it should not have."""
    return {
        "vanished": int((~expected.isin(found)).sum()),
        "doubled": int(found.duplicated().sum()),
        "strange": int((~found.isin(expected)).sum()),
    }


def changed(expected: pd.DataFrame, found: pd.DataFrame, columns: list[str]) -> int:
    """Rows of both, by key, that differ in one of the columns."""
    both = expected.merge(found[["patent_key", *columns]], on="patent_key", suffixes=("", "_found"))
    different = [
        (both[column] != both[f"{column}_found"]) & ~(both[column].isna() & both[f"{column}_found"].isna())
        for column in columns
    ]
    return int(np.logical_or.reduce(different).sum())


def answer(question: Question, amiss: dict[str, int], rows: int, note: str = "") -> Check:
    """Passed when nothing is amiss; `amiss` has rows by what is wrong with them."""
    told = ", ".join(f"{count:,} {what}" for what, count in amiss.items())
    return question.answer(sum(amiss.values()), 0, f"{rows:,} rows: {told}{note}.")


COUNTS, LABELS = question("rows: PATENTS to COUNTS"), question("rows: COUNTS to LABELS")
EXAMPLES, PREDICTIONS = question("rows: SPLITS to EXAMPLES"), question("rows: EXAMPLES to PREDICTIONS")
TEXTS = question("rows: TOKENS to EXAMPLES")


def counts_of_patents(warehouse: Warehouse) -> Check:
    """COUNTS has each patent that is not withdrawn, once."""
    patents = warehouse.patents
    standing = patents[~patents["withdrawn"].fillna(False).astype(bool)]
    amiss = compare(standing["patent_key"], warehouse.counts["patent_key"])
    return answer(COUNTS, amiss, len(warehouse.counts))


def labels_of_counts(warehouse: Warehouse) -> Check:
    """LABELS has each patent of COUNTS, once, with its forward citations and its grant date."""
    labels, counts = warehouse.labels, warehouse.counts
    amiss = compare(counts["patent_key"], labels["patent_key"])
    expected = counts.merge(warehouse.patents, on="patent_key")[
        ["patent_key", "forward_citations", "grant_date"]
    ]
    amiss["changed"] = changed(expected, labels, ["forward_citations", "grant_date"])
    return answer(LABELS, amiss, len(labels))


def examples_of_splits(evidence: Evidence) -> Check:
    """EXAMPLES has each patent of SPLITS in its own split, once, but for those with too few words, with the label of LABELS or INTERIM_LEVELS."""
    warehouse = evidence.warehouse
    splits = warehouse.splits.loc[
        warehouse.splits["task"] == evidence.task, ["patent_key", "split", "exposure_months"]
    ]
    examples = evidence.examples[["patent_key", "split", "label", "exposure"]]
    amiss = compare(splits["patent_key"], examples["patent_key"])
    too_short = evidence.store.metadata(ShardMetadata).too_short.get(evidence.task, 0)
    amiss["vanished"] = abs(amiss["vanished"] - too_short)
    expected = splits.merge(
        warehouse.labels.rename(columns={evidence.column: "label"})[["patent_key", "label"]], on="patent_key"
    )
    early = warehouse.interim_levels[["patent_key", "exposure_months", "citation_level"]].astype(
        {"exposure_months": float}
    )
    expected = expected.merge(early, on=["patent_key", "exposure_months"], how="left")
    is_early = expected["citation_level"].notna()
    expected["label"] = expected["label"].where(~is_early, expected["citation_level"])
    expected["exposure"] = expected["exposure_months"].where(is_early)
    amiss["changed"] = changed(expected, examples, ["split", "label", "exposure"])
    return answer(EXAMPLES, amiss, len(examples), f"; {too_short:,} patents have too few words")


def texts_of_tokens(evidence: Evidence) -> Check:
    """A sample of EXAMPLES has the words of its patents, by TOKENS and VOCABULARY: a text beside the label of another patent teaches nothing."""
    sample = evidence.sample([*evidence.other_splits, *evidence.test_splits], SAMPLED_TEXTS)
    others = int((coded(evidence, sample.keys) != sample.tokens).any(axis=1).sum())
    return TEXTS.answer(
        others,
        0,
        f"{others:,} of {len(sample.keys):,} examples, drawn from all splits, have other words than their patent.",
    )


def predictions_of_examples(evidence: Evidence) -> Check:
    """PREDICTIONS has each test example, once, with its label as the truth."""
    tested = evidence.examples[evidence.examples["tested"]]
    ids = evidence.warehouse.ids.drop_duplicates("patent_id")
    found = evidence.predictions.merge(ids, on="patent_id", how="left").rename(columns={"truth": "label"})
    amiss = compare(tested["patent_key"], found["patent_key"])
    amiss["changed"] = changed(tested[["patent_key", "split", "label"]], found, ["split", "label"])
    return answer(PREDICTIONS, amiss, len(found))
