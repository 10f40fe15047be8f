"""What a row of a TSV file with quotes looks like: how it begins, when it is whole, and why it is not.

Used where a parser's word is not enough: a line that begins with an id and a tab begins a row, whatever the
quotes before it say.
"""

from __future__ import annotations

import re

from patent_spark.stages.ingest.quoting import Quoting

_ID = "[A-Za-z0-9][A-Za-z0-9.,:/_ -]{0,79}"
ID = f"^{_ID}$"
"""The first field of a row by itself, as a pattern for pyarrow."""
_STARTS = {
    Quoting.IDS: f'"{_ID}"\t'.encode(),
    # Words of a text that has several lines have no digit.
    Quoting.TEXTS: rf'(?=[^\t\n]*[0-9])"?{_ID}"?\t'.encode(),
    Quoting.NONE: b"",
}
_LOOSE_START = re.compile(rf'(?=[^\t\n]*[0-9])"*{_ID}"*\t'.encode())
"""The beginning of a row whose first quotes are damaged."""
_FIELD = rb'(?:"(?:[^"]|"")*+"[^\t\r\n]*+|[^"\t\r\n][^\t\r\n]*+)?+'
"""A field as the parser reads it: quoted, quotes in it doubled, or plain.

Possessive: a long text is not tried twice.
"""
_STRICT_FIELD = rb'(?:"(?:[^"]|"")*+"|[^"\t\r\n]++)?+'
"""A field as an exporter writes it: nothing follows its closing quote."""
_ONE_FIELD = re.compile(_FIELD)
_LINES = 100
"""A row of more lines is not looked at again with each further line."""
HOLE = b"\0" * 64
"""A file with so many zeros in a row has lost a part of its content."""


class RowGrammar:
    """The rows of a file with `width` columns."""

    def __init__(self, width: int, quoting: Quoting) -> None:
        self._width, self._quoting = width, quoting
        start = _STARTS[quoting]
        self._start = re.compile(b"(?m)^" + start)
        self._stray_return = re.compile(rb"\r(?=" + start + rb")") if start else None
        self._whole = re.compile(_FIELD + (rb"\t" + _FIELD) * (width - 1) + rb"\r?")
        self._strict = re.compile(_STRICT_FIELD + (rb"\t" + _STRICT_FIELD) * (width - 1) + rb"\r?")

    def is_whole(self, row: bytes) -> bool:
        """Whether the parser finds all fields of the row in it, and nothing else."""
        if b"\0" in row:
            return False
        if self._quoting is Quoting.NONE:
            return row.count(b"\t") == self._width - 1
        return self._whole.fullmatch(row) is not None

    def diagnose(self, row: bytes) -> tuple[str, int]:
        """Why a row is not whole, and how many further rows stand within it."""
        quoted = self._quoting is not Quoting.NONE
        fields = _count_fields(row) if quoted else 1 + row.count(b"\t")
        if b"\0" in row:
            reason = "NUL bytes stand within the row"
        elif quoted and is_open(row):
            reason = "a quote is not closed"
        elif fields == self._width:
            reason = "a carriage return stands within the row"
        else:
            reason = self.wrong_width(fields)
        return reason, self.rows_within(fields)

    def wrong_width(self, fields: int) -> str:
        """The reason of a row with another number of fields."""
        return "too few fields" if fields < self._width else "too many fields"

    def rows_within(self, fields: int) -> int:
        """Further rows in one with so many fields.

        Without a line break, the last field of one row is the first of the next.
        """
        return max(0, round((fields - 1) / (self._width - 1)) - 1) if self._width > 1 else 0

    def begins(self, text: str) -> bool:
        """Whether a text begins as a row does."""
        return self._start.match(text.encode()) is not None

    def count_starts(self, text: bytes) -> int:
        """Lines that begin as a row does."""
        return len(self._start.findall(text))

    def last_start(self, text: bytes) -> int:
        """Where the last row begins that begins in the text; 0 if only its first row does."""
        end = len(text)
        while (end := text.rfind(b"\n", 0, end)) >= 0:
            if self._start.match(text, end + 1) and end + 1 < len(text):
                return end + 1
        return 0

    def rows_of(self, text: bytes) -> list[bytes]:
        """Lines put together to rows.

        A row goes on until a line begins as a row does. Where its quotes are closed, it may also end before a
        line with damaged quotes. What follows a row that is right by itself is a row of its own, unless it
        is the end of a text.
        """
        if self._stray_return is None:
            return [line for line in text.split(b"\n")[:-1] if line.strip()]
        rows: list[bytes] = []
        lines: list[bytes] = []
        quotes = 0
        for line in self._stray_return.sub(b"\n", text).split(b"\n")[:-1]:
            if lines and self._goes_on(lines, quotes, line):
                lines.append(line)
                quotes += line.count(b'"')
            elif line.strip():  # a blank line is no row
                rows += [b"\n".join(lines)] if lines else []
                lines, quotes = [line], line.count(b'"')
        return [*rows, b"\n".join(lines)] if lines else rows

    def _goes_on(self, lines: list[bytes], quotes: int, line: bytes) -> bool:
        """Whether a line belongs to the row that these lines begin."""
        if self._start.match(line):
            return False
        if quotes % 2 == 1:
            return True
        if not line.strip() or _LOOSE_START.match(line):
            return False
        if is_open(line) and line[:1] != b'"' and line.count(b"\t") < self._width - 1:
            return True  # the end of a text in which a quote before a line break is not doubled
        return len(lines) > _LINES or self._strict.fullmatch(b"\n".join(lines)) is None


def is_open(text: bytes) -> bool:
    """Whether a quote is open at the end of the text."""
    return text.count(b'"') % 2 == 1


def _count_fields(row: bytes) -> int:
    """Fields of a row, as far as its quotes make sense."""
    fields = place = 0
    while (match := _ONE_FIELD.match(row, place)) is not None:
        fields, place = fields + 1, match.end() + 1
        if row[match.end() : place] != b"\t":
            break
    return fields
