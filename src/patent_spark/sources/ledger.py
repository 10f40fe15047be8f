"""The download budget: how often each file may be requested in a year, and what was spent of it.

A file of the Open Data Portal may be downloaded 20 times a year with one key. The ledger is a file with a
JSON line for each request. A line is on the disk before its request is sent, so a killed process cannot
spend more than the ledger knows.
"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

from patent_spark.sources.errors import SourceError

_YEAR = datetime.timedelta(days=365)


class Ledger:
    """The requests of the last 365 days, by file. Share its folder between all users of a key."""

    def __init__(self, path: Path, budget: int) -> None:
        self.path, self.budget = path, budget

    def used(self, file: str) -> int:
        """Requests for a file within the last 365 days; a damaged line counts for every file."""
        return len(self._times(file))

    def require(self, file: str) -> None:
        """Raise SourceError when the budget of a file is spent; it says when one request is free again."""
        times = sorted(self._times(file))
        if len(times) < self.budget:
            return
        free = times[-self.budget] + _YEAR
        raise SourceError(
            f"{file} was requested {len(times)} times within a year, and the limit is {self.budget} "
            f"(source.budget, see {self.path}); the next request is free on {free:%Y-%m-%d}",
            file=file,
            budget=self.budget,
            retry_at=f"{free:%Y-%m-%d}",
        )

    def charge(self, file: str, release: str) -> None:
        """Record one request, on the disk when this returns; raises SourceError when the budget is spent."""
        self.require(file)
        line = json.dumps({"time": f"{_now():%Y-%m-%dT%H:%M:%SZ}", "file": file, "release": release})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a") as ledger:
            ledger.write(("\n" if torn else "") + line + "\n")
            ledger.flush()
            os.fsync(ledger.fileno())
        fsync_folder(self.path.parent)

    def _times(self, file: str) -> list[datetime.datetime]:
        if not self.path.exists():
            return []
        times = [_time_of(line, file) for line in self.path.read_text(errors="replace").splitlines() if line]
        return [time for time in times if time is not None and time > _now() - _YEAR]


def fsync_folder(folder: Path) -> None:
    """Make new and renamed files of a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _time_of(line: str, file: str) -> datetime.datetime | None:
    """When a line's request was sent; None when it was for another file."""
    try:
        entry = json.loads(line)
        time = datetime.datetime.fromisoformat(entry["time"])
        return time if entry["file"] == file else None
    except (ValueError, KeyError, TypeError):
        return _now()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
