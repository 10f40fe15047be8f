"""Citation levels: the percentile of a patent's forward citations within its reference set."""

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
    """COUNTS with grant_date, grant_year, window_complete, and the columns of `classes`, null without one."""
    dates = patents.select("patent_key", "grant_date")
    horizon_end = F.add_months("grant_date", label.horizon_months)
    # Every counted patent has one row in PATENTS.
    return (
        counts.join(dates, on="patent_key", how="inner")
        .join(classes, on="patent_key", how="left")
        .withColumn("grant_year", F.year("grant_date"))
        .withColumn("window_complete", horizon_end <= F.lit(data_to_date))
    )


def level_patents(members: DataFrame, label: Label) -> DataFrame:
    """LABELS, one row per patent that is not withdrawn: class, quantiles of its reference set, level.

    `members` comes from with_class_and_window. A level needs a class and a closed window. A patent without
    forward citations is `zerocite` whatever its reference set, even an empty one (population = cited, and
    none is cited). Otherwise a count equal to a quantile is below it.
    """
    return members.transform(_with_level, label).transform(conform, schemas.LABELS.schema)


def interim_levels(members: DataFrame, label: Label, data_to_date: datetime.date) -> DataFrame:
    """One row per patent with a class and follow-up window that had ended on the last day (INTERIM_LEVELS).

    `members` has the citations within each follow-up window, too. The reference set is always class and grant
    year at the same follow-up, whatever the settings for LABELS: patents of the same age. Total citations, or
    the counts of older patents, would use more than was known at that age.
    """
    same_age = dataclasses.replace(
        label, reference_set="class_year", population="all", percentiles_before_censoring=False
    )
    parts = []
    for months in label.follow_up_months:
        ended = F.add_months("grant_date", months) <= F.lit(data_to_date)
        followed = members.where(ended & F.col("cpc_class").isNotNull())
        parts.append(
            followed.withColumn("window_complete", F.lit(True))
            .withColumn("forward_citations", F.col(citations_within(months)))
            .transform(_with_level, same_age)
            .withColumn("follow_up_months", F.lit(months))
            .transform(conform, schemas.INTERIM_LEVELS.schema)
        )
    return reduce(lambda some, more: some.unionAll(more), parts)


def _with_level(members: DataFrame, label: Label) -> DataFrame:
    """Members with q90, q99 and citation_level."""
    quantiles = members.transform(quantiles_per_reference_set, label)
    count = F.col("forward_citations")
    level = (
        F.when(~F.col("window_complete") | F.col("cpc_class").isNull(), F.lit(None))
        .when(count == 0, F.lit(schemas.ZEROCITE))
        .when(F.col("q99").isNull(), F.lit(None))
        .when(count > F.col("q99"), F.lit(schemas.TOP1))
        .when(count > F.col("q90"), F.lit(schemas.TOP10))
        .otherwise(F.lit(schemas.BTM90))
    )
    joined = members.join(F.broadcast(quantiles), on=_reference_columns(label), how="left")
    return joined.withColumn("citation_level", level.cast("string"))


def quantiles_per_reference_set(members: DataFrame, label: Label) -> DataFrame:
    """One row per reference set that is not empty: its columns, q90 and q99 of its forward citations.

    A reference set is a class, or a class and grant year (setting `reference_set`). It includes patents with
    an open window only with percentiles_before_censoring, and never-cited patents only with population = all.
    Quantiles are exact and interpolate linearly between order statistics: equal to NumPy's default to the
    last bit. They are read off a histogram (reference set, count, number of patents), which stays small for
    any number of patents.
    """
    reference = _reference_columns(label)
    population = members.where(F.col("cpc_class").isNotNull())
    if not label.percentiles_before_censoring:
        population = population.where(F.col("window_complete"))
    if label.population == "cited":
        population = population.where(F.col("total_citations") > 0)
    histogram = population.groupBy(*reference, "forward_citations").agg(F.count("*").alias("patents"))
    whole = Window.partitionBy(*reference)
    upwards = whole.orderBy("forward_citations").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return (
        histogram.select(
            *reference,
            F.col("forward_citations").cast("double").alias("value"),
            F.sum("patents").over(upwards).alias("up_to"),
            F.sum("patents").over(whole).alias("size"),
        )
        .groupBy(*reference)
        .agg(_quantile(0.9).alias("q90"), _quantile(0.99).alias("q99"))
    )


def _quantile(share: float) -> Column:
    """Interpolates between the two order statistics around index (size - 1) * share, counted from 0.

    The order statistic with index i is the smallest value v such that more than i patents have a count of at
    most v. `size` is constant within a reference set. The two forms of the interpolation are NumPy's: each is
    exact at its own end.
    """
    place = (F.col("size") - 1) * F.lit(share)
    index = F.floor(place)
    below = F.min(F.when(F.col("up_to") > index, F.col("value")))
    above = F.min(F.when(F.col("up_to") > F.least(index + 1, F.col("size") - 1), F.col("value")))
    part = F.min(place - index)
    return F.when(part >= 0.5, above - (above - below) * (1 - part)).otherwise(below + (above - below) * part)


def _reference_columns(label: Label) -> list[str]:
    return ["cpc_class"] if label.reference_set == "class" else ["cpc_class", "grant_year"]
