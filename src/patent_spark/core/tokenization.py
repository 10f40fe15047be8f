"""The words of patents as Spark columns: the rule by which the table TOKENS is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.core.patent_rules import keep_standing
from patent_spark.core.token_ids import ENTITY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def words_of(*texts: str) -> Column:
    """Words of some columns joined by spaces, without nulls: lower-case runs of a-z and 0-9.

    An HTML entity, also one that was escaped twice, separates words like the sign that it stands for.
    """
    plain = F.regexp_replace(F.lower(F.concat_ws(" ", *texts)), f"(?:{ENTITY}|[^a-z0-9])+", " ")
    # A filter with a lambda is more than Sail can push down to the files when there is no join.
    return F.array_remove(F.split(plain, " "), "")


def claims_per_patent(claims: DataFrame, which: str) -> DataFrame:
    """One row per patent with claims: patent_key, and in `claims` the text of its first claim or of all.

    A repeated claim counts once: some yearly files begin with rows of the year before. Of two different
    texts with the same sequence the smaller comes first, so that the order of rows has no effect.
    """
    claim = F.struct("claim_sequence", "claim_text")
    known = claims.where(F.col("claim_text").isNotNull()).groupBy("patent_key")
    if which == "first":
        return known.agg(F.min(claim).alias("claim")).select(
            "patent_key", F.col("claim.claim_text").alias("claims")
        )
    ordered = F.array_sort(F.collect_set(claim))
    return known.agg(F.array_join(F.transform(ordered, lambda each: each["claim_text"]), " ").alias("claims"))


def texts_of(patents: DataFrame, others: Sequence[DataFrame]) -> DataFrame:
    """One row per patent that is not withdrawn: patent_key, patent_id, title and the fields of `others`.

    others: frames with patent_key (unique) and a field each.
    """
    texts = patents.transform(keep_standing).select("patent_key", "patent_id", "title")
    for other in others:
        texts = texts.join(other, "patent_key", how="left")
    return texts


def tokens(patents: DataFrame, fields: Sequence[str], others: Sequence[DataFrame]) -> DataFrame:
    """One row per patent that is not withdrawn and has a word in its text (the fields, in order).

    others: a frame for each field but the title, with patent_key (unique) and that field.
    """
    return (
        texts_of(patents, others)
        .withColumn("tokens", words_of(*fields))
        .where(F.size("tokens") > 0)
        .transform(conform, schemas.TOKENS.schema)
    )
