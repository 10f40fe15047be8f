"""Metrics that do not follow from the predictions, are of selected patents, or are too good to be true."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from tests.support.corruption import rewrite, rewrite_examples, rolled, with_table
from tests.support.leaks.leak import Leak


def misses_are_left_out(store: Store) -> None:
    """Test patents with a wrong prediction are left out as too short."""
    predictions = store.read_arrow("PREDICTIONS").to_pandas()
    missed = predictions[
        (predictions["task"] == CITATION_LEVEL) & (predictions["truth"] != predictions["predicted"])
    ]
    ids = store.read_arrow("LABELS", ["patent_id", "patent_key"]).to_pandas()
    keys = ids.loc[ids["patent_id"].isin(missed["patent_id"]), "patent_key"]
    rewrite_examples(store, CITATION_LEVEL, lambda frame: frame[~frame["patent_key"].isin(keys)])
    rewrite(store, "PREDICTIONS", lambda frame: frame.drop(missed.index))


def top1_known(frame: pd.DataFrame) -> pd.DataFrame:
    sure = [np.array([truth == LEVELS[0], 0, 0, 0], np.float32) for truth in frame["truth"]]
    return frame.assign(probabilities=sure)


def better_than_possible(store: Store) -> None:
    path = store.directory("METRICS") / f"{TECHNOLOGY}.json"
    metrics = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps(metrics | {"accuracy": 0.99}))


LEAKS = (
    Leak(
        "patents with a wrong prediction are left out as too short",
        "short_texts",
        misses_are_left_out,
        CITATION_LEVEL,
    ),
    Leak("the accuracy does not follow from the predictions", "metrics_recomputed", better_than_possible),
    Leak(
        "the metrics are of other predictions",
        "metrics_recomputed",
        with_table("PREDICTIONS", rolled("probabilities")),
        CITATION_LEVEL,
    ),
    Leak(
        "the model knows which patents are top1",
        "top1_auc",
        with_table("PREDICTIONS", top1_known),
        CITATION_LEVEL,
    ),
    Leak("the accuracy exceeds the upper bound", "upper_bound", better_than_possible),
)
