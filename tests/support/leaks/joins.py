"""Rows that a join lost, duplicated or changed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from patent_spark.stages.audit.warehouse import Warehouse
from tests.support.corruption import rewrite, rewrite_examples, rolled, some, with_examples, with_table
from tests.support.leaks.leak import Leak


def other_classes(frame: pd.DataFrame) -> pd.DataFrame:
    """Some patents have another class."""
    places = some(frame.index[frame["cpc_class"].notna()], 0.002)
    classes = sorted(frame["cpc_class"].dropna().unique())
    following = dict(zip(classes, [*classes[1:], classes[0]], strict=True))
    frame.loc[places, "cpc_class"] = frame.loc[places, "cpc_class"].map(following)
    return frame


def follow_ups_that_were_not_over(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest patents have an interim level after 48 months too."""
    newest = frame[frame["follow_up_months"] == 12].sort_values("grant_date").tail(5)
    return pd.concat([frame, newest.assign(follow_up_months=48)])


def abstracts_of_several_families(store: Store) -> None:
    """Patents that repeat an abstract become families of their own."""
    repeated = Warehouse(store, Config()).abstract_families.set_index("patent_key")["link"].duplicated()
    own = repeated.index[repeated]
    rewrite(
        store,
        "FAMILIES",
        lambda frame: frame.assign(
            family=frame["family"].mask(frame["patent_key"].isin(own), frame["patent_key"])
        ),
    )


def families_by_abstract_alone(store: Store) -> None:
    actual = Warehouse(store, Config()).abstract_families.rename(columns={"link": "family"})
    rewrite(store, "FAMILIES", lambda frame: actual)


def tenth_of_training_lost(store: Store) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.drop(
            some(frame.index[(frame["task"] == CITATION_LEVEL) & (frame["split"] == "train")], 0.1)
        )

    rewrite(store, "SPLITS", change)


def interim_levels_as_whole_ones(store: Store) -> None:
    """Interim levels become final levels."""
    interim = [
        LEVELS.index(each.level) for each in store.metadata(ShardMetadata).tasks[CITATION_LEVEL].interim
    ]
    whole = np.array([*range(len(LEVELS)), *interim], np.int32)
    rewrite_examples(store, CITATION_LEVEL, lambda frame: frame.assign(label=whole[frame["label"]]))


LEAKS = (
    Leak(
        "an inner join drops uncited patents",
        "patents_to_counts",
        with_table("COUNTS", lambda frame: frame[frame["total_citations"] > 0]),
        None,
    ),
    Leak(
        "a join duplicates patents",
        "counts_to_labels",
        with_table("LABELS", lambda frame: pd.concat([frame, frame.head(7)])),
        None,
    ),
    Leak(
        "patents with a label are in no split",
        "split_membership",
        with_table("SPLITS", lambda frame: frame.drop(frame.index[frame["task"] == TECHNOLOGY][:9])),
    ),
    Leak(
        "some patents of a test year are in no split",
        "split_membership",
        with_table("SPLITS", lambda frame: frame.drop(frame.index[frame["split"] == "test_2012"][:9])),
        CITATION_LEVEL,
    ),
    Leak(
        "some patents have another class than CPC lists first",
        "cpc_to_labels",
        with_table("LABELS", other_classes),
        None,
    ),
    Leak(
        "interim levels are duplicated",
        "labels_to_interim_levels",
        with_table("INTERIM_LEVELS", lambda frame: pd.concat([frame, frame.head(7)])),
        None,
    ),
    Leak(
        "interim levels have follow-up windows that are not over",
        "labels_to_interim_levels",
        with_table("INTERIM_LEVELS", follow_ups_that_were_not_over),
        None,
    ),
    Leak(
        "patents have two families",
        "documents_to_families",
        with_table("FAMILIES", lambda frame: pd.concat([frame, frame.head(7).assign(family=1)])),
        None,
    ),
    Leak(
        "patents of one abstract are in several families",
        "documents_to_families",
        abstracts_of_several_families,
        None,
    ),
    Leak(
        "related patents are in several families", "documents_to_families", families_by_abstract_alone, None
    ),
    Leak(
        "texts are missing", "abstracts_to_tokens", with_table("TOKENS", lambda frame: frame.iloc[9:]), None
    ),
    Leak(
        "texts are duplicated",
        "abstracts_to_tokens",
        with_table("TOKENS", lambda frame: pd.concat([frame, frame.head(7)])),
        None,
    ),
    Leak("texts are shifted by a row", "abstracts_to_tokens", with_table("TOKENS", rolled("tokens")), None),
    Leak(
        "a whole test year is in no split",
        "split_membership",
        with_table("SPLITS", lambda frame: frame[frame["split"] != "test_2011"]),
        CITATION_LEVEL,
    ),
    Leak(
        "a tenth of the training patents are in no split",
        "split_membership",
        tenth_of_training_lost,
        CITATION_LEVEL,
    ),
    Leak(
        "training labels have a shorter follow-up window",
        "split_membership",
        with_table(
            "SPLITS", lambda frame: frame.assign(follow_up_months=frame["follow_up_months"].replace(48, 12))
        ),
        CITATION_LEVEL,
    ),
    Leak(
        "labels of the examples are shifted by a row",
        "splits_to_examples",
        with_examples(TECHNOLOGY, rolled("label")),
    ),
    Leak(
        "texts of the examples are shifted by a row",
        "tokens_to_examples",
        with_examples(TECHNOLOGY, rolled("tokens")),
    ),
    Leak(
        "true labels of the predictions are shifted by a row",
        "examples_to_predictions",
        with_table("PREDICTIONS", rolled("truth")),
    ),
    Leak(
        "interim levels are trained on as final ones",
        "splits_to_examples",
        interim_levels_as_whole_ones,
        CITATION_LEVEL,
    ),
)
