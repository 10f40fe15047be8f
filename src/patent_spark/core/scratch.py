"""Frames that a stage needs more than once: worked out once, kept beside its tables, removed when it is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from patent_spark.core.store import location, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext


@contextmanager
def kept_aside(context: StageContext, frame: DataFrame, name: str) -> Iterator[DataFrame]:
    """The same rows, read back from Parquet in the draft: a plain file costs no memory, as a cache does, on any engine."""
    path = context.draft.directory / name
    write_parquet(frame, path)
    yield context.session.read.schema(frame.schema).parquet(location(path))
    shutil.rmtree(path)


@contextmanager
def table_aside(context: StageContext, table: pa.Table, name: str) -> Iterator[DataFrame]:
    """A table of this process as a frame, by way of a file in the draft, which executors see as well."""
    path = context.draft.directory / name
    path.mkdir()
    pq.write_table(table, path / "part-0.parquet")
    yield context.session.read.parquet(location(path))
    shutil.rmtree(path)
