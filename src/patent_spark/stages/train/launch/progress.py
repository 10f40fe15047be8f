"""What rank 0 reports while it trains and the driver shows: lines of JSON in the job's folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TypedDict, final

PROGRESS_FILE = "progress.jsonl"
_SECONDS_BETWEEN_STEPS = 0.5


@final
class Steps(TypedDict):
    """How far the training is."""

    done: int
    total: int
    note: str


@final
class Line(TypedDict):
    """A line that stays on the screen."""

    line: str


class ProgressWriter:
    """Rank 0's side."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / PROGRESS_FILE).open("a", buffering=1)
        self._last = 0.0

    def step(self, done: int, total: int, note: str) -> None:
        """Report the steps done of all steps: a few times a second at most, but always the last."""
        now = time.monotonic()
        if now - self._last > _SECONDS_BETWEEN_STEPS or done == total:
            self._last = now
            self._write({"done": done, "total": total, "note": note})

    def line(self, text: str) -> None:
        """Report a line that stays on the screen."""
        self._write({"line": text})

    def _write(self, entry: Steps | Line) -> None:
        self._file.write(json.dumps(entry) + "\n")


class ProgressReader:
    """The driver's side."""

    def __init__(self, folder: Path) -> None:
        self._path, self._offset = folder / PROGRESS_FILE, 0

    def read(self) -> list[Steps | Line]:
        """What was reported since the last call. A line that is being written is left for the next call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]
