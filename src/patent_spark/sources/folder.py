"""Releases that need no download: a folder of files, and the release that the simulator makes."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from patent_spark.config import Config
from patent_spark.core.metadata import SimulateMetadata
from patent_spark.core.store import open_store
from patent_spark.sources.local import RELEASE_FILE, release_folder
from patent_spark.sources.release import Release, ReleaseFile


class FolderSource:
    """The release in source.path, a folder of this machine."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def releases(self) -> list[Release]:
        """See ReleaseSource."""
        return [describe_folder(release_folder(self._config), self._config)]

    def fetch(self, release: Release) -> Path:
        """See ReleaseSource."""
        return release_folder(self._config)


class SimulatedSource:
    """The release that stage simulate has made. It is made by `patent-spark simulate`, not fetched."""

    def __init__(self, config: Config) -> None:
        self._store = open_store(config.warehouse)

    def releases(self) -> list[Release]:
        """See ReleaseSource; none before the stage ran."""
        made = self._store.manifest("simulate")
        if made is None:
            return []
        about, folder = made.metadata_as(SimulateMetadata), self._store.directory_in(made, "RELEASE")
        return [
            Release(
                id=about.release_id,
                data_to_date=about.data_to_date,
                released=None,
                source=str(folder),
                files=_zips(folder),
            )
        ]

    def fetch(self, release: Release) -> Path:
        """See ReleaseSource; raises DataError before the stage ran."""
        return self._store.directory("RELEASE")


def describe_folder(folder: Path, config: Config) -> Release:
    """What a folder says of itself, with the settings of section `release` before it."""
    try:
        about = json.loads((folder / RELEASE_FILE).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        about = {}
    day = config.release.data_to_date or _day(about.get("data_to_date"))
    return Release(
        id=config.release.id or about.get("release_id") or folder.name,
        data_to_date=day,
        released=_day(about.get("released")),
        source=str(folder),
        files=_zips(folder),
    )


def _zips(folder: Path) -> tuple[ReleaseFile, ...]:
    return tuple(
        ReleaseFile(name=path.name, size=path.stat().st_size) for path in sorted(folder.glob("*.zip"))
    )


def _day(text: object) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(str(text))
    except ValueError:
        return None
