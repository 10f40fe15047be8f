"""Scratch tables: intermediate results of a stage, kept as Parquet in its draft and removed after use."""

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
def materialize(context: StageContext, frame: DataFrame, name: str) -> Iterator[DataFrame]:
    """The same rows, computed once and read back from Parquet; unlike a cache it takes no memory."""
    path = context.draft.directory / name
    write_parquet(frame, path)
    yield context.session.read.schema(frame.schema).parquet(location(path))
    shutil.rmtree(path)


@contextmanager
def scratch_table(context: StageContext, table: pa.Table, name: str) -> Iterator[DataFrame]:
    """An Arrow table of this process as a frame; the file in the draft is visible to executors, too."""
    path = context.draft.directory / name
    path.mkdir()
    pq.write_table(table, path / "part-0.parquet")
    yield context.session.read.parquet(location(path))
    shutil.rmtree(path)
