"""Rows of a PatentsView TSV file, block by block, each with its number in the file, and none lost without a
word.

A CSV parser trusts quotes: one stray quote makes it swallow the rows that follow, silently. So every block is
counted twice. The parser says how many rows it found; the line breaks say how many there must be. Where the
two agree, which is nearly always, the parser's rows stand. Where they do not, the block is split again by
what a row looks like (row_grammar.py): rows that can be told apart are kept, the broken one is rejected.

Files whose fields are not quoted (the older dumps) are read without quoting: there, each line is a row.
quoting.py tells them.
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

from patent_spark.core.dictionaries import encode_runs
from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.file_formats import FileFormat
from patent_spark.stages.ingest.header import Header, read_header
from patent_spark.stages.ingest.quoting import Quoting, find_quoting
from patent_spark.stages.ingest.row_grammar import HOLE, ID, RowGrammar, is_open
from patent_spark.stages.ingest.values import EXACT_NULL_WORDS
from patent_spark.stages.ingest.zip_reader import Member

Item = TypeVar("Item")

DICTIONARY = pa.dictionary(pa.int32(), pa.string())

_LINE_BREAK, _QUOTE = ord("\n"), ord('"')
_FIRST_ROW = 2  # the header is row 1
_CONTENT = 200
_PIECE = 4 << 20
"""Bytes that are parsed at once: so many stay in a processor's cache, and parsing takes a third less."""
_READ = 1 << 20
"""Bytes that are inflated at once. The system need not clear the memory of larger ones again and again."""
_STRETCH = 1 << 18
"""Bytes that are searched at once, for the same reason."""


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
    """The rows of one file, block by block.

    Raises DataError for a missing column, bytes that are not UTF-8, a row that does not end within
    `block_bytes`, and a file that ends inside a row.
    """
    header, rest = read_header(member, format_, min(block_bytes, _PIECE))
    reader = _Reader(member, format_, header, find_quoting(rest, len(header)))
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


_MORE, _LAST, _CUT_OFF, _ENDLESS = "more", "last", "cut off", "endless"


def _chunks(member: Member, rest: bytes, reader: _Reader, size: int) -> Iterator[tuple[bytes, str]]:
    """The file in pieces of about _PIECE bytes, each of whole rows, and what follows a piece.

    More, or nothing (last); the file was cut off inside the piece; the piece is of one row that does not end
    within `size` bytes.
    """
    piece = min(size, _PIECE)
    parts, length = [rest], len(rest)
    while data := member.read(min(piece, _READ)):
        parts.append(data)
        length += len(data)
        if length < piece:
            continue
        cut = reader.cut(data)  # the last row nearly always begins in the last part
        chunk = b"".join([*parts[:-1], data[:cut]] if cut else parts)
        if not cut and (cut := reader.cut(chunk)):
            chunk, data = chunk[:cut], chunk
        if cut:
            yield chunk, _MORE
            parts = [data[cut:]]
            length = len(parts[0])
        elif length > 2 * size:
            yield chunk, _ENDLESS
            return
    if chunk := b"".join(parts):
        yield chunk, _LAST if chunk.endswith(b"\n") else _CUT_OFF


