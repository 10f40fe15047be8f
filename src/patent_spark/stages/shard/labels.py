"""The labels of a task, and the label of each patent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.config import TECHNOLOGY
from patent_spark.core.context import StageContext
from patent_spark.core.metadata import InterimLabel
from patent_spark.core.schemas import LEVELS
from patent_spark.stages.shard.censored_labels import (
    estimate_interim_labels,
    interim_follow_up,
    with_interim_labels,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def labels_of_task(context: StageContext, task: str) -> list[str]:
    """All labels of a task, in the order of the model's outputs.

    Includes classes that occur in test splits only; the model never predicts these.
    """
    if task != TECHNOLOGY:
        return list(LEVELS)
    members = context.read("SPLITS").where(F.col("task") == task).select("patent_key")
    classes = (
        members.join(context.read("LABELS"), "patent_key", how="inner")
        .where("technology_label IS NOT NULL")
        .select("technology_label")
        .distinct()
    )
    return sorted(row["technology_label"] for row in classes.collect())


def label_per_patent(
    context: StageContext, task: str, splits: DataFrame
) -> tuple[DataFrame, list[InterimLabel]]:
    """patent_key and label of the patents with a label, and the interim labels among them."""
    column = "technology_label" if task == TECHNOLOGY else "citation_level"
    labels = context.read("LABELS").select("patent_key", F.col(column).alias("label"))
    follow_up = interim_follow_up(context) if task != TECHNOLOGY else []
    if not follow_up:
        return labels, []
    interim_levels = context.read("INTERIM_LEVELS")
    interim = estimate_interim_labels(splits, labels, interim_levels, follow_up)
    return with_interim_labels(splits, labels, interim_levels), interim
