"""Progress and logging: a bar on a terminal, plain or JSON lines elsewhere, everything in the log file."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from patent_spark.core.log_lines import Format, formatter, is_json_on_stderr, with_fields

log = logging.getLogger("patent_spark")

_SECONDS_BETWEEN_LINES = 10.0


def say(message: str, **fields: object) -> None:
    """One line for the person, on stderr and in the log; stdout is kept for results.

    fields: more fields of the line where it is JSON.
    """
    log.info(message, extra=with_fields(fields))
    if is_json_on_stderr():
        return  # it is there already
    tqdm.write(message, file=sys.stderr)
    sys.stderr.flush()


@contextmanager
def log_to(path: Path, format_: Format = "text") -> Iterator[None]:
    """Log everything to a file, warnings of libraries included. Raises OSError if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(path, delay=True)
    handler.setFormatter(formatter(format_))
    with path.open("a") as file:  # fails early on a full disk
        begin = log.makeRecord(log.name, logging.INFO, path.name, 0, path.stem, (), None)
        file.write(f"{handler.format(begin)}\n")
    root = logging.getLogger()
    root.addHandler(handler)
    log.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    """Drops lines while the disk is full: the work itself raises that error."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Python's own would print a traceback for each line."""

    def close(self) -> None:
        with suppress(OSError):
            super().close()


class Progress:
    """Progress of some work: `with Progress("ingest CITATIONS", total=bytes, unit="B") as bar:
    bar.update(n)`."""

    def __init__(self, what: str, total: float | None = None, unit: str = "rows") -> None:
        self.what, self.total, self.unit, self.done = what, total, unit, 0.0
        self._terminal = sys.stderr.isatty() and not is_json_on_stderr()
        self._bar = tqdm(
            total=total, desc=what, unit=f" {unit}", unit_scale=True, leave=False, disable=not self._terminal
        )
        self._last_line = time.monotonic()

    def update(self, amount: float, note: str = "") -> None:
        """Add to what is done; `note` is shown beside it."""
        self.done += amount
        self._bar.update(amount)
        if note:
            self._bar.set_postfix_str(note)
        if not self._terminal and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            part = f" ({self.done / self.total:.0%})" if self.total else ""
            say(
                f"  {self.what}: {self.done:,.0f} {self.unit}{part} {note}".rstrip(),
                done=self.done,
                total=self.total,
                unit=self.unit,
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
