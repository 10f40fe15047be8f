"""Do test patents stand among those that a model learned from: word for word, nearly, by an equal abstract, or as relatives?

The two halves of what split keeps together as a family, equal abstracts and relatives, are asked for one by one.
"""

from __future__ import annotations

import numpy as np

from patent_spark.core.schemas import TOP1, TOP10
from patent_spark.stages.audit.evidence import Block, Evidence
from patent_spark.stages.audit.minhash import Reference
from patent_spark.stages.audit.relatives import connected
from patent_spark.stages.audit.verdicts import COUNT, SHARE, Check, Question

_TELLING = 10  # words: shorter texts, titles such as "Semiconductor device", are alike by chance
_RARE = (TOP1, TOP10)
_ENOUGH = 100  # patents of a level from which their share means something

EXACT = Question(
    "same text on both sides", "share of the test patents", SHARE,
    "A model knows these test patents by heart: labels are remembered, not read. Set split.group_by_family, and look for rows that stand twice.",
)  # fmt: skip
NEAR = Question(
    "nearly the same text on both sides", "share of the test patents", SHARE,
    "Test patents differ from training patents in a few words only, as continuations do; part of what looks like skill, with all or a rare level, "
    "is recognition.",
)  # fmt: skip
FAMILIES = Question(
    "families on both sides", "test patents", COUNT,
    "Test patents share an abstract, which is one half of being a family, with training patents: set split.group_by_family=true and make the splits anew.",
)  # fmt: skip
RELATED = Question(
    "relatives by g_us_rel_doc on both sides", "test patents", COUNT,
    "Continuations, divisions and other relatives of training patents are tested: set split.group_by_family=true and make the splits anew.",
)  # fmt: skip


def same_texts(evidence: Evidence) -> Check:
    """Test patents whose token ids, as the model gets them, are those of a training or development patent."""
    known = np.concatenate([np.zeros(0, np.int64), *(_hashes(block) for block in evidence.taught())])
    tested = np.concatenate(
        [np.zeros(0, np.int64), *(_hashes(block) for block in evidence.blocks(evidence.test_splits))]
    )
    found = int(np.isin(tested, known).sum())
    done = f"{found:,} of {len(tested):,} test patents with {_TELLING} words or more have the very words of one of {len(known):,} others."
    return EXACT.answer(found / max(1, len(tested)), evidence.audit.duplicates, done)


def near_duplicates(evidence: Evidence) -> Check:
    """A sample of the test patents, and one of each rare level, against all training and development patents: MinHash over shingles of three words.

    Few of all can be many of those that the level is asked for, so each level is held to the limit too; the largest share is the figure.
    """
    rare = [level for level in _RARE if level in evidence.names]
    asked = [
        evidence.asked,
        *(evidence.sample(evidence.test_splits, evidence.audit.sample_size, level) for level in rare),
    ]
    tokens = [block.tokens[np.count_nonzero(block.tokens, axis=1) >= _TELLING] for block in asked]
    sizes = np.array([len(texts) for texts in tokens])
    reference, share = Reference(np.concatenate(tokens)), evidence.audit.near_duplicate
    near = {other for block in evidence.taught() for _, other, _ in reference.near(block.tokens, share)}
    found = np.histogram(list(near), bins=np.r_[0, sizes.cumsum()])[0]
    done = (
        f"{found[0]:,} of {sizes[0]:,} test patents share {share:.0%} or more of their three-word shingles with a training or development patent "
        "(candidates by MinHash, compared exactly)"
    )
    held = np.r_[True, sizes[1:] >= _ENOUGH]
    for level, those, of, enough in zip(rare, found[1:], sizes[1:], held[1:], strict=True):
        done += f"; {those:,} of {of:,} that are {level}" + (
            "" if enough else f", too few to be held to the limit (at least {_ENOUGH})"
        )
    return NEAR.answer(
        float((found / np.maximum(1, sizes))[held].max()), evidence.audit.duplicates, f"{done}."
    )


def split_families(evidence: Evidence) -> Check:
    """Test patents whose abstract is that of a training or development patent, but for case and white space."""
    tested = evidence.examples.loc[evidence.examples["tested"], "patent_key"]
    families = evidence.warehouse.families
    known, asked = (
        families.loc[families["patent_key"].isin(keys), "family"] for keys in (evidence.taught_keys, tested)
    )
    found = int(asked.isin(known).sum())
    several = int(
        (
            families.loc[
                families["patent_key"].isin(evidence.examples["patent_key"]), "family"
            ].value_counts()
            > 1
        ).sum()
    )
    done = f"{found:,} of {len(tested):,} test patents share an abstract with the other side; {several:,} families have several members."
    return FAMILIES.answer(found, 0, done)


def split_relatives(evidence: Evidence) -> Check:
    """Test patents that go back to the same application or patent as a training or development patent, or one to the other."""
    names = evidence.warehouse.relatives
    if names is None:
        return RELATED.not_applicable(
            "The release has no file of related documents (g_us_rel_doc.tsv.zip); abstracts stand in for it."
        )
    tested = evidence.examples.loc[evidence.examples["tested"], "patent_key"]
    found = int(tested.isin(connected(evidence.taught_keys, names)).sum())
    among = int(tested.isin(names["patent_key"]).sum())
    done = f"{found:,} of {len(tested):,} test patents are relatives of the other side; {among:,} of them are told to have parents, or to be one."
    return RELATED.answer(found, 0, done)


def _hashes(block: Block) -> np.ndarray:
    telling = np.count_nonzero(block.tokens, axis=1) >= _TELLING
    return np.array([hash(row.tobytes()) for row in block.tokens[telling]], np.int64)
