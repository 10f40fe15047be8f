"""The texts that vocabulary and vectors are fitted on, and the vocabulary."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.errors import conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.config import Text


def with_relatives(tested: DataFrame, families: DataFrame) -> DataFrame:
    """The tested patents and all members of their FAMILIES; a patent can occur twice."""
    of_tests = families.join(tested, "patent_key", how="left_semi").select("family")
    return tested.unionByName(families.join(of_tests, "family", how="left_semi").select("patent_key"))


def keep_training_texts(
    tokens: DataFrame, held_out: DataFrame, patents: DataFrame, before: datetime.date | None
) -> DataFrame:
    """One row per patent that is not held out and, with `before`, was granted before that day.

    Patents without class, label or split are kept: no model is tested on them.
    """
    kept = tokens.select("patent_key").join(held_out, "patent_key", how="left_anti")
    if before is not None:
        granted = patents.where(F.col("grant_date") < F.lit(before)).select("patent_key")
        kept = kept.join(granted, "patent_key", how="left_semi")
    # Keys on the left, where Sail builds its hash table: with the texts there it held all of them.
    return F.broadcast(kept).join(tokens, "patent_key").select(*tokens.columns)


def vocabulary(training: DataFrame, text: Text) -> DataFrame:
    """One row per word that occurs at least `min_count` times in the training texts.

    Rarer words follow, the most frequent first, up to `min_vocabulary` words in all.
    """
    occurrences = training.select(F.explode("tokens").alias("word"))
    counts = occurrences.groupBy("word").agg(F.count("*").alias("count"))
    # One partition on purpose: words are few.
    by_frequency = Window.partitionBy(F.lit(0)).orderBy(F.col("count").desc(), "word")
    return (
        counts.withColumn("id", F.row_number().over(by_frequency))
        .where((F.col("count") >= text.min_count) | (F.col("id") <= text.min_vocabulary))
        .transform(conform, schemas.VOCABULARY.schema)
    )
