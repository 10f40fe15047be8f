"""Test sets that are not random, and labels that something else than the text predicts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.schemas import LEVELS, ZEROCITE
from patent_spark.core.store import Store
from tests.support.corruption import from_labels, resplit, rewrite, rewrite_examples, tested, with_examples
from tests.support.leaks.leak import Leak


def without_zerocite(store: Store) -> None:
    zerocite = LEVELS.index(ZEROCITE)
    rewrite_examples(
        store, CITATION_LEVEL, lambda frame: frame[~(tested(frame) & (frame["label"] == zerocite))]
    )


def years_that_follow_the_class(store: Store) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        years = 1980 + pd.factorize(frame["cpc_class"])[0]
        return frame.assign(
            grant_date=pd.to_datetime(pd.Series(years, frame.index).astype(str) + "-06-01").dt.date
        )

    rewrite(store, "LABELS", change)


def levels_that_follow_the_class(frame: pd.DataFrame, store: Store) -> pd.DataFrame:
    classes = pd.factorize(from_labels("cpc_class")(frame, store))[0]
    return frame.assign(label=(classes % len(LEVELS)).astype(np.int32))


def cut_by_label(frame: pd.DataFrame) -> pd.DataFrame:
    """Each label has its own text length."""
    lengths = 15 + 10 * frame["label"]
    frame["tokens"] = [
        np.where(np.arange(len(text)) < length, text, 0)
        for text, length in zip(frame["tokens"], lengths, strict=True)
    ]
    return frame.assign(length=np.minimum(frame["length"], lengths).astype(np.int32))


def label_in_the_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The first word of each text is its class."""
    for text, label in zip(frame["tokens"], frame["label"], strict=True):
        text[0] = 4000 + label
    return frame


LEAKS = (
    Leak("the test years lack uncited patents", "label_shift", without_zerocite, CITATION_LEVEL),
    Leak(
        "patents are sorted by label before they are split",
        "split_predicts_label",
        resplit(TECHNOLOGY, lambda frame, store: frame["label"]),
    ),
    Leak("grant years follow the class", "year_predicts_label", years_that_follow_the_class),
    Leak(
        "levels follow the class",
        "class_predicts_label",
        lambda store: rewrite_examples(
            store, CITATION_LEVEL, lambda frame: levels_that_follow_the_class(frame, store)
        ),
        CITATION_LEVEL,
    ),
    Leak(
        "texts of a class are cut at one length",
        "length_predicts_label",
        with_examples(TECHNOLOGY, cut_by_label),
    ),
    Leak(
        "the newest patents are the test set",
        "year_predicts_test",
        resplit(TECHNOLOGY, from_labels("grant_date")),
    ),
    Leak(
        "one class is tested, the others train",
        "class_predicts_test",
        resplit(CITATION_LEVEL, from_labels("cpc_class")),
        CITATION_LEVEL,
    ),
    Leak(
        "the longest texts are the test set",
        "length_predicts_test",
        resplit(TECHNOLOGY, lambda frame, store: frame["length"]),
    ),
    Leak(
        "the class is written into the text",
        "word_predicts_label",
        with_examples(TECHNOLOGY, label_in_the_text),
    ),
)
