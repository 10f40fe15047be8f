"""Writers of usable and of rejected rows: Parquet files, written row group by row group beside the parser."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.schemas import REJECTS
from patent_spark.core.store import arrow_schema
from patent_spark.stages.ingest.tsv import DICTIONARY, Reject
from patent_spark.stages.ingest.values import Columns

_GROUP_ROWS = 1 << 20
_GROUP_BYTES = 32 << 20
_FILES = 2
"""Files of each table and source file.

Compressing long texts takes the most time, and each file has one thread.
"""


class TableWriter:
    """Writes the Parquet files of one table.

    Row groups of about a million rows or 32 MB go to the files in turn. Each file has its own thread.
    """

    def __init__(self, directory: Path, part: str, table: str, repeating: tuple[str, ...]) -> None:
        fields = [
            pa.field(f.name, DICTIONARY) if f.name in repeating and f.type == pa.string() else f
            for f in arrow_schema(table)
        ]
        self.table = table
        self._schema = pa.schema(fields)
        self._files = [
            _File(directory / f"{part}-{number}.parquet", self._schema) for number in range(_FILES)
        ]
        self._batches: list[pa.RecordBatch] = []
        self._groups = self._gathered = self._bytes = 0

    def write(self, columns: Columns) -> None:
        """Add rows; columns that the table does not have are ignored."""
        arrays = [columns[name] for name in self._schema.names]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._batches.append(batch)
        self._gathered += batch.num_rows
        self._bytes += batch.nbytes
        if self._gathered >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the last rows and the footers; after an error only close the files."""
        with ExitStack() as stack:
            for file in self._files:
                stack.callback(file.close)
            if kind is None:
                # A table without rows has a file, too.
                if self._gathered or not self._groups:
                    self._flush()
                for file in self._files:
                    file.wait()

    def _flush(self) -> None:
        self._files[self._groups % _FILES].write(pa.Table.from_batches(self._batches, self._schema))
        self._batches, self._groups, self._gathered, self._bytes = [], self._groups + 1, 0, 0


class _File:
    """One Parquet file; it writes a row group while the next one is gathered."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._thread = ThreadPoolExecutor(1)
        self._writer: pq.ParquetWriter | None = None
        self._writing: Future[None] | None = None

    def write(self, group: pa.Table) -> None:
        """Start to write a row group as soon as the one before is written."""
        self.wait()
        self._writing = self._thread.submit(self._write, group)

    def wait(self) -> None:
        """Wait until the last row group is written; raises its error."""
        if self._writing is not None:
            self._writing.result()

    def close(self) -> None:
        """Write the footer."""
        self._thread.shutdown()
        if self._writer is not None:
            self._writer.close()

    def _write(self, group: pa.Table) -> None:
        self._writer = self._writer or self._open()
        # With one dictionary for the whole group, its indices go into the file unchanged.
        self._writer.write_table(group.unify_dictionaries(), row_group_size=max(1, group.num_rows))

    def _open(self) -> pq.ParquetWriter:
        with_statistics = [f.name for f in self._schema if f.name.endswith("_key") or f.type == pa.date32()]
        # Without store_schema a dictionary column reads as the plain text column of the table's schema.
        return pq.ParquetWriter(
            self._path,
            self._schema,
            compression="zstd",
            compression_level=1,
            store_schema=False,
            write_statistics=with_statistics,
            use_dictionary=[f.name for f in self._schema if f.type in (DICTIONARY, pa.date32(), pa.int32())],
        )


class RejectWriter:
    """Writes the rejected rows of one file, and counts them by reason."""

    def __init__(self, path: Path, table: str, file: str) -> None:
        self.path, self.reasons = path, Counter[str]()
        self._table, self._file = table, file
        self._schema = arrow_schema(REJECTS.name)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=1)
        self._waiting: list[Reject] = []
        self.first: Reject | None = None

    def write(self, rejects: list[Reject]) -> None:
        """Add rejected rows."""
        self.reasons.update(reject.reason for reject in rejects)
        known = [*rejects, *([self.first] if self.first else [])]
        self.first = min(known, key=lambda reject: reject.row, default=None)
        self._waiting += rejects
        if len(self._waiting) >= _GROUP_ROWS // 16:
            self._flush()

    def __enter__(self) -> RejectWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the last rows and the footer; after an error only close the file."""
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def _flush(self) -> None:
        rows = sorted(self._waiting, key=lambda reject: reject.row)
        fixed = {"table": self._table, "file": self._file}
        batch = [
            fixed | {"row": reject.row, "reason": reject.reason, "content": reject.content} for reject in rows
        ]
        self._writer.write_table(pa.Table.from_pylist(batch, self._schema))
        self._waiting = []
