"""Texts of patents and their words, the texts that may be learned from, and the vocabulary."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.core.patent_rules import keep_standing

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def words_of(*texts: str) -> Column:
    """Words of the columns joined by spaces, nulls left out: lower-case runs of a-z and 0-9, everything else parts them."""
    plain = F.regexp_replace(F.lower(F.concat_ws(" ", *texts)), "[^a-z0-9]+", " ")
    return F.array_remove(
        F.split(plain, " "), ""
    )  # a filter with a lambda is more than Sail can push into the files when there is no join


def claims_per_patent(claims: DataFrame, which: str) -> DataFrame:
    """One row per patent with claims: patent_key and `claims`, the text of its first claim or of all, in their order.

    A claim that stands twice counts once: some yearly files begin with rows that come again. Of two different texts with
    the same sequence the smaller comes first, so that nothing depends on the order of rows.
    """
    claim = F.struct("claim_sequence", "claim_text")
    known = claims.where(F.col("claim_text").isNotNull()).groupBy("patent_key")
    if which == "first":
        return known.agg(F.min(claim).alias("claim")).select(
            "patent_key", F.col("claim.claim_text").alias("claims")
        )
    ordered = F.array_sort(F.collect_set(claim))
    return known.agg(F.array_join(F.transform(ordered, lambda each: each["claim_text"]), " ").alias("claims"))


def tokens(patents: DataFrame, fields: Sequence[str], others: Sequence[DataFrame]) -> DataFrame:
    """One row per patent that is not withdrawn and has a word in its text, which is the fields in their order.

    others: a frame for each field but the title, with patent_key (unique) and that field.
    """
    texts = patents.transform(keep_standing).select("patent_key", "patent_id", "title")
    for other in others:
        texts = texts.join(other, "patent_key", how="left")
    return (
        texts.withColumn("tokens", words_of(*fields))
        .where(F.size("tokens") > 0)
        .transform(conform, schemas.TOKENS.schema)
    )


def with_relatives(tested: DataFrame, families: DataFrame) -> DataFrame:
    """The tested patents and those of their FAMILIES; a patent can stand twice."""
    of_tests = families.join(tested, "patent_key", how="left_semi").select("family")
    return tested.unionByName(families.join(of_tests, "family", how="left_semi").select("patent_key"))


def keep_training_texts(
    tokens: DataFrame, held_out: DataFrame, patents: DataFrame, before: datetime.date | None
) -> DataFrame:
    """One row per patent that is not held out and, with `before`, was granted before that day.

    Patents without class, label or split stay: nothing is asked about them, so their texts are there to learn from.
    """
    kept = tokens.join(held_out, "patent_key", how="left_anti")
    if before is not None:
        granted = patents.where(F.col("grant_date") < F.lit(before)).select("patent_key")
        kept = kept.join(granted, "patent_key", how="left_semi")
    return kept


def vocabulary(training: DataFrame, min_count: int) -> DataFrame:
    """One row per word that stands at least `min_count` times in the training texts."""
    counts = (
        training.select(F.explode("tokens").alias("word")).groupBy("word").agg(F.count("*").alias("count"))
    )
    by_frequency = Window.partitionBy(F.lit(0)).orderBy(
        F.col("count").desc(), "word"
    )  # one partition on purpose: words are few
    return (
        counts.where(F.col("count") >= min_count)
        .withColumn("id", F.row_number().over(by_frequency))
        .transform(conform, schemas.VOCABULARY.schema)
    )
