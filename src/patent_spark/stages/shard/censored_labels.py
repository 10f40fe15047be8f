"""Censored labels: interim levels as labels of examples, and their probability given the final level.

A patent with an open citation window trains on its interim level z, the level at a shorter follow-up. z is
not the level y: two thirds of the patents without a citation within a year will be cited. But p(z | y) can be
estimated from the older training patents, for which both are known. If a network predicts p(y) for a text,
the likelihood of z is the sum over y of p(z | y) p(y). Training on it (forward correction: Patrini et al.
2017) is as good as training on the level, as far as z determines it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import functions as F

from patent_spark.core.metadata import InterimLabel, SplitMetadata
from patent_spark.core.schemas import LEVELS, TRAIN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from patent_spark.core.context import StageContext

# Patents added to each count, so that no interim level gets probability 0.
_PSEUDO_COUNT = 0.5


def interim_follow_up(context: StageContext) -> list[int]:
    """The follow-up windows at which some patents train, ascending; none without split.interim_levels."""
    return sorted(context.store.metadata(SplitMetadata).on_interim_levels)


def with_interim_labels(splits: DataFrame, labels: DataFrame, interim_levels: DataFrame) -> DataFrame:
    """`labels`, with the interim label for patents that SPLITS gives a shorter follow-up window."""
    at = ["patent_key", "follow_up_months"]
    named = interim_levels.select(*at, _name().alias("label"))
    interim = splits.join(named, on=at, how="inner").select("patent_key", "label")
    return labels.join(interim.select("patent_key"), on="patent_key", how="left_anti").unionByName(interim)


def estimate_interim_labels(
    splits: DataFrame, labels: DataFrame, interim_levels: DataFrame, follow_up: list[int]
) -> list[InterimLabel]:
    """The probability of each interim level given the level, from the patents of train whose level is known.

    labels: one row per patent, patent_key and label (the level).
    """
    open_at = F.col("follow_up_months").isin(follow_up)
    known = (
        splits.where((F.col("split") == TRAIN) & ~open_at)
        .select("patent_key")
        .join(labels, on="patent_key", how="inner")
    )
    interim = interim_levels.select("patent_key", "follow_up_months", "citation_level")
    counts = _count_levels(known.join(interim, on="patent_key", how="inner"), follow_up)
    likelihood = counts / counts.sum(axis=2, keepdims=True)
    return [
        InterimLabel(
            label=f"{level}@{months}",
            follow_up_months=months,
            level=level,
            likelihood=likelihood[i, :, j].tolist(),
        )
        for i, months in enumerate(follow_up)
        for j, level in enumerate(LEVELS)
    ]


def _count_levels(patents: DataFrame, follow_up: list[int]) -> NDArray[np.float64]:
    """[follow-up windows, levels, interim levels]: number of patents, plus the pseudo-count."""
    counts = np.full((len(follow_up), len(LEVELS), len(LEVELS)), _PSEUDO_COUNT)
    for row in patents.groupBy("follow_up_months", "label", "citation_level").count().collect():
        place = (
            follow_up.index(row["follow_up_months"]),
            LEVELS.index(row["label"]),
            LEVELS.index(row["citation_level"]),
        )
        counts[place] += row["count"]
    return counts


def _name() -> Column:
    return F.concat_ws("@", "citation_level", F.col("follow_up_months").cast("string"))
