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
    """One row per patent that is not withdrawn: COUNTS, plus its citations within each follow-up window.

    The date of a citation is the grant date of the citing patent, never the citation file's date, which is
    the cited document's. The citation is within the horizon if that day lies in [g, add_months(g, horizon)],
    both ends included, where g is the cited patent's grant date. add_months ends on the last day of a shorter
    month. Distinct citing patents are counted, not rows. Citations by unknown or withdrawn patents are
    ignored. A patent without citations has count 0.
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
    """The columns of COUNTS, and one more for each follow-up window."""
    return StructType(
        [
            *schemas.COUNTS.schema,
            *(StructField(citations_within(months), LongType()) for months in label.follow_up_months),
        ]
    )


def citations_within(months: int) -> str:
    """The column of citations within a follow-up window."""
    return f"citations_{months}"


def keep_counted(citations: DataFrame, label: Label) -> DataFrame:
    """Citations that count under the settings and whose cited id is a patent's."""
    return citations.where(may_count(label) & F.col("cited_key").isNotNull()).select(
        "citing_key", "cited_key", "may_repeat"
    )


def drop_repeated(citations: DataFrame) -> DataFrame:
    """One row per pair of citing_key and cited_key.

    Only rows that may repeat are compared. They are few in a release whose rows are grouped by citing patent,
    and a second pass over two columns costs less than comparing all pairs.
    """
    may_repeat = F.coalesce("may_repeat", F.lit(True))
    unique, compared = (
        citations.where(chosen).select("citing_key", "cited_key") for chosen in (~may_repeat, may_repeat)
    )
    return unique.unionAll(compared.distinct())


def with_dates(citations: DataFrame, standing: DataFrame) -> DataFrame:
    """Citations between known patents, with `citing_date` and `cited_date`, their grant dates.

    Two numbers a patent are broadcast, so the citations are not shuffled. Both sides are the same query
    except for the names of its columns, so Spark makes one copy for both joins. The dates are on the left,
    where Sail builds its hash table: with the citations there it took twice the time and three times the
    memory.
    """
    for side in ("citing", "cited"):
        dates = standing.select(
            F.col("patent_key").alias(f"{side}_key"), F.col("grant_date").alias(f"{side}_date")
        )
        citations = F.broadcast(dates).join(citations, on=f"{side}_key", how="inner")
    return citations


def _count_per_cited(dated: DataFrame, label: Label) -> DataFrame:
    """One row per cited patent: patent_key and its counts.

    Citations are summed in place; only sums are shuffled.
    """
    windows = {"forward_citations": label.horizon_months} | {
        citations_within(months): months for months in label.follow_up_months
    }
    within = [
        F.col("citing_date").between(F.col("cited_date"), F.add_months("cited_date", months))
        for months in windows.values()
    ]
    return (
        dated.select(
            F.col("cited_key").alias("patent_key"),
            *(each.cast("bigint").alias(name) for name, each in zip(windows, within, strict=True)),
        )
        .groupBy("patent_key")
        .agg(*(F.sum(name).alias(name) for name in windows), F.count("*").alias("total_citations"))
    )
