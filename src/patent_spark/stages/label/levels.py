"""Citation levels: where a patent's forward citations stand among those of its class."""

from __future__ import annotations

import dataclasses
import datetime
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from patent_spark.config import Label
from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.stages.label.counts import citations_within

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def with_class_and_window(
    counts: DataFrame, patents: DataFrame, classes: DataFrame, label: Label, data_to_date: datetime.date
) -> DataFrame:
    """COUNTS with grant_date, grant_year, cpc_class (null without any) and window_complete; the rows stay the same."""
    dates = patents.select("patent_key", "grant_date")
    horizon_end = F.add_months("grant_date", label.horizon_months)
    return (
        counts.join(dates, on="patent_key", how="inner")  # every counted patent is in PATENTS, once
        .join(classes, on="patent_key", how="left")
        .withColumn("grant_year", F.year("grant_date"))
        .withColumn("window_complete", horizon_end <= F.lit(data_to_date))
    )


def level_patents(members: DataFrame, label: Label) -> DataFrame:
    """One row per patent that is not withdrawn: class, quantiles of its pool and citation level (LABELS).

    `members` is what with_class_and_window makes. A level needs a class and a closed window. No forward citation is
    `zerocite`, whatever the pool, also when the pool is empty (population = cited, and nobody cited); otherwise a count
    equal to a quantile is below it.
    """
    return members.transform(_with_level, label).transform(conform, schemas.LABELS.schema)


def interim_levels(members: DataFrame, label: Label, data_to_date: datetime.date) -> DataFrame:
    """One row per patent with a class and exposure that was over on the last day (INTERIM_LEVELS).

    `members` has the citations within each exposure too. A patent is compared with all patents of its class and grant
    year at the same exposure, whatever the settings say of the pools of LABELS: with patents of the same age. Who is cited
    at any time, or how older patents fared, would tell more than was known at that age.
    """
    same_age = dataclasses.replace(
        label, reference_set="class_year", population="all", percentiles_before_censoring=False
    )
    parts = []
    for months in label.follow_up_months:
        over = F.add_months("grant_date", months) <= F.lit(data_to_date)
        seen = members.where(over & F.col("cpc_class").isNotNull()).withColumn("window_complete", F.lit(True))
        seen = seen.withColumn("forward_citations", F.col(citations_within(months))).transform(
            _with_level, same_age
        )
        parts.append(
            seen.withColumn("exposure_months", F.lit(months)).transform(
                conform, schemas.INTERIM_LEVELS.schema
            )
        )
    return reduce(lambda some, more: some.unionAll(more), parts)


def _with_level(members: DataFrame, label: Label) -> DataFrame:
    """Members with q90, q99 and citation_level."""
    quantiles = members.transform(quantiles_per_pool, label)
    count = F.col("forward_citations")
    level = (
        F.when(~F.col("window_complete") | F.col("cpc_class").isNull(), F.lit(None))
        .when(count == 0, F.lit(schemas.ZEROCITE))
        .when(F.col("q99").isNull(), F.lit(None))
        .when(count > F.col("q99"), F.lit(schemas.TOP1))
        .when(count > F.col("q90"), F.lit(schemas.TOP10))
        .otherwise(F.lit(schemas.BTM90))
    )
    return members.join(F.broadcast(quantiles), on=_pool_columns(label), how="left").withColumn(
        "citation_level", level.cast("string")
    )


def quantiles_per_pool(members: DataFrame, label: Label) -> DataFrame:
    """One row per pool with a patent in it: the pool's columns, q90 and q99 of its forward citations.

    A pool is a class, or a class and grant year (setting `pool`). Patents with an open window are in it only with
    percentiles_before_censoring, never-cited ones only with population = all. Quantiles are exact and interpolate
    linearly between order statistics, as NumPy's default does, to the last bit. They are read off a histogram (pool,
    count, number of patents), which is small whatever the number of patents.
    """
    pool = _pool_columns(label)
    population = members.where(F.col("cpc_class").isNotNull())
    if not label.percentiles_before_censoring:
        population = population.where(F.col("window_complete"))
    if label.population == "cited":
        population = population.where(F.col("total_citations") > 0)
    histogram = population.groupBy(*pool, "forward_citations").agg(F.count("*").alias("patents"))
    whole = Window.partitionBy(*pool)
    upwards = whole.orderBy("forward_citations").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return (
        histogram.select(
            *pool,
            F.col("forward_citations").cast("double").alias("value"),
            F.sum("patents").over(upwards).alias("up_to"),
            F.sum("patents").over(whole).alias("size"),
        )
        .groupBy(*pool)
        .agg(_quantile(0.9).alias("q90"), _quantile(0.99).alias("q99"))
    )


def _quantile(share: float) -> Column:
    """Interpolates between the two order statistics around the place (size - 1) * share, counted from 0.

    The order statistic with index i is the smallest value that more than i patents do not exceed. `size` is the same
    in all rows of a pool. The two forms of the interpolation are NumPy's: each is exact at its own end.
    """
    place = (F.col("size") - 1) * F.lit(share)
    index = F.floor(place)
    below = F.min(F.when(F.col("up_to") > index, F.col("value")))
    above = F.min(F.when(F.col("up_to") > F.least(index + 1, F.col("size") - 1), F.col("value")))
    part = F.min(place - index)
    return F.when(part >= 0.5, above - (above - below) * (1 - part)).otherwise(below + (above - below) * part)


def _pool_columns(label: Label) -> list[str]:
    return ["cpc_class"] if label.reference_set == "class" else ["cpc_class", "grant_year"]