class _Reader:
    """One file: its columns and how its rows are told apart; knows how many rows were read."""

    def __init__(self, member: Member, format_: FileFormat, header: Header, quoting: Quoting) -> None:
        self._member, self._format, self._header = member, format_, header
        self._quoted = quoting is not Quoting.NONE
        self._rows_read = 0
        self._grammar = RowGrammar(len(header), quoting)

    def cut(self, data: bytes) -> int:
        """Where the last row begins that begins in the data; 0 if only its first row does."""
        return self._grammar.last_start(data) if self._quoted else data.rfind(b"\n") + 1

    def parse(self, chunk: bytes, *, last: bool) -> RowBlock:
        """The rows of a piece of whole rows; see the module's docstring."""
        first_row = self._rows_read + _FIRST_ROW
        parsed = self._parse(chunk, first_row)
        if not self._adds_up(chunk, parsed):
            parsed = self._parse_by_looks(chunk, first_row, last=last)
        self._rows_read += parsed.batch.num_rows + len(parsed.malformed)
        columns = {name: self._column(parsed.batch, name) for name in self._format.columns}
        columns |= {name: encode_runs(columns[name]) for name in self._format.grouped}
        gaps = np.array([reject.row - first_row - i for i, reject in enumerate(parsed.malformed)], np.int64)
        return RowBlock(columns, parsed.batch.num_rows, parsed.malformed, parsed.lost, first_row, gaps)

    def _column(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        """A column of the batch, or nulls for one that the file lacks."""
        if name in batch.schema.names:
            return batch.column(name)
        return pa.nulls(batch.num_rows, DICTIONARY if name in self._format.repeating else pa.string())

    def unfinished(self, data: bytes, size: int, *, endless: bool) -> DataError:
        """The error of a file that ends inside the last row of the data, or whose last row there is
        endless."""
        path, rows = self._member.path, self._grammar.rows_of(data + b"\n")
        row = self._rows_read + _FIRST_ROW + len(rows) - 1
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

        format_ = self._format
        in_dictionaries = set(format_.repeating) - set(format_.grouped)
        present = [name for name in format_.columns if name in self._header.names]
        types = {name: DICTIONARY if name in in_dictionaries else pa.string() for name in present}
        if not chunk or chunk.isspace():
            return _Parsed(pa.RecordBatch.from_pylist([], pa.schema(types)), [], 0)
        try:
            batch = pa.csv.read_csv(
                pa.BufferReader(chunk),
                read_options=pa.csv.ReadOptions(
                    use_threads=False, block_size=len(chunk) + 1, column_names=self._header.names
                ),
                parse_options=pa.csv.ParseOptions(
                    delimiter="\t",
                    quote_char='"' if self._quoted else False,
                    newlines_in_values=self._quoted,
                    invalid_row_handler=skip,
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=list(types),
                    column_types=types,
                    null_values=EXACT_NULL_WORDS,
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._unreadable(str(error), first_row) from error
        return _Parsed(_one_batch(batch), malformed, lost)

    def _adds_up(self, chunk: bytes, parsed: _Parsed) -> bool:
        """Whether each line is one row, or one of the line breaks that the rows' texts hold, and no text
        holds a row."""
        if b"\0" in chunk:
            return False
        if not self._quoted:
            return True
        if is_open(chunk[self.cut(chunk) :]):
            return False
        rows = parsed.batch.num_rows + len(parsed.malformed)
        # A line that does not begin as a row may be the rest of the one before it.
        if any("\n" in each.content or not self._grammar.begins(each.content) for each in parsed.malformed):
            return False
        line_breaks = _count_line_breaks(chunk)
        if rows == line_breaks:
            return True
        # Counting quotes behind line breaks is cheap; the pattern is only needed where a text has lines in
        # quotes.
        if 1 + _count_line_breaks(chunk, before=_QUOTE) != rows and self._grammar.count_starts(chunk) != rows:
            return False
        if not self._begin_as_rows_do(parsed.batch):
            return False
        texts = [column for column in parsed.batch.columns if column.type == pa.string()]
        in_texts = sum(_line_breaks(column) for column in texts)
        return bool(rows + in_texts == line_breaks)

    def _begin_as_rows_do(self, batch: pa.RecordBatch) -> bool:
        """Whether each row's first field is an id, if it is read: else one could hide another that its
        quotes swallowed."""
        if self._header.names[0] not in batch.schema.names:
            return True
        ids = batch.column(self._header.names[0])
        numbers = pc.ascii_is_decimal(ids)
        others = ids.filter(pc.invert(numbers)) if not ids.null_count else ids
        return not ids.null_count and pc.all(pc.match_substring_regex(others, ID)).as_py() is not False

    def _parse_by_looks(self, chunk: bytes, first_row: int, *, last: bool) -> _Parsed:
        """Rows told apart by how they begin: what is a whole row goes to the parser, the rest is
        malformed."""
        kept: list[bytes] = []
        malformed: list[Reject] = []
        lost = 0
        rows = self._grammar.rows_of(chunk)
        for i, row in enumerate(rows):
            if self._grammar.is_whole(row):
                kept.append(row)
                continue
            if HOLE in row:
                raise self._hole(first_row + i)
            if self._quoted and last and i == len(rows) - 1 and is_open(row):
                raise self.unfinished(chunk[:-1], 0, endless=False)
            reason, within = self._grammar.diagnose(row)
            lost += within
            text = row[: 4 * _CONTENT].decode(errors="replace")[:_CONTENT]
            malformed.append(Reject(first_row + i, reason, text))
        again = self._parse(b"".join(row + b"\n" for row in kept), first_row)
        if again.malformed or again.batch.num_rows != len(kept):
            raise self._unreadable("its quotes make no sense", first_row)
        return _Parsed(again.batch, malformed, lost)

    def _hole(self, row: int) -> DataError:
        path = self._member.path
        return DataError(
            f"{path}: a part of the file is missing within row {row:,}, where there are only NUL bytes; "
            "download it again",
            file=path.name,
            row=row,
        )

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
    start, end = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return _count_line_breaks(memoryview(values)[start:end]) if values else 0


def _count_line_breaks(text: bytes | memoryview, before: int | None = None) -> int:
    """Line breaks in a text; with `before` those that this character follows."""
    characters = np.frombuffer(text, np.uint8)
    count = 0
    for start in range(0, len(characters), _STRETCH):
        found = characters[start : start + _STRETCH] == _LINE_BREAK
        if before is not None:
            following = characters[start + 1 : start + 1 + _STRETCH]
            found = found[: len(following)] & (following == before)
        count += int(np.count_nonzero(found))
    return count
