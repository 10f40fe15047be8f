"""Vocabulary, vectors, percentiles and labels that depend on test patents, and labels that are wrong."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import BTM90, LEVELS, TOP1, TOP10, ZEROCITE
from patent_spark.core.store import Store
from tests.support.corruption import rewrite, rewrite_examples, rewrite_manifest, with_table
from tests.support.leaks.leak import Leak


def all_texts_in_the_vocabulary(store: Store) -> None:
    words = Counter(
        word for text in store.read_arrow("TOKENS", ["tokens"])["tokens"].to_pylist() for word in text
    )
    rewrite(store, "VOCABULARY", lambda frame: frame.assign(count=frame["word"].map(words)))


def all_texts_in_the_vectors(store: Store) -> None:
    words = sum(len(text) for text in store.read_arrow("TOKENS", ["tokens"])["tokens"].to_pylist())
    rewrite_manifest(store, "text", metadata={"training_words": words})


def late_labels(store: Store) -> None:
    """Patents with an open window on the first test day are training patents."""
    labels = store.read_arrow("LABELS").to_pandas().dropna(subset=["citation_level"])
    granted = pd.to_datetime(labels["grant_date"])
    late = labels[(granted > "2006-01-01") & (granted < "2011-01-01")]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        places = frame.index[frame["split"] == "train"][: len(late)]
        frame.loc[places, "patent_key"] = late["patent_key"].to_numpy()[: len(places)]
        return frame

    rewrite_examples(store, CITATION_LEVEL, change)


def late_interim_levels(store: Store) -> None:
    """Some patents train on their interim level after 48 months, which was known for grants of 2006 only."""
    interim = store.metadata(ShardMetadata).tasks[CITATION_LEVEL].interim
    number = {(each.follow_up_months, each.level): len(LEVELS) + place for place, each in enumerate(interim)}

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        later = {number[12, level]: number[48, level] for level in LEVELS}
        return frame.assign(label=frame["label"].replace(later).astype(np.int32))

    rewrite_examples(store, CITATION_LEVEL, change)


def levels_over_all_years(frame: pd.DataFrame) -> pd.DataFrame:
    """Percentiles and levels of label.reference_set=class, while the settings say class_year."""
    ranked = frame[frame["window_complete"] & frame["cpc_class"].notna()]
    shares = ranked.groupby("cpc_class")["forward_citations"].quantile([0.9, 0.99]).unstack()
    q90, q99 = (frame["cpc_class"].map(shares[share]) for share in (0.9, 0.99))
    count = frame["forward_citations"]
    actual = pd.Series(
        np.select([count == 0, count > q99, count > q90], [ZEROCITE, TOP1, TOP10], BTM90), frame.index
    )
    return frame.assign(q90=q90, q99=q99, citation_level=actual.where(frame["citation_level"].notna(), None))


LEAKS = (
    Leak("the vocabulary is fitted on all texts", "vocabulary_lookahead", all_texts_in_the_vocabulary, None),
    Leak("the vectors are fitted on all texts", "vectors_lookahead", all_texts_in_the_vectors, None),
    Leak(
        "percentiles are computed over all grant years",
        "percentiles_lookahead",
        lambda store: rewrite_manifest(store, "label", settings={"label.reference_set": "class"}),
        CITATION_LEVEL,
    ),
    Leak(
        "percentiles are computed over all grant years, contrary to the settings",
        "percentiles_recomputed",
        with_table("LABELS", levels_over_all_years),
        None,
    ),
    Leak(
        "interim levels have other percentiles",
        "percentiles_recomputed",
        with_table("INTERIM_LEVELS", lambda frame: frame.assign(q99=frame["q90"])),
        None,
    ),
    Leak("training labels closed after the first test day", "label_embargo", late_labels, CITATION_LEVEL),
    Leak(
        "interim levels closed after the first test day",
        "label_embargo",
        late_interim_levels,
        CITATION_LEVEL,
    ),
    Leak(
        "citations of interim levels are counted twice",
        "label_recount",
        with_table(
            "INTERIM_LEVELS", lambda frame: frame.assign(forward_citations=2 * frame["forward_citations"])
        ),
        None,
    ),
    Leak(
        "citations are counted twice",
        "label_recount",
        with_table("LABELS", lambda frame: frame.assign(forward_citations=2 * frame["forward_citations"])),
        None,
    ),
)
