"""Rows that a join lost, doubled or changed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from patent_spark.stages.audit.checks import joins, splits, tables
from patent_spark.stages.audit.evidence import Warehouse
from tests.support.corruption import rewrite, rewrite_examples, rolled, some, with_examples, with_table
from tests.support.leaks.leak import Leak


def other_classes(frame: pd.DataFrame) -> pd.DataFrame:
    """Some patents have a class that is listed later."""
    places = some(frame.index[frame["cpc_class"].notna()], 0.002)
    classes = sorted(frame["cpc_class"].dropna().unique())
    following = dict(zip(classes, [*classes[1:], classes[0]], strict=True))
    frame.loc[places, "cpc_class"] = frame.loc[places, "cpc_class"].map(following)
    return frame


def exposures_that_were_not_over(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest patents have a level after 48 months too."""
    newest = frame[frame["exposure_months"] == 12].sort_values("grant_date").tail(5)
    return pd.concat([frame, newest.assign(exposure_months=48)])


def abstracts_of_several_families(store: Store) -> None:
    """Patents that repeat an abstract are families of their own."""
    repeated = Warehouse(store, Config().audit).families.set_index("patent_key")["family"].duplicated()
    own = repeated.index[repeated]
    rewrite(
        store,
        "FAMILIES",
        lambda frame: frame.assign(
            family=frame["family"].mask(frame["patent_key"].isin(own), frame["patent_key"])
        ),
    )


def families_by_abstract_alone(store: Store) -> None:
    found = Warehouse(store, Config().audit).families
    rewrite(store, "FAMILIES", lambda frame: found)


def tenth_of_training_lost(store: Store) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.drop(
            some(frame.index[(frame["task"] == CITATION_LEVEL) & (frame["split"] == "train")], 0.1)
        )

    rewrite(store, "SPLITS", change)


def interim_levels_as_whole_ones(store: Store) -> None:
    """What an open window shows is taught as if it were the level."""
    early = [LEVELS.index(each.level) for each in store.metadata(ShardMetadata).tasks[CITATION_LEVEL].early]
    whole = np.array([*range(len(LEVELS)), *early], np.int32)
    rewrite_examples(store, CITATION_LEVEL, lambda frame: frame.assign(label=whole[frame["label"]]))


LEAKS = (
    Leak("an inner join drops patents that nobody cites", joins.COUNTS.name, joins.counts_of_patents,
         with_table("COUNTS", lambda frame: frame[frame["total_citations"] > 0]), None),
    Leak("a join doubles patents", joins.LABELS.name, joins.labels_of_counts,
         with_table("LABELS", lambda frame: pd.concat([frame, frame.head(7)])), None),
    Leak("patents with a label are in no split", splits.SPLITS.name, splits.splits_of_labels,
         with_table("SPLITS", lambda frame: frame.drop(frame.index[frame["task"] == TECHNOLOGY][:9]))),
    Leak("patents of a test year are in no split", splits.SPLITS.name, splits.splits_of_labels,
         with_table("SPLITS", lambda frame: frame.drop(frame.index[frame["split"] == "test_2012"][:9])), CITATION_LEVEL),
    Leak("some patents have another class than CPC lists first", tables.CLASSES.name, tables.classes_of_cpc,
         with_table("LABELS", other_classes), None),
    Leak("early levels stand twice", tables.EARLY.name, tables.interim_levels_of_labels,
         with_table("INTERIM_LEVELS", lambda frame: pd.concat([frame, frame.head(7)])), None),
    Leak("early levels tell of exposures that were not over", tables.EARLY.name, tables.interim_levels_of_labels,
         with_table("INTERIM_LEVELS", exposures_that_were_not_over), None),
    Leak("patents have two families", tables.FAMILIES.name, tables.families_of_texts,
         with_table("FAMILIES", lambda frame: pd.concat([frame, frame.head(7).assign(family=1)])), None),
    Leak("patents of one abstract are in several families", tables.FAMILIES.name, tables.families_of_texts, abstracts_of_several_families, None),
    Leak("relatives are in several families", tables.FAMILIES.name, tables.families_of_texts, families_by_abstract_alone, None),
    Leak("texts are lost", tables.WORDS.name, tables.texts_of_patents, with_table("TOKENS", lambda frame: frame.iloc[9:]), None),
    Leak("texts stand twice", tables.WORDS.name, tables.texts_of_patents,
         with_table("TOKENS", lambda frame: pd.concat([frame, frame.head(7)])), None),
    Leak("texts are shifted by a row", tables.WORDS.name, tables.texts_of_patents, with_table("TOKENS", rolled("tokens")), None),
    Leak("a whole test year is in no split", splits.SPLITS.name, splits.splits_of_labels,
         with_table("SPLITS", lambda frame: frame[frame["split"] != "test_2011"]), CITATION_LEVEL),
    Leak("a tenth of the training patents is in no split", splits.SPLITS.name, splits.splits_of_labels, tenth_of_training_lost, CITATION_LEVEL),
    Leak("patents train on what a shorter exposure shows", splits.SPLITS.name, splits.splits_of_labels,
         with_table("SPLITS", lambda frame: frame.assign(exposure_months=frame["exposure_months"].replace(48, 12))), CITATION_LEVEL),
    Leak("labels of the shards are shifted by a row", joins.EXAMPLES.name, joins.examples_of_splits, with_examples(TECHNOLOGY, rolled("label"))),
    Leak("texts of the shards are shifted by a row", joins.TEXTS.name, joins.texts_of_tokens, with_examples(TECHNOLOGY, rolled("tokens"))),
    Leak("truths of the predictions are shifted by a row", joins.PREDICTIONS.name, joins.predictions_of_examples,
         with_table("PREDICTIONS", rolled("truth"))),
    Leak("early levels are taught as whole ones", joins.EXAMPLES.name, joins.examples_of_splits, interim_levels_as_whole_ones, CITATION_LEVEL),
)  # fmt: skip
