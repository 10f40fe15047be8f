"""Files of the user as texts to score, copied into partitions: a run reads to its end what it began with."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.config import digest
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.id_spelling import read_ids
from patent_spark.core.progress import Progress
from patent_spark.core.store import location
from patent_spark.stages.score.file_formats import batches, file_set
from patent_spark.stages.score.plan import Partition, Plan
from patent_spark.stages.score.texts import KEPT, chunks, columns_beside, text_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.model_files import TaskDescription

_ROW_GROUP = 10_000


class FileInput:
    """The rows of Parquet or CSV files, in the order of their names.

    fields: of a text, such as title and abstract: the columns that the models read. copies: a folder for the
    partitions, which all workers see. beside: columns of FEATURES that the models read; a file may lack them.
    """

    release_id: str | None = None

    def __init__(
        self, context: StageContext, fields: tuple[str, ...], copies: Path, beside: tuple[str, ...] = ()
    ) -> None:
        score = context.config.score
        self._context, self._copies = context, copies
        self._files = file_set(score.input, score.format, score.delimiter)
        self._columns = {"patent_id": score.id_column} | {
            field: str(getattr(score, f"{field}_column")) for field in fields
        }
        self._beside = beside

    def fingerprint(self) -> str:
        """What the texts depend on: names and contents of the files, and how they are read."""
        names = [str(path.relative_to(self._files.root)) for path in self._files.files]
        contents = [_sha256(path) for path in self._files.files]
        how = [self._files.format, self._files.delimiter, self._columns, self._beside]
        return digest([*zip(names, contents, strict=True), how])

    def prepare(self, partition_rows: int) -> Plan:
        """Copy the files into partitions of at most so many rows; raises DataError when there is no row."""
        shutil.rmtree(self._copies, ignore_errors=True)
        self._copies.mkdir(parents=True)
        rows: list[int] = []
        with Progress("score: reading the input") as bar, ExitStack() as writers:
            for group in chunks(self._numbered(), min(_ROW_GROUP, partition_rows)):
                if not rows or rows[-1] + group.num_rows > partition_rows:
                    writers.close()
                    path = self._copy(len(rows))
                    writer = writers.enter_context(pq.ParquetWriter(path, group.schema, compression="zstd"))
                    rows.append(0)
                writer.write_table(group)
                rows[-1] += group.num_rows
                bar.update(group.num_rows)
        if not rows:
            raise DataError(
                f"score.input = {self._context.config.score.input} has no row to score", setting="score.input"
            )
        return Plan(partitions=tuple(Partition(number=i, rows=each) for i, each in enumerate(rows)))

    def texts(self, partition: Partition, about: TaskDescription) -> DataFrame:
        """One row per row of a partition: the columns KEPT, its text, empty without any, and what the model
        reads beside it."""
        copied = self._context.session.read.parquet(location(self._copy(partition.number)))
        return copied.select(*KEPT, text_of(about.text.fields), *columns_beside(about))

    def _copy(self, number: int) -> Path:
        return self._copies / f"{number}.parquet"

    def _numbered(self) -> Iterator[pa.RecordBatch]:
        """All rows with their place in the input and the key of their patent."""
        place = 0
        for path in self._files.files:
            for batch in batches(self._files, path, self._columns, self._beside):
                ids = batch.column(0)
                rows = pa.array(np.arange(place, place + batch.num_rows))
                keys = read_ids(ids).keys
                yield pa.record_batch(
                    [keys, ids, rows, *batch.columns[1:]], names=[*KEPT, *batch.schema.names[1:]]
                )
                place += batch.num_rows


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
