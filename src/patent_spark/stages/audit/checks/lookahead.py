"""Was anything learned from what is tested: words, vectors, percentiles, or labels that closed too late?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.config import TECHNOLOGY
from patent_spark.core.metadata import TextMetadata
from patent_spark.stages.audit.calendar import months_later
from patent_spark.stages.audit.checks.percentiles import levels_of, percentiles, pool_columns, ranked_patents
from patent_spark.stages.audit.evidence import Evidence, Warehouse
from patent_spark.stages.audit.verdicts import COUNT, SHARE, Check, Question

VOCABULARY = Question(
    "vocabulary learned from test texts", "words", COUNT,
    "Words are known, or counted, that the model could not have met before the test: set text.fit_on=train.",
)  # fmt: skip
VECTORS = Question(
    "vectors learned from test texts", "words of text", COUNT,
    "The vectors saw texts of test patents or from after the first test day: set text.fit_on=train.",
)  # fmt: skip
PERCENTILES = Question(
    "percentiles learned from test patents", "share of the training patents", SHARE,
    "Their level depends on citation counts of test patents: set label.reference_set=class_year, so that each year is ranked by itself.",
)  # fmt: skip
EMBARGO = Question(
    "labels that closed after the first test day", "training patents", COUNT,
    "On the day of the test nobody could know these labels: set split.embargo=true.",
)  # fmt: skip


def vocabulary_of_tests(warehouse: Warehouse) -> Check:
    """VOCABULARY's counts against a recount over the texts that may be learned from."""
    found = warehouse.store.read_arrow("VOCABULARY", ["word", "count"]).to_pandas().set_index("word")["count"]
    least = warehouse.made_with("text").text.min_count
    permitted = pd.Series(warehouse.permitted_words)
    expected = permitted[permitted >= least]
    both = pd.concat([expected, found], axis=1, keys=["expected", "found"]).fillna(0)
    other, never = (
        int((both["expected"] != both["found"]).sum()),
        int((~found.index.isin(permitted.index)).sum()),
    )
    done = f"{other:,} of {len(found):,} words have another count than in the texts that may be learned from; {never:,} do not stand there at all."
    return VOCABULARY.answer(other, 0, done)


def vectors_of_tests(warehouse: Warehouse) -> Check:
    """How many words the text stage says that the vectors were trained on, against a recount over TOKENS; VECTORS against VOCABULARY.

    It sees the size of the corpus that was written, by the stage's own account: vectors do not show what they have met.
    """
    words, metadata = (
        warehouse.store.read_arrow("VOCABULARY", ["word", "count"]),
        warehouse.store.metadata(TextMetadata),
    )
    vectors = warehouse.store.read_arrow("VECTORS", ["word", "count"])
    alike = dict(zip(*words.to_pydict().values(), strict=True)) == dict(
        zip(*vectors.to_pydict().values(), strict=True)
    )
    permitted, with_tests = sum(warehouse.permitted_words.values()), warehouse.words_of_texts
    found = abs(metadata.training_words - permitted) + (0 if alike else max(len(words), len(vectors)))
    which = "has" if alike else "has not"
    done = (
        f"The stage tells of {metadata.training_words:,} words of text; by a recount {permitted:,} may be learned from, "
        f"{with_tests:,} stand in all texts. VECTORS {which} the words and counts of VOCABULARY. What the vectors themselves have met cannot be seen."
    )
    return VECTORS.answer(found, 0, done)


def percentiles_of_tests(evidence: Evidence) -> Check:
    """Training patents whose pool also holds test patents; how many would have another level if it did not."""
    if evidence.task == TECHNOLOGY:
        return PERCENTILES.not_applicable("a class is no percentile")
    warehouse, examples = evidence.warehouse, evidence.examples
    pool, ranked, labels = pool_columns(warehouse), ranked_patents(warehouse), warehouse.labels
    tested = ranked["patent_key"].isin(examples.loc[examples["tested"], "patent_key"])
    shared = ranked.loc[tested, pool].drop_duplicates()
    training = labels[labels["patent_key"].isin(examples.loc[~examples["tested"], "patent_key"])]
    affected = training.merge(shared, on=pool).merge(
        percentiles(ranked[~tested].merge(shared, on=pool), pool), on=pool, how="left"
    )
    changed = int((levels_of(affected) != affected["citation_level"]).sum())
    done = (
        f"{len(affected):,} of {len(training):,} training patents are in a pool with test patents; "
        f"{changed:,} of them would have another level without these."
    )
    return PERCENTILES.answer(len(affected) / max(1, len(training)), 0, done)


def embargo(evidence: Evidence) -> Check:
    """Training and development patents whose label was not known for good before the first test day.

    An early level was, if its exposure was over by then for all patents of the grant year, with which it compares.
    """
    first = evidence.warehouse.first_test_day(evidence.task)
    if first is None:
        return EMBARGO.not_applicable("this task is not tested on later years")
    training = evidence.examples[~evidence.examples["tested"]]
    months = 0 if evidence.task == TECHNOLOGY else evidence.warehouse.label_rule.horizon_months
    early = training["exposure"].notna()
    closed = months_later(training.loc[~early, "grant_date"], months)
    late = int((closed >= np.datetime64(first, "D")).sum())
    done = f"a label closes {months} months after the grant"
    if early.any():
        months_after_1970 = 12 * (training.loc[early, "year"] - 1970) + 11 + training.loc[early, "exposure"]
        last_days = (months_after_1970.to_numpy().astype(np.int64).astype("datetime64[M]") + 1).astype(
            "datetime64[D]"
        ) - 1
        late += int((last_days >= np.datetime64(first, "D")).sum())
        done += (
            f", the early levels of {int(early.sum()):,} their exposure after the last day of the grant year"
        )
    return EMBARGO.answer(
        late, 0, f"{late:,} of {len(training):,} training patents; {done}; tests begin on {first}."
    )
