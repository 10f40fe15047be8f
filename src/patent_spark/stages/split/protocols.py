"""Who trains and who tests: the two protocols, and families that stay together."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from patent_spark.config import CITATION_LEVEL, Label, Split
from patent_spark.core.schemas import DEVELOPMENT, LARGE_TEST, TEST, TRAIN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def examples_of_task(labels: DataFrame, task: str, label: Label) -> DataFrame:
    """One row per patent with a label for the task: patent_id, patent_key, grant_date, label, exposure_months.

    technology: every patent with a class, its window open or not; citation_level: every patent with a level. How long
    the texts are is only known later, so that nothing is left out for it here.
    """
    name, exposure = (
        ("citation_level", F.lit(label.horizon_months))
        if task == CITATION_LEVEL
        else ("cpc_class", F.lit(None))
    )
    columns = (
        "patent_id",
        "patent_key",
        "grant_date",
        F.col(name).alias("label"),
        exposure.cast("int").alias("exposure_months"),
    )
    return labels.where(F.col(name).isNotNull()).select(*columns)


def with_family(examples: DataFrame, families: DataFrame) -> DataFrame:
    """Examples with `family` from FAMILIES; a patent that is not in it is one of its own."""
    return examples.join(families, on="patent_key", how="left").withColumn(
        "family", F.coalesce("family", "patent_key")
    )


def with_own_family(examples: DataFrame) -> DataFrame:
    """Examples with `family`, every patent one of its own."""
    return examples.withColumn("family", F.col("patent_key"))


def split_stratified(examples: DataFrame, split: Split) -> DataFrame:
    """Examples with `split`: within each label the same shares of test, development, train and large_test.

    Of n patents with a label, s = round(n * sample) are used, the first ones in a seeded order; the other n - s are
    large_test. Of these s, the first round(s * test) are test, those up to round(s * (test + development)) development,
    the rest train. round() takes a half up. So a label with few patents trains before it tests. Families are drawn as
    a whole, see _place: then the sizes are near these numbers, and without families exactly these.
    """
    size = F.floor(F.col("label_size") * split.sample + 0.5)
    named = (
        F.when(F.col("before") >= size, F.lit(LARGE_TEST))
        .when(F.col("before") < _rounded(size, split.test), F.lit(TEST))
        .when(F.col("before") < _rounded(size, split.test + split.development), F.lit(DEVELOPMENT))
        .otherwise(F.lit(TRAIN))
    )
    return examples.transform(_place, named, split.seed)


def split_temporal(examples: DataFrame, split: Split, closes_after_months: int) -> DataFrame:
    """Examples with `split`: train and development up to `train_until`, test_2011, test_2012, ... by grant year.

    With `embargo`, only patents whose label is known before the first day of the first test year train: it closes
    `closes_after_months` after the grant (citation level: the horizon; technology: 0, a class is known at once).
    Of n training patents with a label, the first round(n * development) in a seeded order are development. A training
    or development patent that shares its family with a patent of a test year is left out, so that the test sets keep
    their natural mix. Other years take no part.
    """
    year = F.year("grant_date")
    testing = examples.where(year.isin(list(split.test_years)))
    training = examples.where(year <= split.train_until)
    if split.embargo:
        training = training.where(F.add_months("grant_date", closes_after_months) < _first_test_day(split))
    training = training.join(testing.select("family").distinct(), on="family", how="left_anti")
    named = F.when(
        F.col("before") < _rounded(F.col("label_size"), split.development), F.lit(DEVELOPMENT)
    ).otherwise(F.lit(TRAIN))
    placed = training.transform(_place, named, split.seed)
    return placed.unionByName(testing.withColumn("split", F.concat(F.lit(f"{TEST}_"), year.cast("string"))))


def add_early(placed: DataFrame, early: DataFrame) -> DataFrame:
    """What split_temporal made, and early examples that train: all but those of a family that is tested or is development.

    Development is left to whole labels, so that a model is chosen and calibrated by what it will be asked.
    """
    held_out = placed.where(F.col("split") != TRAIN).select("family").distinct()
    return placed.unionByName(
        early.join(held_out, on="family", how="left_anti").withColumn("split", F.lit(TRAIN))
    )


def early_examples(interim_levels: DataFrame, split: Split, label: Label) -> DataFrame:
    """One row per patent granted up to `train_until` whose window was open on the first test day: as examples_of_task.

    Its label is its level at the longest exposure that was over by then, not for it alone but for every patent of its
    grant year: a level compares the whole year, and would else depend on citations that nobody could know yet. So it
    is the same for all patents of a year, and none where even the shortest exposure had not ended for December's.
    """
    first_test_day = _first_test_day(split)
    year_end = F.make_date(F.year("grant_date"), F.lit(12), F.lit(31))
    over = [
        F.when(F.add_months(year_end, months) < first_test_day, F.lit(months))
        for months in label.follow_up_months
    ]
    longest = F.coalesce(*reversed(over))
    still_open = F.add_months("grant_date", label.horizon_months) >= first_test_day
    return interim_levels.where(
        (F.year("grant_date") <= split.train_until) & still_open & (F.col("exposure_months") == longest)
    ).select(
        "patent_id", "patent_key", "grant_date", F.col("citation_level").alias("label"), "exposure_months"
    )


def _first_test_day(split: Split) -> Column:
    return F.lit(datetime.date(min(split.test_years), 1, 1))


def keep_sides_apart(placed: DataFrame) -> DataFrame:
    """Examples of several tasks, with `family` and `split`, for a model that learns all the tasks: no family is on two sides.

    A family that one task tests neither trains nor develops another: its example of that task is left out. Else one that
    is development for a task is so for all.
    """
    tests = F.col("split").startswith(TEST) | (F.col("split") == LARGE_TEST)
    side = F.when(tests, 2).when(F.col("split") == DEVELOPMENT, 1).otherwise(0)
    sided = placed.withColumn("side", F.max(side).over(Window.partitionBy("family"))).where(
        tests | (F.col("side") < 2)
    )
    return sided.withColumn(
        "split", F.when(F.col("side") == 1, F.lit(DEVELOPMENT)).otherwise(F.col("split"))
    ).drop("side")


def months_until_known(task: str, label: Label) -> int:
    """Months from the grant of a patent until its label for the task is known for good."""
    return label.horizon_months if task == CITATION_LEVEL else 0


def _place(examples: DataFrame, named: Column, seed: int) -> DataFrame:
    """Examples with `split`, the same for all of a family.

    Families stand in a seeded order within the label of their first member (the one with the smallest key): ordered by
    a hash of seed and that key, then by the key, so that the order is total. `named` is the split of a family, from
    `before`, the patents of all families that come before it, and `label_size`, the patents of all families of the
    label. A family thus falls where its first patent falls: a boundary is overshot by less than one family.
    """
    families = examples.groupBy("family").agg(
        F.min("patent_key").alias("first_key"), F.count("*").alias("members")
    )
    labels = examples.select(F.col("patent_key").alias("first_key"), "label")
    families = families.join(labels, on="first_key", how="inner")  # one example a key
    within = Window.partitionBy("label")
    order = within.orderBy(F.xxhash64(F.lit(seed).cast("bigint"), "first_key"), "first_key")
    placed = families.select(
        "family",
        (
            F.sum("members").over(order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
            - F.col("members")
        ).alias("before"),
        F.sum("members").over(within).alias("label_size"),
    ).select("family", named.alias("split"))
    return examples.join(placed, on="family", how="inner")  # placed has each family, once


def _rounded(size: Column, share: float) -> Column:
    return F.floor(size * share + 0.5)
