"""The header of a TSV file: its columns under our names, or what is wrong with the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.file_formats import FileFormat
from patent_spark.stages.ingest.zip_reader import Member

_OTHER_CONTENT = {
    b"PK\x03\x04": "it holds another zip; take the file out of that one and zip it alone",
    b"\x1f\x8b": "it holds a gzip file; unpack that one and zip the TSV file",
    b"%PDF": "it holds a PDF file",
}
"""What a file begins with that is no text in UTF-8."""
_SHOWN_NAMES, _SHOWN_LETTERS = 20, 40


@dataclass(frozen=True)
class Header:
    """The columns of a file."""

    names: list[str]
    """Our name of each column that is read, and a name that we do not use of any other."""

    def __len__(self) -> int:
        return len(self.names)


def read_header(member: Member, format_: FileFormat, size: int) -> tuple[Header, bytes]:
    """The columns of the first line, and what was read beyond it: some rows, about `size` bytes.

    Raises DataError for a file that is no text in UTF-8, that is not separated by tabs, or lacks a column.
    """
    start = b""
    while b"\n" not in start and (more := member.read(size)):
        start += more
    line, line_break, rest = start.partition(b"\n")
    _require_text(member, line)
    if not line_break:
        raise DataError(
            f"{member.path} ends in its first line: the file is incomplete; download it again",
            file=member.path.name,
            row=1,
        )
    theirs = [_cleaned(name) for name in _decoded(member, line).split("\t")]
    _check_columns(member, format_, theirs)
    ours = {file_name: name for name, file_name in format_.columns.items()}
    names = [ours.get(name, f"{place}:{name}") for place, name in enumerate(theirs)]
    return Header(names), rest + member.read(max(0, size - len(rest)))


def _require_text(member: Member, line: bytes) -> None:
    found = next((text for magic, text in _OTHER_CONTENT.items() if line.startswith(magic)), None)
    if found is None and b"\0" in line:
        found = f"the header is not UTF-8 (NUL byte {line.find(0)}: UTF-16?); convert the file to UTF-8"
    if found is None and b"\r" in line[:-1]:
        found = "lines end with a carriage return alone; convert the line ends to \\n"
    if found is not None:
        raise DataError(f"{member.path}: {found}", file=member.path.name)


def _decoded(member: Member, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{member.path}: the header is not UTF-8 (byte {error.start})", file=member.path.name
        ) from error


def _cleaned(name: str) -> str:
    """A column's name without quotes and blanks, in lower case: Patent ID is patent_id."""
    return re.sub("[ -]", "_", name.strip().strip('"').strip().lower())


def _check_columns(member: Member, format_: FileFormat, names: Sequence[str]) -> None:
    path = member.path
    if len(names) == 1 and (separator := next((each for each in ",;|" if each in names[0]), None)):
        raise DataError(
            f"{path}: columns are separated by {separator!r}, not by tabs; export it as tab-separated text",
            file=path.name,
        )
    for name, column in format_.columns.items():
        if names.count(column) != 1 and (column in names or name not in format_.optional_columns):
            often = "no column" if column not in names else "more than one column"
            found = ", ".join(name[:_SHOWN_LETTERS] for name in names[:_SHOWN_NAMES] if name) or "none"
            raise DataError(
                f"{path} has {often} {column}; columns found: {found}", file=path.name, column=column
            )
