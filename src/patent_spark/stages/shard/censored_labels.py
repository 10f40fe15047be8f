"""What an open window shows of a level: early levels as labels of examples, and how likely each is at each level.

A patent whose level was not known yet trains on its level at a shorter exposure, z. That is no label of the level y: two
thirds of the patents that nobody has cited within a year will be cited. But how often z is seen at each y can be learned
from the older training patents, for which both are known. A network that says p(y) of a text then says sum over y of
p(z | y) p(y) of what was seen, and learns from its likelihood (forward correction: Patrini et al. 2017), as if it knew
the level as far as z tells it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as F

from patent_spark.core.metadata import InterimLabel, SplitMetadata
from patent_spark.core.schemas import LEVELS, TRAIN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from patent_spark.core.context import StageContext

_LEAST = 0.5  # patents added to each count, so that what was never seen is not impossible


def early_exposures(context: StageContext) -> list[int]:
    """The exposures at which some patents train, ascending; none without split.interim_levels."""
    return sorted(context.store.metadata(SplitMetadata).on_interim_levels)


def with_early_answers(splits: DataFrame, answers: DataFrame, interim_levels: DataFrame) -> DataFrame:
    """`answers` (patent_key, label) of the patents that SPLITS gives the whole exposure, and the early label of the others."""
    at = ["patent_key", "exposure_months"]
    early = splits.join(interim_levels.select(*at, _name().alias("label")), on=at, how="inner").select(
        "patent_key", "label"
    )
    return answers.join(early.select("patent_key"), on="patent_key", how="left_anti").unionByName(early)


def learn_early(
    splits: DataFrame, answers: DataFrame, interim_levels: DataFrame, exposures: list[int]
) -> list[InterimLabel]:
    """How likely each early level is at each level, counted over the patents of the split train whose level is known."""
    open_at = F.col("exposure_months").isin(exposures)
    known = (
        splits.where((F.col("split") == TRAIN) & ~open_at)
        .select("patent_key")
        .join(answers, on="patent_key", how="inner")
    )
    seen = known.join(
        interim_levels.select("patent_key", "exposure_months", "citation_level"), on="patent_key", how="inner"
    )
    counts = np.full((len(exposures), len(LEVELS), len(LEVELS)), _LEAST)  # by exposure, level, early level
    for row in seen.groupBy("exposure_months", "label", "citation_level").count().collect():
        place = (
            exposures.index(row["exposure_months"]),
            LEVELS.index(row["label"]),
            LEVELS.index(row["citation_level"]),
        )
        counts[place] += row["count"]
    likelihood = counts / counts.sum(axis=2, keepdims=True)
    return [
        InterimLabel(
            label=f"{level}@{months}",
            exposure_months=months,
            level=level,
            likelihood=likelihood[i, :, j].tolist(),
        )
        for i, months in enumerate(exposures)
        for j, level in enumerate(LEVELS)
    ]


def _name() -> Column:
    return F.concat_ws("@", "citation_level", F.col("exposure_months").cast("string"))
