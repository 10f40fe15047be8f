"""The patents of an index as one table, in an order that is the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext


def indexed_texts(context: StageContext) -> DataFrame:
    """One row per patent that is not withdrawn and has text: its words, and what is shown of it."""
    return (
        context.read("TOKENS")
        .select("patent_key", "patent_id", "tokens")
        .transform(with_title, context.read("PATENTS"))
        .transform(with_class_and_date, context.read("LABELS"))
        .transform(with_citations, context.read("COUNTS"))
        .transform(with_family, context.read("FAMILIES"))
    )


def with_title(texts: DataFrame, patents: DataFrame) -> DataFrame:
    """The same rows with `title`."""
    return texts.join(patents.select("patent_key", "title"), on="patent_key", how="left")


def with_class_and_date(texts: DataFrame, labels: DataFrame) -> DataFrame:
    """The same rows with `cpc_class` and `grant_date`."""
    return texts.join(labels.select("patent_key", "cpc_class", "grant_date"), on="patent_key", how="left")


def with_citations(texts: DataFrame, counts: DataFrame) -> DataFrame:
    """The same rows with `citations`: distinct citing patents at any time."""
    cited = counts.select("patent_key", F.col("total_citations").alias("citations"))
    return texts.join(cited, on="patent_key", how="left")


def with_family(texts: DataFrame, families: DataFrame) -> DataFrame:
    """The same rows with `family`; a patent without relatives is a family of its own, under its key."""
    joined = texts.join(families, on="patent_key", how="left")
    return joined.withColumn("family", F.coalesce("family", "patent_key"))
