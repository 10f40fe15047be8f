"""Test patents in the training data: the same text, nearly the same, or a relative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.core.schemas import LEVELS, TOP1
from patent_spark.core.store import Store
from patent_spark.stages.audit.warehouse import Warehouse
from tests.support.corruption import rewrite, rewrite_examples, some, tested, with_examples
from tests.support.leaks.leak import Leak


def copies_in_training(share: float, changed: float = 0.0) -> Callable[[Store], None]:
    """Copies a share of the test texts into the training split, under other patents.

    `changed` is the share of their words that is replaced."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        from_, to = some(frame.index[tested(frame)], share), frame.index[frame["split"] == "train"]
        to = to[: len(from_)]
        texts = [frame.at[place, "tokens"].copy() for place in from_]
        for text in texts:
            length = np.count_nonzero(text)
            text[some(pd.RangeIndex(length), changed) if changed else []] = 3
        frame.loc[to, "tokens"] = pd.Series(texts, to)
        frame.loc[to, ["label", "length"]] = frame.loc[from_, ["label", "length"]].to_numpy()
        return frame

    return lambda store: rewrite_examples(store, TECHNOLOGY, change)


def known_texts_of_top1(frame: pd.DataFrame) -> pd.DataFrame:
    """A quarter of the test patents is top1. Four of their texts are training texts too."""
    top1 = some(frame.index[tested(frame)], 0.25)
    frame.loc[top1, "label"] = LEVELS.index(TOP1)
    from_, to = top1[:4], frame.index[frame["split"] == "train"][:4]
    frame.loc[to, "tokens"] = pd.Series([frame.at[place, "tokens"].copy() for place in from_], to)
    frame.loc[to, "length"] = frame.loc[from_, "length"].to_numpy()
    return frame


def family_members_to_test(store: Store) -> None:
    """Moves one training patent of some families to the test split."""
    families = Warehouse(store, Config()).abstract_families.set_index("patent_key")["link"]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        training = frame[frame["split"] == "train"].assign(family=frame["patent_key"].map(families))
        moved = training.dropna(subset=["family"])
        frame.loc[moved.index[moved.duplicated("family")][:5], "split"] = "test"
        return frame

    rewrite_examples(store, TECHNOLOGY, change)


def related_patents_on_both_sides(store: Store) -> None:
    """Some training and some test patents are continuations of the same applications."""
    splits = store.read_arrow("SPLITS").to_pandas()
    splits = splits[splits["task"] == TECHNOLOGY]
    related = pd.concat([splits[splits["split"] == side].head(5) for side in ("train", "test")])[
        ["patent_id", "patent_key"]
    ]
    numbers = [f"1999000{place % 5}" for place in range(len(related))]
    related = related.assign(
        related_number=numbers, related_key=None, relation="continuation", related_kind="parent"
    )
    rewrite(
        store, "RELATED_DOCUMENTS", lambda frame: pd.concat([frame.astype({"related_key": object}), related])
    )


LEAKS = (
    Leak("test texts are training texts too", "exact_duplicates", copies_in_training(0.05)),
    Leak(
        "test texts are training texts too, one word in fifty changed",
        "near_duplicates",
        copies_in_training(0.05, 0.02),
    ),
    Leak(
        "four test texts of top1 are training texts too",
        "near_duplicates",
        with_examples(CITATION_LEVEL, known_texts_of_top1),
        CITATION_LEVEL,
    ),
    Leak("families are split", "shared_abstracts", family_members_to_test),
    Leak("related patents are split", "related_patents", related_patents_on_both_sides),
    Leak("a fifth of the test texts are training texts too", "shuffled_labels", copies_in_training(0.2)),
    Leak(
        "a fifth of the test texts are training texts too, one word in fifty changed",
        "nearest_text_labels",
        copies_in_training(0.2, 0.02),
    ),
)
