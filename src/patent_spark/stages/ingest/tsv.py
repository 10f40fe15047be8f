"""Rows of a PatentsView TSV file, block by block, each with its number in the file.

The parser runs without threads of its own: only so does it number the rows it cannot use, and measured on two cores
its threads gain nothing, because inflating (its read-ahead thread), judging and writing (the caller's) go on beside it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.file_formats import Layout
from patent_spark.stages.ingest.zip_reader import Member, header_of

DICTIONARY = pa.dictionary(pa.int32(), pa.string())

_HEADER_ROWS = 1
_CONTENT = 200


@dataclass(frozen=True)
class Reject:
    """A row that could not be used."""

    row: int
    reason: str
    content: str


@dataclass(frozen=True)
class Block:
    """Some consecutive rows, as text columns named as in our tables; empty fields are null."""

    columns: dict[str, pa.Array]
    rows: int
    malformed: list[Reject]
    """Rows with the wrong number of fields, met since the last block; they are not among `rows`."""
    _start: int
    _skipped: int
    _gaps: np.ndarray

    def row_numbers(self, places: np.ndarray) -> np.ndarray:
        """Numbers in the file, the header being 1, of the rows at these places of the block."""
        usable = self._start + places
        return usable + _HEADER_ROWS + 1 + self._skipped + np.searchsorted(self._gaps, usable, side="right")

    def content(self, place: int) -> str:
        """The beginning of one row, from the columns that are read."""
        values = [column[place].as_py() or "" for column in self.columns.values()]
        return "\t".join('"' + value[:_CONTENT].replace('"', '""') + '"' for value in values)[:_CONTENT]


def read_blocks(member: Member, layout: Layout, block_bytes: int) -> Iterator[Block]:
    """The rows of one file in blocks of `block_bytes` of TSV.

    Raises DataError for a missing column, bytes that are not UTF-8, or a row that does not end.
    """
    _check_header(member, layout)
    malformed: deque[Reject] = deque()
    gaps: list[int] = []  # for each malformed row not yet passed, the number of usable rows before it
    start = skipped = noted = 0
    try:
        for batch in _open(member, layout, block_bytes, malformed):
            fresh = _drain(malformed)
            gaps += [reject.row - _HEADER_ROWS - 1 - noted - i for i, reject in enumerate(fresh)]
            noted += len(fresh)
            passed = sum(gap <= start for gap in gaps)
            skipped, gaps = skipped + passed, gaps[passed:]
            columns = {ours: batch.column(theirs) for ours, theirs in layout.columns.items()}
            yield Block(columns, batch.num_rows, fresh, start, skipped, np.array(gaps, np.int64))
            start += batch.num_rows
    except pa.ArrowInvalid as error:
        raise DataError(f"{member.path}: {_explain(str(error), start + noted, block_bytes)}") from error
    yield Block({}, 0, _drain(malformed), start, skipped, np.array(gaps, np.int64))


def _open(
    member: Member, layout: Layout, block_bytes: int, malformed: deque[Reject]
) -> pa.csv.CSVStreamingReader:
    def skip(row: pa.csv.InvalidRow) -> str:
        few = row.actual_columns < row.expected_columns
        malformed.append(
            Reject(row.number, "too few fields" if few else "too many fields", row.text[:_CONTENT])
        )
        return "skip"

    return pa.csv.open_csv(
        member,
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=block_bytes),
        parse_options=pa.csv.ParseOptions(delimiter="\t", newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(layout.columns.values()),
            column_types={
                theirs: DICTIONARY if ours in layout.repeating else pa.string()
                for ours, theirs in layout.columns.items()
            },
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _drain(malformed: deque[Reject]) -> list[Reject]:
    return [malformed.popleft() for _ in range(len(malformed))]


def _check_header(member: Member, layout: Layout) -> None:
    found = header_of(member.path)
    for column in layout.columns.values():
        if found.count(column) != 1:
            often = "no column" if column not in found else "more than one column"
            raise DataError(
                f"{member.path} has {often} {column}; columns found: {', '.join(found) or 'none'}"
            )


def _explain(message: str, rows: int, block_bytes: int) -> str:
    """What the parser's message means to a reader."""
    row = re.search(r"Row #(\d+)", message)
    if (
        "UTF8" in message or "Expected" in message
    ):  # a malformed row is skipped, unless its text cannot be decoded
        return f"row {row[1] if row else '?'} is not UTF-8; convert the file to UTF-8 or download it again"
    if "straddling" in message:
        return (
            f"a row after row {rows + _HEADER_ROWS} does not end within {block_bytes >> 20} MB; "
            "a closing quote is probably missing there (or raise ingest.block_mb)"
        )
    return f"the file cannot be parsed: {' '.join(message.split())}"
