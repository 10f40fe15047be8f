"""Joint examples of several tasks: each text once, with one label for the labels of all tasks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.store import location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TEXT = ["patent_key", "length", "tokens"]


def read_examples(session: SparkSession, directory: Path) -> DataFrame:
    """The rows of EXAMPLES/<task>/<split> without padding."""
    return session.read.schema(schemas.EXAMPLES.schema).parquet(location(directory)).where("patent_key >= 0")


def join_examples(examples: Mapping[str, DataFrame], sizes: Mapping[str, int]) -> DataFrame:
    """One row per patent that is an example of any of the tasks: patent_key, label, length, tokens.

    sizes: the number of labels of each task, including tasks without examples. label: see
    layout.labels_of_tasks. A patent's text is the same for every task, because all tasks cut it at the same
    length.
    """
    named = [rows.select(*_TEXT, F.col("label").alias(task)) for task, rows in examples.items()]
    together = reduce(lambda one, other: one.join(other, _TEXT, how="full"), named)
    label = F.lit(0)
    for task, size in sizes.items():
        own = F.coalesce(task, F.lit(size)) if task in examples else F.lit(size)
        label = label * (size + 1) + own
    return together.select("patent_key", label.cast("int").alias("label"), "length", "tokens")
