"""What `patent-spark download --list` shows: the releases that there are, and what fetching each takes."""

from __future__ import annotations

import datetime
from typing import Literal

from patent_spark.config import Config
from patent_spark.core.metadata import Record
from patent_spark.reporting.html import aligned
from patent_spark.sources.choose import ledger_of, source_of
from patent_spark.sources.download import is_complete, missing_files
from patent_spark.sources.local import DOWNLOADED, downloads_folder
from patent_spark.sources.release import Release


class ListedFile(Record):
    """A file of a release."""

    name: str
    bytes: int | None
    here: bool
    """It is here, verified."""
    requests_used: int | None
    """Requests for it within a year; None when the source has no budget."""


class ListedRelease(Record):
    """A release, and how much of it is here."""

    release_id: str
    data_to_date: datetime.date | None
    released: datetime.date | None
    source: str
    state: Literal["here", "partly here", "not here"]
    folder: str
    bytes: int | None
    bytes_to_fetch: int | None
    files: tuple[ListedFile, ...]


class Releases(Record):
    """The document RELEASES: all releases of a source, the newest first."""

    kind: str
    budget: int | None
    """Requests for a file and year; None when the source has no budget."""
    releases: tuple[ListedRelease, ...]


def list_releases(config: Config) -> Releases:
    """What there is. Asks for metadata only, which costs nothing of the budget."""
    ledger = ledger_of(config)
    listed = tuple(_listed(config, release) for release in source_of(config).releases())
    return Releases(kind=config.source.kind, budget=ledger and ledger.budget, releases=listed)


def _listed(config: Config, release: Release) -> ListedRelease:
    ledger = ledger_of(config)
    folder = downloads_folder(config) / release.id
    local = config.source.kind not in DOWNLOADED
    missing = [] if local else missing_files(folder, release)
    sizes = [file.size for file in missing]
    complete = local or is_complete(folder, release)
    return ListedRelease(
        release_id=release.id,
        data_to_date=release.data_to_date,
        released=release.released,
        source=release.source,
        state="here" if complete else "partly here" if len(missing) < len(release.files) else "not here",
        folder=release.source if local else str(folder),
        bytes=release.size,
        bytes_to_fetch=None if None in sizes else sum(size or 0 for size in sizes),
        files=tuple(
            ListedFile(
                name=file.name,
                bytes=file.size,
                here=file not in missing,
                requests_used=ledger and ledger.used(file.name),
            )
            for file in release.files
        ),
    )


def as_text(listing: Releases) -> str:
    """The listing for a person: the releases, and the files of the newest one."""
    if not listing.releases:
        return "no release yet: run `patent-spark simulate`"
    rows = [("release", "data to", "released", "files", "size", "to fetch", "state")]
    rows += [
        (
            each.release_id, _text(each.data_to_date), _text(each.released), str(len(each.files)),
            _megabytes(each.bytes), _megabytes(each.bytes_to_fetch), each.state,
        )
        for each in listing.releases
    ]  # fmt: skip
    newest = listing.releases[0]
    files = [("file", "size", "here", "requests this year")]
    files += [(file.name, _megabytes(file.bytes), "yes" if file.here else "no", _cost(file, listing.budget))
              for file in newest.files]  # fmt: skip
    return "\n".join([*aligned(rows), "", f"{newest.release_id}, {newest.folder}", *aligned(files)])


def _cost(file: ListedFile, budget: int | None) -> str:
    """The requests that were made, and that the download would make."""
    if budget is None:
        return "no limit"
    return f"{file.requests_used} of {budget}{'' if file.here else ', 1 more to fetch it'}"


def _megabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:,.1f} MB"


def _text(day: datetime.date | None) -> str:
    return str(day) if day else "unknown"
