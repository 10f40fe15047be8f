"""Rows of a PatentsView TSV file, block by block, each with its number in the file, and none lost without a
word.

A CSV parser trusts quotes: one stray quote makes it swallow the rows that follow, silently. So every block is
counted twice. The parser says how many rows it found; the line breaks say how many there must be. Where the
two agree, which is nearly always, the parser's rows stand. Where they do not, the block is split again by
what a row looks like (row_grammar.py): rows that can be told apart are kept, the broken one is rejected.

Files whose fields are not quoted (the older dumps) are read without quoting: there, each line is a row.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.file_formats import FileFormat
from patent_spark.stages.ingest.row_grammar import ID, RowGrammar, count_starts, is_open, last_start, rows_of
from patent_spark.stages.ingest.zip_reader import Member

Item = TypeVar("Item")

DICTIONARY = pa.dictionary(pa.int32(), pa.string())

NULL_WORDS = ("", "NULL", "null", "Null", r"\N", "NaN", "nan", "None")
"""Whole fields that stand for nothing: what databases and pandas write for a missing value."""

_LINE_BREAK, _QUOTE = ord("\n"), ord('"')
_FIRST_ROW = 2  # the header is row 1
_CONTENT = 200
_SNIFFED_LINES = 200


@dataclass(frozen=True)
class Reject:
    """A row that could not be used."""

    row: int
    reason: str
    content: str


@dataclass(frozen=True)
class RowBlock:
    """Some consecutive rows, as text columns named as in our tables; empty fields are null."""

    columns: dict[str, pa.Array]
    rows: int
    malformed: list[Reject]
    """Rows that are no rows of this table: the wrong number of fields, quotes that do not close.

    Not among `rows`.
    """
    lost: int
    """Rows that can be seen in the text of a malformed row, where a line break is missing."""
    _first_row: int
    _gaps: NDArray[np.int64]
    """For each malformed row, the number of usable rows of the block before it."""

    def row_numbers(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers in the file, the header being 1, of the rows at these places of the block."""
        return self._first_row + places + np.searchsorted(self._gaps, places, side="right")

    def content(self, place: int) -> str:
        """The beginning of one row, from the columns that are read."""
        values = [column[place].as_py() or "" for column in self.columns.values()]
        return "\t".join('"' + value[:_CONTENT].replace('"', '""') + '"' for value in values)[:_CONTENT]


def read_blocks(member: Member, format_: FileFormat, block_bytes: int) -> Iterator[RowBlock]:
    """The rows of one file in blocks of about `block_bytes` of TSV.

    Raises DataError for a missing column, bytes that are not UTF-8, a row that does not end within a block,
    and a file that ends inside a row.
    """
    header, rest = _read_header(member, block_bytes)
    reader = _Reader(member, format_, header, _is_quoted(rest, len(header)))
    with closing(ahead(_chunks(member, rest, reader, block_bytes))) as chunks:
        for chunk, end in chunks:
            if end in (_CUT_OFF, _ENDLESS):
                raise reader.unfinished(chunk, block_bytes, endless=end == _ENDLESS)
            yield reader.parse(chunk, last=end == _LAST)


def ahead(items: Iterator[Item]) -> Generator[Item]:
    """The same items, each made on a thread while the one before is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _read_header(member: Member, size: int) -> tuple[list[str], bytes]:
    """The column names of the first line, and what was read beyond it."""
    start = b""
    while b"\n" not in start and (more := member.read(size)):
        start += more
    line, _, rest = start.partition(b"\n")
    if len(line) > 1 and b"\r" in line[:-1]:
        raise DataError(
            f"{member.path}: lines end with a carriage return alone; convert the line ends to \\n",
            file=member.path.name,
        )
    names = _decoded(member, line).rstrip("\r")
    rest += member.read(max(0, size - len(rest)))  # some rows, to see how they are quoted
    return [name.strip().strip('"') for name in names.split("\t")], rest


def _decoded(member: Member, header: bytes) -> str:
    try:
        return header.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{member.path}: the header is not UTF-8 (byte {error.start})", file=member.path.name
        ) from error


def _is_quoted(sample: bytes, columns: int) -> bool:
    """Whether most lines with all their tabs have a field in quotes: then a file's quotes have a meaning."""
    lines = [line for line in sample.split(b"\n")[:_SNIFFED_LINES] if line.count(b"\t") == columns - 1]
    quoted = sum(bool(re.search(rb'(?:^|\t)"[^\t]*"\r?(?:\t|$)', line)) for line in lines)
    return not lines or 2 * quoted >= len(lines)


