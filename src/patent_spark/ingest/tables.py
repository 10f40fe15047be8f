"""Where good and bad rows go: Parquet files that are written group by group on a thread beside the parser."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.ingest.rules import Columns
from patent_spark.ingest.tsv import DICTIONARY, Reject
from patent_spark.schemas import REJECTS
from patent_spark.store import arrow_schema

_GROUP_ROWS = 1 << 20
_GROUP_BYTES = 32 << 20


class TableWriter:
    """One table's Parquet file; row groups of about a million rows or 32 MB, one being written while the next is gathered."""

    def __init__(self, path: Path, table: str, repeating: tuple[str, ...]) -> None:
        fields = [pa.field(f.name, DICTIONARY) if f.name in repeating and f.type == pa.string() else f for f in arrow_schema(table)]
        self.table = table
        self._schema = pa.schema(fields)
        # Without Arrow's own schema in the file a dictionary column reads as the plain text column that the table promises.
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=1,
            store_schema=False,
            write_statistics=[f.name for f in fields if f.name.endswith("_key") or f.type == pa.date32()],
            use_dictionary=[f.name for f in fields if f.type in (DICTIONARY, pa.date32(), pa.int32())],
        )
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._batches: list[pa.RecordBatch] = []
        self._gathered = self._bytes = 0

    def write(self, columns: Columns) -> None:
        """Add rows; columns that the table does not have are left out."""
        batch = pa.RecordBatch.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)
        self._batches.append(batch)
        self._gathered += batch.num_rows
        self._bytes += batch.nbytes
        if self._gathered >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is left and the footer; after an error only let go of the file."""
        try:
            if kind is None:
                self._flush()
                self._wait()
        finally:
            self._thread.shutdown()
            self._writer.close()

    def _flush(self) -> None:
        self._wait()
        if self._gathered:
            group = pa.Table.from_batches(self._batches, self._schema)
            self._writing = self._thread.submit(self._write_group, group)
        self._batches, self._gathered, self._bytes = [], 0, 0

    def _write_group(self, group: pa.Table) -> None:
        # One dictionary for the whole group: its indices then go into the file as they are.
        self._writer.write_table(group.unify_dictionaries(), row_group_size=max(1, group.num_rows))

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None


class RejectWriter:
    """The rejected rows of one file, counted by reason."""

    def __init__(self, path: Path, table: str, file: str) -> None:
        self.path, self.reasons = path, Counter[str]()
        self._table, self._file = table, file
        self._schema = arrow_schema(REJECTS.name)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=1)
        self._waiting: list[Reject] = []

    def write(self, rejects: list[Reject]) -> None:
        """Add rejected rows."""
        self.reasons.update(reject.reason for reject in rejects)
        self._waiting += rejects
        if len(self._waiting) >= _GROUP_ROWS // 16:
            self._flush()

    def __enter__(self) -> RejectWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is left and the footer; after an error only let go of the file."""
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def _flush(self) -> None:
        rows = sorted(self._waiting, key=lambda reject: reject.row)
        fixed = {"table": self._table, "file": self._file}
        batch = [fixed | {"row": reject.row, "reason": reject.reason, "content": reject.content} for reject in rows]
        self._writer.write_table(pa.Table.from_pylist(batch, self._schema))
        self._waiting = []
