"""Texts to score as tables: their columns, and how rows are regrouped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from patent_spark.core.features import TABLE_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import Column

    from patent_spark.core.model_files import TaskDescription

KEPT = ("patent_key", "patent_id", "row")
"""Columns that go from the input to SCORES as they are."""
TEXT = "text"
"""What a model reads; the columns of FEATURES that it reads beside it stand under their own names."""


def columns_beside(about: TaskDescription) -> list[str]:
    """The columns of FEATURES that a model reads beside the text."""
    columns = about.features.columns if about.features else ()
    return [each.column for each in columns if each.column in TABLE_COLUMNS]


def text_of(fields: Sequence[str]) -> Column:
    """The fields that a model reads, in its order; those that are null count as empty."""
    return F.concat_ws(" ", *fields).alias(TEXT)


def chunks(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` rows; the last one may have fewer."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= rows:
            taken = rows - count
            yield pa.Table.from_batches([*waiting, batch.slice(0, taken)])
            waiting, count, batch = [], 0, batch.slice(taken)
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting)
