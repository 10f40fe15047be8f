"""A release as its source describes it, and what a source has to offer."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Protocol

from patent_spark.core.metadata import Record


class ReleaseFile(Record):
    """One file of a release."""

    name: str
    size: int | None
    """Bytes; None when the source does not say."""
    released: str = ""
    """When the source last published it, as the source writes it."""
    md5: str | None = None
    """In hexadecimal digits, where the source publishes it."""
    url: str = ""
    """Where it is fetched from; empty for a local file."""


class Release(Record):
    """One release: its id names the folder that it is downloaded into."""

    id: str
    data_to_date: datetime.date | None
    """The last grant date that it covers; None when the source does not say."""
    released: datetime.date | None
    source: str
    """The address or folder that it comes from."""
    files: tuple[ReleaseFile, ...]

    @property
    def size(self) -> int | None:
        """Bytes of all files; None when one is unknown."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)


class ReleaseSource(Protocol):
    """What each kind of source can do. A new kind needs these two methods and a line in `choose.py`."""

    def releases(self) -> list[Release]:
        """The releases that there are, the newest first. Asks for metadata only."""
        ...

    def fetch(self, release: Release) -> Path:
        """A folder with all files of a release; what is there already is not fetched again."""
        ...
