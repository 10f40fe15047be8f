"""Log lines as JSON, and what each of them says about the work that is going on.

A line is one JSON object: time (UTC), level, logger, message, command, stage, run_id (of the command),
release_id and mlflow_run_id; null where it is not known. A line may have more, such as seconds and rows.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Literal

Format = Literal["text", "json"]

RUN_ID = "PATENT_SPARK_RUN_ID"
"""Environment variable with the run_id of the next command, such as a scheduler's own id."""

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ALWAYS = ("command", "stage", "run_id", "release_id", "mlflow_run_id")
_FIELDS, _OF_ERROR = "fields", "patent_spark_log_context"

_context: dict[str, str | int] = {}
"""Of this process, which does one command: threads that a library starts have no context of their own."""


def new_run_id() -> str:
    """The run_id of a command that begins now."""
    return os.environ.get(RUN_ID) or f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:6]}"


def current_run_id() -> str:
    """The run_id of the command at work; empty outside of one."""
    return str(_context.get("run_id", ""))


@contextmanager
def log_context(**fields: str | int) -> Iterator[None]:
    """Each JSON line that is logged within the block has these fields.

    So has the line of an error that ends the block, though it is logged outside.
    """
    before = dict(_context)
    _context.update(fields)
    try:
        yield
    except BaseException as error:
        if not hasattr(error, _OF_ERROR):
            with suppress(AttributeError):  # a class with slots
                setattr(error, _OF_ERROR, dict(_context))
        raise
    finally:
        _context.clear()
        _context.update(before)


def context_of(error: BaseException | None) -> dict[str, str | int]:
    """The fields of the block that an error ended; empty for an error of no block."""
    return dict(getattr(error, _OF_ERROR, {}))


def with_fields(fields: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The argument `extra` of a logging call whose JSON line has more fields."""
    return {_FIELDS: dict(fields)}


def formatter(format_: Format) -> logging.Formatter:
    """How a line is written."""
    return _JsonLines() if format_ == "json" else logging.Formatter(_TEXT)


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        fields = {**dict.fromkeys(_ALWAYS), **_context, **context_of(error)}
        time_ = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "time": time_.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _one_line(record.getMessage()),
        }
        line |= fields | getattr(record, _FIELDS, {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def set_format(format_: Format) -> None:
    """How the lines of the handlers that are there are written from now on."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter(format_))


def _one_line(message: str) -> str:
    """A message without the spaces that align it on a terminal."""
    return message if "\n" in message.strip() else " ".join(message.split())


class _StderrLines(logging.StreamHandler):  # type: ignore[type-arg]
    """Everything that is logged, on stderr."""


@contextmanager
def lines_on_stderr(format_: Format) -> Iterator[None]:
    """With json, all that is logged in the block is also a line on stderr, and nothing else is."""
    if format_ == "text":
        yield
        return
    handler = _StderrLines(sys.stderr)
    handler.setFormatter(formatter(format_))
    root, own = logging.getLogger(), logging.getLogger("patent_spark")
    level = own.level
    own.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        own.setLevel(level)


def is_json_on_stderr() -> bool:
    """Whether log lines go to stderr as JSON."""
    return any(isinstance(handler, _StderrLines) for handler in logging.getLogger().handlers)
