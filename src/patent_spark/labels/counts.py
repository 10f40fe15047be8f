"""Forward citations: how many patents cite a patent, within the horizon and at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark import schemas
from patent_spark.checks import conform
from patent_spark.config import Label
from patent_spark.rules import keep_standing, may_count

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def count_citations(patents: DataFrame, citations: DataFrame, label: Label) -> DataFrame:
    """One row per patent that is not withdrawn: its forward citations within the horizon and in total (COUNTS).

    A citation is dated by the grant date of the citing patent, never by the citation file (whose date is the cited
    document's). It is within the horizon in [g, add_months(g, horizon)], g the cited grant date, both ends included;
    add_months ends on the month's last day where the month is shorter. Distinct citing patents are counted, not rows.
    A citation whose citing patent is unknown or withdrawn counts nowhere. A patent that nobody cites counts 0.
    """
    standing = patents.transform(keep_standing).select("patent_key", "patent_id", "grant_date")
    counts = citations.transform(keep_counted, label).transform(with_citing_date, standing).transform(_count_per_cited, standing, label)
    return (
        standing.select("patent_key", "patent_id")
        .join(counts, on="patent_key", how="inner")  # counts has each of them, once
        .transform(conform, schemas.COUNTS.schema)
    )


def keep_counted(citations: DataFrame, label: Label) -> DataFrame:
    """Citations that the knobs let count and whose cited patent's id has a patent's form."""
    return citations.where(may_count(label) & F.col("cited_key").isNotNull()).select("citing_key", "cited_key")


def with_citing_date(citations: DataFrame, standing: DataFrame) -> DataFrame:
    """Citations with `citing_date`, the citing patent's grant date; those by a patent that is not there are dropped.

    Two numbers a patent are broadcast, so that the citations stay where they are.
    """
    dates = standing.select(F.col("patent_key").alias("citing_key"), F.col("grant_date").alias("citing_date"))
    return citations.join(F.broadcast(dates), on="citing_key", how="inner")


def _count_per_cited(dated: DataFrame, standing: DataFrame, label: Label) -> DataFrame:
    """One row per patent of `standing`: forward_citations and total_citations.

    The citations are shuffled once, by cited patent: join, distinct and count then share that partitioning. A citing
    patent and whether it is within the horizon are one number (twice its key, plus one if within), which halves what
    distinct has to compare; it is null for a patent without citations, which count() and sum() leave out.
    """
    horizon = standing.select("patent_key", "grant_date", F.add_months("grant_date", label.horizon_months).alias("horizon_end"))
    within = F.col("citing_date").between(F.col("grant_date"), F.col("horizon_end"))
    return (
        horizon.join(dated, on=horizon["patent_key"] == dated["cited_key"], how="left")
        .select("patent_key", (F.col("citing_key") * _long(2) + within.cast("bigint")).alias("citing"))
        .distinct()
        .groupBy("patent_key")
        .agg(
            F.coalesce(F.sum(F.col("citing").bitwiseAND(_long(1))), _long(0)).alias("forward_citations"),
            F.count("citing").alias("total_citations"),
        )
    )


def _long(value: int) -> Column:
    return F.lit(value).cast("bigint")
