"""Test patents that also occur in the training data: the same text, nearly the same, or a relative.

Split keeps families together by equal abstracts and by related documents. The two are checked one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.schemas import TOP1, TOP10
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.minhash import ReferenceTexts
from patent_spark.stages.audit.relatives import connected_patents
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import ExampleBlock, TaskData

_MIN_WORDS = 10
"""Shorter texts, such as the title "Semiconductor device", are often equal by chance."""
_RARE_LEVELS = (TOP1, TOP10)
_MIN_PATENTS = 100
"""Patents of a level below which its share of duplicates means little."""

EXACT = CheckSpec(
    "exact_duplicates",
    "test texts that occur in the training data",
    "share of the test patents",
    "share",
    "These test texts also occur in the training data, so the model can memorise their labels. "
    "Set split.group_by_family=true and check for duplicate rows.",
)
NEAR = CheckSpec(
    "near_duplicates",
    "test texts that nearly occur in the training data",
    "share of the test patents",
    "share",
    "These test texts differ from a training text in a few words only, as continuations do. Part of the "
    "model's accuracy is memorised. The share is the largest of all test patents and of each rare level.",
)
ABSTRACTS = CheckSpec(
    "shared_abstracts",
    "abstracts on both sides of the split",
    "test patents",
    "count",
    "These test patents share an abstract with a training patent. Set split.group_by_family=true and run "
    "`patent-spark split` again.",
)
RELATED = CheckSpec(
    "related_patents",
    "related patents on both sides of the split",
    "test patents",
    "count",
    "These test patents are continuations, divisions or other relatives of training patents "
    "(g_us_rel_doc). Set split.group_by_family=true and run `patent-spark split` again.",
)


def exact_duplicates(data: TaskData) -> CheckResult:
    """Test patents whose token ids, as the model reads them, are those of a training patent."""
    empty = np.zeros(0, np.int64)
    training = np.concatenate([empty, *(_text_hashes(block) for block in data.training_blocks())])
    tests = np.concatenate([empty, *(_text_hashes(block) for block in data.blocks(data.test_splits))])
    duplicates = int(np.isin(tests, training).sum())
    details = (
        f"{duplicates:,} of {len(tests):,} test patents have the same words as one of {len(training):,} "
        f"training or development patents. Texts with fewer than {_MIN_WORDS} words were skipped."
    )
    return EXACT.measured(duplicates / max(1, len(tests)), data.settings.duplicates, details)


def near_duplicates(data: TaskData) -> CheckResult:
    """A sample of the test patents, and one of each rare level, against all training and development patents.

    The value is the largest share, so that the limit holds for each level too.
    """
    levels = [level for level in _RARE_LEVELS if level in data.label_names]
    samples = [data.test_sample]
    samples += [data.sample(data.test_splits, data.settings.sample_size, level) for level in levels]
    texts = [block.tokens[_is_long(block)] for block in samples]
    sizes = np.array([len(tokens) for tokens in texts])
    near = _rows_with_near_duplicates(data, np.concatenate(texts))
    duplicates = np.histogram(near, bins=np.r_[0, sizes.cumsum()])[0]
    counted = np.r_[True, sizes[1:] >= _MIN_PATENTS]
    value = float((duplicates / np.maximum(1, sizes))[counted].max())
    details = (
        f"{duplicates[0]:,} of {sizes[0]:,} test patents share {data.settings.near_duplicate:.0%} or more of "
        "their three-word shingles with a training or development patent "
        "(MinHash candidates, compared exactly)"
    ) + "".join(map(_level_details, levels, duplicates[1:], sizes[1:]))
    return NEAR.measured(value, data.settings.duplicates, f"{details}.")


def _level_details(level: str, duplicates: int, size: int) -> str:
    too_few = f", too few to test (fewer than {_MIN_PATENTS})" if size < _MIN_PATENTS else ""
    return f"; {duplicates:,} of {size:,} with {level}{too_few}"


def _rows_with_near_duplicates(data: TaskData, tokens: NDArray[np.int32]) -> list[int]:
    """The rows of texts [n, width] that have a near duplicate among the training and development texts."""
    reference, share = ReferenceTexts(tokens), data.settings.near_duplicate
    pairs = (pair for block in data.training_blocks() for pair in reference.near(block.tokens, share))
    return sorted({row for _, row, _ in pairs})


def shared_abstracts(data: TaskData) -> CheckResult:
    """Test patents whose abstract equals that of a training patent, ignoring case and white space."""
    tested, families = data.test_examples["patent_key"], data.warehouse.abstract_families
    training = families.loc[families["patent_key"].isin(data.training_keys), "link"]
    tests = families.loc[families["patent_key"].isin(tested), "link"]
    shared = int(tests.isin(training).sum())
    members = families.loc[families["patent_key"].isin(data.examples["patent_key"]), "link"].value_counts()
    details = (
        f"{shared:,} of {len(tested):,} test patents share an abstract with a training or development "
        f"patent; {int((members > 1).sum()):,} abstracts occur more than once."
    )
    return ABSTRACTS.measured(shared, 0, details)


def related_patents(data: TaskData) -> CheckResult:
    """Test patents that go back to the same document as a training patent, or one to the other."""
    links = data.warehouse.document_links
    if links is None:
        return RELATED.not_applicable(
            "The release has no related documents (g_us_rel_doc.tsv.zip); families are equal abstracts alone."
        )
    tested = data.test_examples["patent_key"]
    related = int(tested.isin(connected_patents(data.training_keys, links)).sum())
    with_relatives = int(tested.isin(links["patent_key"]).sum())
    details = (
        f"{related:,} of {len(tested):,} test patents are related to a training or development patent; "
        f"{with_relatives:,} have a parent or a child in the release."
    )
    return RELATED.measured(related, 0, details)


def _is_long(block: ExampleBlock) -> NDArray[np.bool_]:
    """Which texts have enough words for a comparison."""
    long: NDArray[np.bool_] = np.count_nonzero(block.tokens, axis=1) >= _MIN_WORDS
    return long


def _text_hashes(block: ExampleBlock) -> NDArray[np.int64]:
    return np.array([hash(row.tobytes()) for row in block.tokens[_is_long(block)]], np.int64)
