"""The source that the settings ask for, and the release that is wanted of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from patent_spark.config import Config
from patent_spark.core.errors import DataError
from patent_spark.sources.folder import FolderSource, SimulatedSource
from patent_spark.sources.ledger import Ledger
from patent_spark.sources.local import DOWNLOADED, complete_downloads, downloads_folder
from patent_spark.sources.release import Release, ReleaseSource

if TYPE_CHECKING:
    from patent_spark.sources.http import Client


def source_of(config: Config) -> ReleaseSource:
    """The source of source.kind. Raises ConfigError when it needs a key and there is none."""
    if config.source.kind in DOWNLOADED:
        return _Remote(config)
    return SimulatedSource(config) if config.source.kind == "simulate" else FolderSource(config)


def wanted_release(config: Config, releases: Sequence[Release]) -> Release:
    """The release that source.release names, or the newest one; raises DataError when it is not there."""
    wanted = config.source.release
    for release in releases:
        if wanted in ("", release.id):
            return release
    raise DataError(
        f"source.release = {wanted or '(the newest)'} is not there; source.kind = {config.source.kind} has: "
        f"{', '.join(release.id for release in releases) or 'no release'}",
        setting="source.release",
    )


def fetch_wanted(config: Config) -> Path:
    """The folder of the wanted release. A source is not asked for a release that is named and here."""
    if config.source.kind in DOWNLOADED and config.source.release:
        for folder in complete_downloads(config):
            if folder.name == config.source.release:
                return folder
    source = source_of(config)
    return source.fetch(wanted_release(config, source.releases()))


def ledger_of(config: Config) -> Ledger | None:
    """The download budget of this source; None when it has none."""
    if config.source.kind != "odp":
        return None
    return Ledger(downloads_folder(config) / "odp-requests.jsonl", config.source.budget)


class _Remote:
    """A source whose releases are downloaded. What makes requests is imported at the first one."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def releases(self) -> list[Release]:
        """See ReleaseSource."""
        from patent_spark.sources.odp import OdpSource
        from patent_spark.sources.zenodo import ZenodoSource

        kind = OdpSource if self._config.source.kind == "odp" else ZenodoSource
        return kind(self._config, self._client).releases()

    def fetch(self, release: Release) -> Path:
        """See ReleaseSource."""
        from patent_spark.sources.download import Downloader

        settings = self._config.source
        folder = downloads_folder(self._config)
        return Downloader(
            settings.kind, folder, self._client, settings.resumes, ledger_of(self._config)
        ).fetch(release)

    @cached_property
    def _client(self) -> Client:
        from patent_spark.sources import odp, zenodo
        from patent_spark.sources.http import Client

        settings = self._config.source
        is_odp = settings.kind == "odp"
        return Client(
            settings.url or (odp.ADDRESS if is_odp else zenodo.ADDRESS),
            timeout_s=settings.timeout_s,
            longest_wait_s=settings.longest_wait_s,
            key=odp.api_key() if is_odp else "",
            key_name=odp.KEY_NAME if is_odp else "",
        )
