"""What a row of a quoted TSV file looks like: how it begins, when it is whole, and why it is not.

Used where a parser's word is not enough: a line that begins with an id in quotes and a tab begins a row,
whatever the quotes before it say.
"""

from __future__ import annotations

import re

_ID = "[A-Za-z0-9][A-Za-z0-9.,/ -]{0,39}"
ID = f"^{_ID}$"
"""The first field of a row by itself, as a pattern for pyarrow."""
_START = f'"{_ID}"\t'.encode()
_FIELD = rb'(?:"(?:[^"]|"")*+"[^\t\r\n]*+|[^"\t\r\n][^\t\r\n]*+)?+'
"""A field as the parser reads it: quoted, quotes in it doubled, or plain.

Possessive: a long text is not tried twice.
"""
_ONE_FIELD = re.compile(_FIELD)
_ROW_START = re.compile(rb"(?m)^" + _START)
_STRAY_RETURN = re.compile(rb"\r(?=" + _START + rb")")


class RowGrammar:
    """The rows of a file with `width` columns."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._whole = re.compile(_FIELD + (rb"\t" + _FIELD) * (width - 1) + rb"\r?")

    def is_whole(self, row: bytes) -> bool:
        """Whether the parser finds all fields of the row in it, and nothing else."""
        return self._whole.fullmatch(row) is not None

    def diagnose(self, row: bytes) -> tuple[str, int]:
        """Why a row is not whole, and how many further rows stand within it."""
        fields = _count_fields(row)
        if is_open(row):
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


def is_open(text: bytes) -> bool:
    """Whether a quote is open at the end of the text."""
    return text.count(b'"') % 2 == 1


def count_starts(text: bytes) -> int:
    """Lines that begin as a row does."""
    return len(_ROW_START.findall(text))


def last_start(text: bytes) -> int:
    """Where the last row begins that begins in the text; 0 if only its first row does."""
    end = len(text)
    while (end := text.rfind(b"\n", 0, end)) >= 0:
        if _ROW_START.match(text, end + 1):
            return end + 1
    return 0


def rows_of(text: bytes) -> list[bytes]:
    """Lines put together to rows: a row ends where its quotes close, or where the next one begins."""
    rows: list[list[bytes]] = []
    quotes = 0
    for line in _STRAY_RETURN.sub(b"\n", text).split(b"\n")[:-1]:
        if quotes % 2 == 1 and not _ROW_START.match(line):
            rows[-1].append(line)
            quotes += line.count(b'"')
        elif line.strip():  # a blank line is no row
            rows.append([line])
            quotes = line.count(b'"')
    return [b"\n".join(lines) for lines in rows]


def _count_fields(row: bytes) -> int:
    """Fields of a row, as far as its quotes make sense."""
    fields = place = 0
    while (match := _ONE_FIELD.match(row, place)) is not None:
        fields, place = fields + 1, match.end() + 1
        if row[match.end() : place] != b"\t":
            break
    return fields
