"""Test patents among the training patents: word for word, nearly, or as a relative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.core.schemas import LEVELS, TOP1
from patent_spark.core.store import Store
from patent_spark.stages.audit.checks import duplicates, memorisation
from patent_spark.stages.audit.evidence import Warehouse
from tests.support.corruption import rewrite, rewrite_examples, some, tested, with_examples
from tests.support.leaks.leak import Leak


def copies_in_training(share: float, changed: float = 0.0) -> Callable[[Store], None]:
    """So many of the test texts stand in the training split too, under other numbers; of their words a share is another."""

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
    """A quarter of the test patents is top1; four of them, too few to be seen among all, train too."""
    top1 = some(frame.index[tested(frame)], 0.25)
    frame.loc[top1, "label"] = LEVELS.index(TOP1)
    from_, to = top1[:4], frame.index[frame["split"] == "train"][:4]
    frame.loc[to, "tokens"] = pd.Series([frame.at[place, "tokens"].copy() for place in from_], to)
    frame.loc[to, "length"] = frame.loc[from_, "length"].to_numpy()
    return frame


def members_to_the_test(store: Store) -> None:
    """One member of some families that train is tested instead."""
    families = Warehouse(store, Config().audit).families.set_index("patent_key")["family"]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        training = frame[frame["split"] == "train"].assign(family=frame["patent_key"].map(families))
        moved = training.dropna(subset=["family"])
        frame.loc[moved.index[moved.duplicated("family")][:5], "split"] = "test"
        return frame

    rewrite_examples(store, TECHNOLOGY, change)


def relatives_on_both_sides(store: Store) -> None:
    """Some patents that train and some that are tested, whatever their texts, continue the same applications."""
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
    Leak("test patents train too, under other numbers", duplicates.EXACT.name, duplicates.same_texts, copies_in_training(0.05)),
    Leak("test patents train too, one word in fifty changed", duplicates.NEAR.name, duplicates.near_duplicates, copies_in_training(0.05, 0.02)),
    Leak("the few test patents that train too are all top1", duplicates.NEAR.name, duplicates.near_duplicates,
         with_examples(CITATION_LEVEL, known_texts_of_top1), CITATION_LEVEL),
    Leak("families are not kept together", duplicates.FAMILIES.name, duplicates.split_families, members_to_the_test),
    Leak("relatives are not kept together", duplicates.RELATED.name, duplicates.split_relatives, relatives_on_both_sides),
    Leak("a fifth of the test set trains too", memorisation.SHUFFLED.name, memorisation.shuffled_labels, copies_in_training(0.2)),
    Leak("a fifth of the test set trains too, one word in fifty changed", memorisation.COPIED.name, memorisation.copied_answers,
         copies_in_training(0.2, 0.02)),
)  # fmt: skip
