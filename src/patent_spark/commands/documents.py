"""The documents that a command is given: by arguments, in a file, or on standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.readers import STANDARD_INPUT, TEXT, format_of, read_documents

_AT_ONCE = 64
"""Documents that are scored together and then printed."""


def documents_of(options: argparse.Namespace) -> tuple[Iterator[Document], str]:
    """The documents that the options name, and their format. Raises ConfigError for none, and for two."""
    typed = options.title is not None or options.abstract is not None
    file = options.file or getattr(options, "stdin", None)
    if typed and file:
        raise ConfigError("give --title and --abstract, or --file, not both", setting="--file")
    if options.format and typed:
        raise ConfigError("--format is about a file; --title and --abstract have none", setting="--format")
    if typed:
        return iter([Document(options.title or "", options.abstract or "")]), TEXT
    if file is None and sys.stdin.isatty():
        raise ConfigError(
            "nothing to predict: give --title and --abstract, --file, or a text on standard input",
            setting="--title",
        )
    file_format = options.format or format_of(file or STANDARD_INPUT)
    return read_documents(file or STANDARD_INPUT, file_format), file_format


def in_chunks(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Documents in groups; an error of the reader comes after the group that it interrupts."""
    chunk: list[Document] = []
    try:
        for document in documents:
            chunk.append(document)
            if len(chunk) == _AT_ONCE:
                yield chunk
                chunk = []
    except DataError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def classes(text: str) -> tuple[str, ...]:
    """The type of an argument that lists CPC classes."""
    return tuple(code for code in (part.strip().upper() for part in text.split(",")) if code)
