"""Documents from files and standard input: text, JSON lines or CSV. Files are read a line at a time."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError
from patent_spark.core.features import TABLE_COLUMNS, given_value
from patent_spark.inference.prediction.documents import Document

TEXT, JSON_LINES, CSV = "text", "jsonl", "csv"
FORMATS = (TEXT, JSON_LINES, CSV)
STANDARD_INPUT = "-"
MAX_BYTES = 4_000_000
"""The longest line, and the longest text: no title and abstract come near it."""
_OF_EXTENSION = {
    ".txt": TEXT, ".text": TEXT, ".md": TEXT, "": TEXT,
    ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".json": JSON_LINES,
    ".csv": CSV,
}  # fmt: skip
_KEYS = ("title", "abstract", "id", "claims", "cpc_class")


def format_of(path: str) -> str:
    """The format that a file's extension stands for; standard input is text. Raises ConfigError."""
    if path == STANDARD_INPUT:
        return TEXT
    extension = Path(path).suffix.lower()
    if extension not in _OF_EXTENSION:
        raise ConfigError(
            f"{path}: nothing is known about files that end in {extension}; add --format "
            f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}",
            file=path,
        )
    return _OF_EXTENSION[extension]


def read_documents(path: str, file_format: str) -> Iterator[Document]:
    """The documents of a file or of standard input, one after the other.

    text: the first line is the title, the rest the abstract. jsonl: one object per line, with title or
    abstract. csv: a header with title and abstract. id, claims, cpc_class and columns of FEATURES, such as
    num_claims, are read where they are. Raises DataError with `file`, and where there is one `row`: the line,
    from 1.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    found = False
    with _opened(path, name) as stream:
        lines = Lines(stream, name)
        for document in {TEXT: _text, JSON_LINES: _json_lines, CSV: _csv}[file_format](lines):
            found = True
            yield document
    if not found:
        raise DataError(f"{name} holds no document", file=name)


class Lines:
    """The lines of a stream as text; `number` is that of the last one, from 1."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self.name, self.number = stream, name, 0

    def __iter__(self) -> Iterator[str]:
        while line := self._stream.readline(MAX_BYTES + 1):
            self.number += 1
            if len(line) > MAX_BYTES:
                raise self.error(f"is longer than {MAX_BYTES:,} bytes")
            try:
                yield line.decode("utf-8-sig" if self.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise self.error(
                    f"is not UTF-8: byte {error.start + 1} is {line[error.start]:#04x}"
                ) from error

    def error(self, what: str) -> DataError:
        """An error about the last line."""
        return DataError(f"{self.name}: line {self.number} {what}", file=self.name, row=self.number)


def _text(lines: Lines) -> Iterator[Document]:
    read: list[str] = []
    size = 0
    for line in lines:
        size += len(line)
        if size > MAX_BYTES:
            raise lines.error(f"ends after more than {MAX_BYTES:,} characters, too many for one patent")
        if read or line.strip():
            read.append(line)
    if read:
        yield Document(read[0].strip(), "".join(read[1:]).strip())


def _json_lines(lines: Lines) -> Iterator[Document]:
    for line in lines:
        if line.strip():
            yield _document(_object(line, lines), lines)


def _object(line: str, lines: Lines) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = (
            f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        )
        raise lines.error(f"is not JSON{': ' if reason else ''}{reason}") from error
    if not isinstance(value, dict):
        raise lines.error("is not a JSON object with title and abstract")
    return value


def _document(values: dict[str, object], lines: Lines) -> Document:
    if not values.keys() & {"title", "abstract"}:
        raise lines.error(f"has neither title nor abstract; it has {_listed(values)}")
    parts = {key: _part(key, values[key], lines) for key in _KEYS if values.get(key) is not None}
    return Document(
        title=parts.get("title", ""),
        abstract=parts.get("abstract", ""),
        id=parts.get("id"),
        claims=parts.get("claims", ""),
        cpc_class=parts.get("cpc_class", "").strip().upper() or None,
        features=_features(values, lines),
    )


def _features(values: dict[str, object], lines: Lines) -> dict[str, int | str]:
    """What is known beside the text, by column of FEATURES; the class is a part of its own."""
    try:
        found = {name: given_value(name, values.get(name)) for name in TABLE_COLUMNS if name != "cpc_class"}
    except ValueError as error:
        raise lines.error(f"has a value that cannot be read: {error}") from error
    return {name: value for name, value in found.items() if value is not None}


def _part(key: str, value: object, lines: Lines) -> str:
    if key == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise lines.error(f"has a {key} that is no text")
    if any(0xD800 <= ord(sign) < 0xE000 for sign in value):
        raise lines.error(f"has a {key} that is not Unicode: half of a surrogate pair")
    return value


def _csv(lines: Lines) -> Iterator[Document]:
    limit_before = csv.field_size_limit(MAX_BYTES)  # of the whole process
    rows = (row for row in csv.reader(iter(lines), strict=True) if len(row) > 1 or "".join(row).strip())
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        _require_columns(header, lines)
        for row in rows:
            if len(row) != len(header):
                raise lines.error(f"ends a row of {len(row)} fields; the header has {len(header)}")
            yield _document(_identified(dict(zip(header, row, strict=True))), lines)
    except csv.Error as error:
        raise lines.error(f"is not CSV: {error}") from error
    finally:
        csv.field_size_limit(limit_before)


def _require_columns(header: list[str], lines: Lines) -> None:
    if not header:
        return
    separated = "; separate them by commas" if len(header) == 1 and re.search("[;\t]", header[0]) else ""
    for column in ("title", "abstract"):
        if header.count(column) != 1:
            raise DataError(
                f"{lines.name}: the header needs one column {column}; it has {_listed(header)}{separated}",
                file=lines.name,
                column=column,
            )


def _identified(values: dict[str, str]) -> dict[str, object]:
    """With `patent_id` as the id when there is no column `id`; an empty id is none."""
    identity = values.get("id", values.get("patent_id"))
    return {**values, "id": identity or None}


def _listed(names: object) -> str:
    shown = [str(name)[:40] for name in names][:10]  # type: ignore[attr-defined]
    return ", ".join(shown) or "nothing"


@contextmanager
def _opened(path: str, name: str) -> Iterator[BinaryIO]:
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as stream:
            yield stream
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}", file=name) from error
