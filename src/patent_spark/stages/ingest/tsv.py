"""The rows of a PatentsView TSV file, block by block, each with its number in the file.

The parser runs without its own threads: with them it does not number the rows that it cannot parse. On two
cores the threads gained nothing, because inflating (a read-ahead thread), validating and writing (the caller)
run in parallel.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.file_formats import FileFormat
from patent_spark.stages.ingest.zip_reader import Member, header_of

DICTIONARY = pa.dictionary(pa.int32(), pa.string())

_HEADER_ROWS = 1
_CONTENT = 200


@dataclass(frozen=True)
class Reject:
    """A rejected row: its number in the file, the reason and the beginning of its text."""

    row: int
    reason: str
    content: str


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows as text columns, named as in our tables; empty fields are null."""

    columns: dict[str, pa.Array]
    rows: int
    malformed: list[Reject]
    """Rows with the wrong number of fields since the last block; not among `rows`."""
    _start: int
    _skipped: int
    _gaps: npt.NDArray[np.int64]

    def row_numbers(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers in the file (the header is row 1) of the rows at these places of the block."""
        usable = self._start + places
        return usable + _HEADER_ROWS + 1 + self._skipped + np.searchsorted(self._gaps, usable, side="right")

    def content(self, place: int) -> str:
        """The beginning of one row: the columns that are read."""
        values = [column[place].as_py() or "" for column in self.columns.values()]
        return "\t".join('"' + value[:_CONTENT].replace('"', '""') + '"' for value in values)[:_CONTENT]


def read_blocks(member: Member, format_: FileFormat, block_bytes: int) -> Iterator[RowBlock]:
    """The rows of one file in blocks of `block_bytes` of TSV.

    Raises DataError for a missing column, bytes that are not UTF-8, or a row that does not end within a
    block.
    """
    _check_header(member, format_)
    malformed: deque[Reject] = deque()
    # For each malformed row that is still ahead, the number of parsed rows before it.
    gaps: list[int] = []
    start = skipped = noted = 0
    try:
        for batch in _open(member, format_, block_bytes, malformed):
            fresh = _drain(malformed)
            gaps += [reject.row - _HEADER_ROWS - 1 - noted - i for i, reject in enumerate(fresh)]
            noted += len(fresh)
            passed = sum(gap <= start for gap in gaps)
            skipped, gaps = skipped + passed, gaps[passed:]
            columns = {ours: batch.column(theirs) for ours, theirs in format_.columns.items()}
            yield RowBlock(columns, batch.num_rows, fresh, start, skipped, np.array(gaps, np.int64))
            start += batch.num_rows
    except pa.ArrowInvalid as error:
        raise _parse_error(member, str(error), start + noted, block_bytes) from error
    yield RowBlock({}, 0, _drain(malformed), start, skipped, np.array(gaps, np.int64))


def _open(
    member: Member, format_: FileFormat, block_bytes: int, malformed: deque[Reject]
) -> pa.csv.CSVStreamingReader:
    def skip(row: pa.csv.InvalidRow) -> str:
        reason = "too few fields" if row.actual_columns < row.expected_columns else "too many fields"
        malformed.append(Reject(row.number, reason, row.text[:_CONTENT]))
        return "skip"

    return pa.csv.open_csv(
        member,
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=block_bytes),
        parse_options=pa.csv.ParseOptions(delimiter="\t", newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(format_.columns.values()),
            column_types={
                theirs: DICTIONARY if ours in format_.repeating else pa.string()
                for ours, theirs in format_.columns.items()
            },
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _drain(malformed: deque[Reject]) -> list[Reject]:
    return [malformed.popleft() for _ in range(len(malformed))]


def _check_header(member: Member, format_: FileFormat) -> None:
    header = header_of(member.path)
    for column in format_.columns.values():
        if header.count(column) != 1:
            often = "no column" if column not in header else "more than one column"
            raise DataError(
                f"{member.path} has {often} {column}; columns found: {', '.join(header) or 'none'}",
                file=member.path.name,
                table=format_.table,
                column=column,
            )


def _parse_error(member: Member, message: str, rows: int, block_bytes: int) -> DataError:
    """What the parser's message means, after `rows` rows."""
    file = member.path.name
    named = re.search(r"Row #(\d+)", message)
    # A malformed row is skipped, unless its text cannot be decoded.
    if "UTF8" in message or "Expected" in message:
        row = int(named[1]) if named else None
        return DataError(
            f"{member.path}: row {row or '?'} is not UTF-8; convert the file to UTF-8 or download it again",
            file=file,
            row=row,
            reason="not UTF-8",
        )
    if "straddling" in message:
        row = rows + _HEADER_ROWS
        return DataError(
            f"{member.path}: a row after row {row} does not end within {block_bytes >> 20} MB; "
            "a closing quote is probably missing there (or raise ingest.block_mb)",
            file=file,
            row=row,
            setting="ingest.block_mb",
        )
    return DataError(f"{member.path} cannot be parsed: {' '.join(message.split())}", file=file)
