"""Forward citations: how many patents cite a patent, within the horizon and at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StructField, StructType

from patent_spark.config import Label
from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.core.patent_rules import keep_standing, may_count

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_citations(patents: DataFrame, citations: DataFrame, label: Label) -> DataFrame:
    """One row per patent that is not withdrawn: its forward citations within the horizon and in total (COUNTS), and within each exposure.

    A citation is dated by the grant date of the citing patent, never by the citation file (whose date is the cited
    document's). It is within the horizon in [g, add_months(g, horizon)], g the cited grant date, both ends included;
    add_months ends on the month's last day where the month is shorter. Distinct citing patents are counted, not rows.
    A citation whose citing patent is unknown or withdrawn counts nowhere. A patent that nobody cites counts 0.
    """
    standing = patents.transform(keep_standing).select("patent_key", "patent_id", "grant_date")
    counts = (
        citations.transform(keep_counted, label)
        .transform(drop_repeated)
        .transform(with_dates, standing)
        .transform(_count_per_cited, label)
    )
    return (
        standing.select("patent_key", "patent_id")
        .join(counts, on="patent_key", how="left")
        .fillna(0, subset=[name for name in counts.columns if name != "patent_key"])
        .transform(conform, counts_schema(label))
    )


def counts_schema(label: Label) -> StructType:
    """The columns of COUNTS, and one more for each exposure."""
    return StructType(
        [
            *schemas.COUNTS.schema,
            *(StructField(citations_within(months), LongType()) for months in label.follow_up_months),
        ]
    )


def citations_within(months: int) -> str:
    """The column of citations within an exposure."""
    return f"citations_{months}"


def keep_counted(citations: DataFrame, label: Label) -> DataFrame:
    """Citations that the settings let count and whose cited patent's id has a patent's form."""
    return citations.where(may_count(label) & F.col("cited_key").isNotNull()).select(
        "citing_key", "cited_key", "may_repeat"
    )


def drop_repeated(citations: DataFrame) -> DataFrame:
    """One row per pair of citing_key and cited_key.

    Only rows that may repeat are compared. They are few in a release whose rows stand together by citing patent, and a
    second pass over two columns costs less than telling all pairs apart.
    """
    doubtful = F.coalesce("may_repeat", F.lit(True))
    certain, compared = (
        citations.where(chosen).select("citing_key", "cited_key") for chosen in (~doubtful, doubtful)
    )
    return certain.unionAll(compared.distinct())


def with_dates(citations: DataFrame, standing: DataFrame) -> DataFrame:
    """Citations with `citing_date` and `cited_date`, the grant dates of both patents; dropped where one is not there.

    Two numbers a patent are broadcast, so that the citations stay where they are. Both sides are the same query but for
    its columns' names: Spark makes one copy for the two joins. The dates stand on the left, where Sail builds its hash
    table: with the citations there it took twice the time and three times the memory.
    """
    for side in ("citing", "cited"):
        dates = standing.select(
            F.col("patent_key").alias(f"{side}_key"), F.col("grant_date").alias(f"{side}_date")
        )
        citations = F.broadcast(dates).join(citations, on=f"{side}_key", how="inner")
    return citations


def _count_per_cited(dated: DataFrame, label: Label) -> DataFrame:
    """One row per cited patent: patent_key and counts of its citations. They are added up where they lie; only sums are shuffled."""
    spans = {"forward_citations": label.horizon_months} | {
        citations_within(months): months for months in label.follow_up_months
    }
    within = [
        F.col("citing_date").between(F.col("cited_date"), F.add_months("cited_date", months))
        for months in spans.values()
    ]
    return (
        dated.select(
            F.col("cited_key").alias("patent_key"),
            *(each.cast("bigint").alias(name) for name, each in zip(spans, within, strict=True)),
        )
        .groupBy("patent_key")
        .agg(*(F.sum(name).alias(name) for name in spans), F.count("*").alias("total_citations"))
    )