_MORE, _LAST, _CUT_OFF, _ENDLESS = "more", "last", "cut off", "endless"


def _chunks(member: Member, rest: bytes, reader: _Reader, size: int) -> Iterator[tuple[bytes, str]]:
    """The file in pieces of about `size` bytes, each of whole rows, and what follows a piece.

    More, or nothing (last); the file was cut off inside the piece; the piece is of one row that does not end.
    """
    waiting, data = rest, rest
    while data:
        if len(waiting) < size:
            data = member.read(max(size - len(waiting), size // 4, 1))
            waiting += data
        elif cut := reader.cut(waiting):
            yield waiting[:cut], _MORE
            waiting = waiting[cut:]
        elif len(waiting) > 2 * size:
            yield waiting, _ENDLESS
            return
        else:
            data = member.read(size // 4 or 1)
            waiting += data
    if waiting:
        yield waiting, _LAST if waiting.endswith(b"\n") else _CUT_OFF


class _Reader:
    """One file: its columns and how its rows are told apart; knows how many rows were read."""

    def __init__(self, member: Member, format_: FileFormat, header: list[str], quoted: bool) -> None:
        self._member, self._format, self._header, self._quoted = member, format_, header, quoted
        self._rows_read = 0
        self._grammar = RowGrammar(len(header))
        _check_header(member, format_, header)

    def cut(self, data: bytes) -> int:
        """Where the last row begins that begins in the data; 0 if only its first row does."""
        return last_start(data) if self._quoted else data.rfind(b"\n") + 1

    def parse(self, chunk: bytes, *, last: bool) -> RowBlock:
        """The rows of a piece of whole rows; see the module's docstring."""
        first_row = self._rows_read + _FIRST_ROW
        parsed = self._parse(chunk, first_row)
        if self._quoted and not self._adds_up(chunk, parsed):
            parsed = self._parse_by_looks(chunk, first_row, last=last)
        self._rows_read += parsed.batch.num_rows + len(parsed.malformed)
        columns = {ours: parsed.batch.column(theirs) for ours, theirs in self._format.columns.items()}
        gaps = np.array([reject.row - first_row - i for i, reject in enumerate(parsed.malformed)], np.int64)
        return RowBlock(columns, parsed.batch.num_rows, parsed.malformed, parsed.lost, first_row, gaps)

    def unfinished(self, data: bytes, size: int, *, endless: bool) -> DataError:
        """The error of a file that ends inside the last row of the data, or whose last row there is
        endless."""
        path, row = self._member.path, self._rows_read + _FIRST_ROW + len(rows_of(data + b"\n")) - 1
        if endless:
            return DataError(
                f"{path}: row {row:,} does not end within {size >> 20} MB; "
                "a closing quote is probably missing there (or raise ingest.block_mb)",
                file=path.name,
                row=row,
                setting="ingest.block_mb",
            )
        return DataError(
            f"{path} ends in the middle of row {row:,}: the file is incomplete; download it again",
            file=path.name,
            row=row,
        )

    def _parse(self, chunk: bytes, first_row: int) -> _Parsed:
        """What the CSV parser makes of it."""
        malformed: list[Reject] = []
        lost = 0

        def skip(row: pa.csv.InvalidRow) -> str:
            nonlocal lost
            lost += self._grammar.rows_within(row.actual_columns)
            reason = self._grammar.wrong_width(row.actual_columns)
            malformed.append(Reject(first_row + row.number - 1, reason, row.text[:_CONTENT]))
            return "skip"

        names, repeating = self._format.columns, self._format.repeating
        types = {theirs: DICTIONARY if ours in repeating else pa.string() for ours, theirs in names.items()}
        if not chunk.strip():
            return _Parsed(pa.RecordBatch.from_pylist([], pa.schema(types)), [], 0)
        try:
            batch = pa.csv.read_csv(
                pa.BufferReader(chunk),
                read_options=pa.csv.ReadOptions(
                    use_threads=False, block_size=len(chunk) + 1, column_names=self._header
                ),
                parse_options=pa.csv.ParseOptions(
                    delimiter="\t",
                    quote_char='"' if self._quoted else False,
                    newlines_in_values=self._quoted,
                    invalid_row_handler=skip,
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=list(names.values()),
                    column_types=types,
                    null_values=list(NULL_WORDS),
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._unreadable(str(error), first_row) from error
        return _Parsed(_one_batch(batch), malformed, lost)

    def _adds_up(self, chunk: bytes, parsed: _Parsed) -> bool:
        """Whether each line is one row, or one of the line breaks that the rows' texts hold, and no text
        holds a row."""
        if is_open(chunk[self.cut(chunk) :]):
            return False
        characters = np.frombuffer(chunk, np.uint8)
        rows = parsed.batch.num_rows + len(parsed.malformed)
        if rows == np.count_nonzero(characters == _LINE_BREAK):
            return True
        if any("\n" in reject.content for reject in parsed.malformed):
            return False
        # Counting quotes behind line breaks is cheap; the pattern is only needed where a text has lines in
        # quotes.
        breaks = np.flatnonzero(characters == _LINE_BREAK)
        quotes = 1 + np.count_nonzero(characters[breaks[:-1] + 1] == _QUOTE)
        if quotes != rows and count_starts(chunk) != rows:
            return False
        if not self._begin_as_rows_do(parsed.batch):
            return False
        texts = [column for column in parsed.batch.columns if column.type == pa.string()]
        return bool(rows + sum(map(_line_breaks, texts)) == len(breaks))

    def _begin_as_rows_do(self, batch: pa.RecordBatch) -> bool:
        """Whether each row's first field is an id, if it is read: else one could hide another that its
        quotes swallowed."""
        if self._header[0] not in batch.schema.names:
            return True
        ids = batch.column(self._header[0])
        ids = ids.dictionary if isinstance(ids, pa.DictionaryArray) else ids
        return not ids.null_count and pc.all(pc.match_substring_regex(ids, ID)).as_py() is not False

    def _parse_by_looks(self, chunk: bytes, first_row: int, *, last: bool) -> _Parsed:
        """Rows told apart by how they begin: what is a whole row goes to the parser, the rest is
        malformed."""
        kept: list[bytes] = []
        malformed: list[Reject] = []
        lost = 0
        rows = rows_of(chunk)
        for i, row in enumerate(rows):
            if self._grammar.is_whole(row):
                kept.append(row)
                continue
            if last and i == len(rows) - 1 and is_open(row):
                raise self.unfinished(chunk[:-1], 0, endless=False)
            reason, within = self._grammar.diagnose(row)
            lost += within
            text = row[: 4 * _CONTENT].decode(errors="replace")[:_CONTENT]
            malformed.append(Reject(first_row + i, reason, text))
        again = self._parse(b"".join(row + b"\n" for row in kept), first_row)
        if again.malformed or again.batch.num_rows != len(kept):
            raise self._unreadable("its quotes make no sense", first_row)
        return _Parsed(again.batch, malformed, lost)

    def _unreadable(self, message: str, first_row: int) -> DataError:
        """What the parser's message means to a reader."""
        path, row = self._member.path, re.search(r"Row #(\d+)", message)
        number = first_row + int(row[1]) - 1 if row else first_row
        # A malformed row is skipped, unless it cannot be decoded.
        if "UTF8" in message or "Expected" in message:
            return DataError(
                f"{path}: row {number if row else '?'} is not UTF-8; "
                "convert the file to UTF-8 or download it again",
                file=path.name,
            )
        return DataError(
            f"{path}: the rows from {number:,} on cannot be parsed: {' '.join(message.split())}",
            file=path.name,
        )


@dataclass(frozen=True)
class _Parsed:
    batch: pa.RecordBatch
    malformed: list[Reject]
    lost: int


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)


def _line_breaks(texts: pa.StringArray) -> int:
    """Line breaks in all texts together, counted in their bytes: ten times as fast as pyarrow.compute."""
    _, offsets, values = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return (
        int(np.count_nonzero(np.frombuffer(values, np.uint8)[slice(*ends)] == _LINE_BREAK)) if values else 0
    )


def _check_header(member: Member, format_: FileFormat, header: list[str]) -> None:
    path = member.path
    if len(header) == 1 and (separator := next((each for each in ",;|" if each in header[0]), None)):
        raise DataError(
            f"{path}: columns are separated by {separator!r}, not by tabs; export it as tab-separated text",
            file=path.name,
        )
    for column in format_.columns.values():
        if header.count(column) != 1:
            often = "no column" if column not in header else "more than one column"
            raise DataError(
                f"{path} has {often} {column}; columns found: {', '.join(header) or 'none'}",
                file=path.name,
                column=column,
            )
