"""The newest release of a source, and its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import Config, digest, flatten, with_settings
from patent_spark.pipeline import release_fingerprint
from patent_spark.sources.choose import fetch_wanted, source_of, wanted_release
from patent_spark.sources.local import DOWNLOADED, complete_downloads, release_folder


@dataclass(frozen=True)
class FoundRelease:
    """A release that a source has."""

    id: str
    """As the source names it."""
    fingerprint: str
    """Changes when the release or one of its files does."""


def find_release(config: Config) -> FoundRelease:
    """The newest release of the source; raises ConfigError and DataError where there is none."""
    if config.source.kind == "simulate":
        settings = {name: value for name, value in flatten(config).items() if name.startswith("simulate.")}
        return FoundRelease(f"simulated, data to {config.simulate.data_to_date}", digest(settings))
    if config.source.kind in DOWNLOADED:
        newest = wanted_release(config, source_of(config).releases())
        return FoundRelease(newest.id, digest(newest.to_json()))
    folder = release_folder(config)
    return FoundRelease(config.release.id or _own_id(folder), release_fingerprint(folder))


def is_here(config: Config, release: FoundRelease) -> bool:
    """Whether the files of the release are on this machine, or made by it."""
    if config.source.kind not in DOWNLOADED:
        return True
    return any(folder.name == release.id for folder in complete_downloads(config))


def fetched(config: Config, release: FoundRelease) -> Config:
    """The configuration that reads the release, once its files are here."""
    if config.source.kind not in DOWNLOADED:
        return config
    config = with_settings(config, {"source.release": release.id})
    fetch_wanted(config)
    return config


def _own_id(folder: Path) -> str:
    try:
        return str(json.loads((folder / "release.json").read_text(encoding="utf-8-sig"))["release_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.name
