"""The two split protocols, stratified and temporal; families are never split."""

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
    """One row per patent with a label: patent_id, patent_key, grant_date, label, follow_up_months.

    technology: every patent with a code at technology.level, whether its citation window is open or not.
    citation_level: every patent with a level. The length of the texts is not known yet; `shard` drops short
    ones.
    """
    name, follow_up = "technology_label", F.lit(None)
    if task == CITATION_LEVEL:
        name, follow_up = "citation_level", F.lit(label.horizon_months)
    return labels.where(F.col(name).isNotNull()).select(
        "patent_id",
        "patent_key",
        "grant_date",
        F.col(name).alias("label"),
        follow_up.cast("int").alias("follow_up_months"),
    )


def with_family(examples: DataFrame, families: DataFrame) -> DataFrame:
    """Examples with `family` from FAMILIES; a patent that is not in it is its own family."""
    joined = examples.join(families, on="patent_key", how="left")
    return joined.withColumn("family", F.coalesce("family", "patent_key"))


def with_own_family(examples: DataFrame) -> DataFrame:
    """Examples with `family`; each patent is its own family."""
    return examples.withColumn("family", F.col("patent_key"))


def split_stratified(examples: DataFrame, split: Split) -> DataFrame:
    """Examples with `split`: within each label the same shares of test, development, train and large_test.

    Of n patents with a label, the first s = round(n * sample) in a seeded order are used; the other n - s are
    large_test. Of the s, the first round(s * test) are test, those up to round(s * (test + development))
    development, the rest train. round() rounds halves up, so a label with few patents trains before it tests.
    The sizes are exact without families. With them they are approximate, because a family is placed as a
    whole (see _place).
    """
    size = F.floor(F.col("label_size") * split.sample + 0.5)
    split_of_family = (
        F.when(F.col("before") >= size, F.lit(LARGE_TEST))
        .when(F.col("before") < _rounded(size, split.test), F.lit(TEST))
        .when(F.col("before") < _rounded(size, split.test + split.development), F.lit(DEVELOPMENT))
        .otherwise(F.lit(TRAIN))
    )
    return examples.transform(_place, split_of_family, split.seed)


def split_temporal(examples: DataFrame, split: Split, closes_after_months: int) -> DataFrame:
    """Examples with `split`: train and development up to `train_until`, test_YYYY by grant year.

    With `embargo`, only patents whose label is known before the first day of the first test year train. A
    label is known `closes_after_months` after the grant (citation level: the horizon; technology: 0). Of n
    training patents with a label, the first round(n * development) in a seeded order are development.
    Training and development patents whose family has a patent in a test year are dropped; the test sets keep
    their natural mix. Other years are unused.
    """
    year = F.year("grant_date")
    testing = examples.where(year.isin(list(split.test_years)))
    training = examples.where(year <= split.train_until)
    if split.embargo:
        training = training.where(F.add_months("grant_date", closes_after_months) < _first_test_day(split))
    training = training.join(testing.select("family").distinct(), on="family", how="left_anti")
    split_of_family = F.when(
        F.col("before") < _rounded(F.col("label_size"), split.development), F.lit(DEVELOPMENT)
    ).otherwise(F.lit(TRAIN))
    placed = training.transform(_place, split_of_family, split.seed)
    return placed.unionByName(testing.withColumn("split", F.concat(F.lit(f"{TEST}_"), year.cast("string"))))


def add_interim(placed: DataFrame, interim: DataFrame) -> DataFrame:
    """The examples of split_temporal; train gets the interim examples whose family is not held out.

    Development has final labels only, so that a model is selected and calibrated on what it has to predict.
    """
    held_out = placed.where(F.col("split") != TRAIN).select("family").distinct()
    training = interim.join(held_out, on="family", how="left_anti")
    return placed.unionByName(training.withColumn("split", F.lit(TRAIN)))


def interim_examples(interim_levels: DataFrame, split: Split, label: Label) -> DataFrame:
    """One row per patent granted up to `train_until` whose citation window was open on the first test day.

    Columns as in examples_of_task. The label is the interim level at the longest follow-up window that had
    ended by then for every patent of its grant year. A level compares the whole year, so a longer window
    would use citations that were not yet known. All patents of a year have the same follow-up window. Years
    without one are left out.
    """
    first_test_day = _first_test_day(split)
    year_end = F.make_date(F.year("grant_date"), F.lit(12), F.lit(31))
    ended = [
        F.when(F.add_months(year_end, months) < first_test_day, F.lit(months))
        for months in label.follow_up_months
    ]
    longest = F.coalesce(*reversed(ended))
    still_open = F.add_months("grant_date", label.horizon_months) >= first_test_day
    chosen = interim_levels.where(
        (F.year("grant_date") <= split.train_until) & still_open & (F.col("follow_up_months") == longest)
    )
    label_column = F.col("citation_level").alias("label")
    return chosen.select("patent_id", "patent_key", "grant_date", label_column, "follow_up_months")


def _first_test_day(split: Split) -> Column:
    return F.lit(datetime.date(min(split.test_years), 1, 1))


def keep_families_on_one_side(examples: DataFrame) -> DataFrame:
    """Examples of several tasks for one model of all tasks, such that no family is on two sides.

    examples: with `family` and `split`. A family that any task tests is dropped from train and development of
    the other tasks. Otherwise a family that is development for one task is development for all.
    """
    tests = F.col("split").startswith(TEST) | (F.col("split") == LARGE_TEST)
    side = F.when(tests, 2).when(F.col("split") == DEVELOPMENT, 1).otherwise(0)
    sided = examples.withColumn("side", F.max(side).over(Window.partitionBy("family")))
    kept = sided.where(tests | (F.col("side") < 2))
    split = F.when(F.col("side") == 1, F.lit(DEVELOPMENT)).otherwise(F.col("split"))
    return kept.withColumn("split", split).drop("side")


def months_until_known(task: str, label: Label) -> int:
    """Months from the grant of a patent until its label for the task is final."""
    return label.horizon_months if task == CITATION_LEVEL else 0


def _place(examples: DataFrame, split_of_family: Column, seed: int) -> DataFrame:
    """Examples with `split`, the same for all members of a family.

    Families are ordered within the label of their first member (the one with the smallest key): by a hash of
    the seed and that key, then by the key, so that the order is total. `split_of_family` computes the split
    of a family from `before`, the number of patents in all families before it, and `label_size`, that of all
    families of the label. A family goes where its first patent goes, so a boundary is exceeded by less than
    one family.
    """
    families = examples.groupBy("family").agg(
        F.min("patent_key").alias("first_key"), F.count("*").alias("members")
    )
    labels = examples.select(F.col("patent_key").alias("first_key"), "label")
    # One example a key, so the join keeps the rows.
    families = families.join(labels, on="first_key", how="inner")
    within = Window.partitionBy("label")
    order = within.orderBy(F.xxhash64(F.lit(seed).cast("bigint"), "first_key"), "first_key")
    up_to = F.sum("members").over(order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    placed = families.select(
        "family",
        (up_to - F.col("members")).alias("before"),
        F.sum("members").over(within).alias("label_size"),
    ).select("family", split_of_family.alias("split"))
    # `placed` has each family once.
    return examples.join(placed, on="family", how="inner")


def _rounded(size: Column, share: float) -> Column:
    return F.floor(size * share + 0.5)
