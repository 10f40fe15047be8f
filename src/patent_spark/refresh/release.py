"""The newest release of a source, and its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import Config, digest, flatten
from patent_spark.pipeline import release_fingerprint


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
    path = config.source.path
    fingerprint = release_fingerprint(path)
    return FoundRelease(config.release.id or _own_id(Path(path)), fingerprint)


def fetched(config: Config, release: FoundRelease) -> Config:
    """The configuration that reads the release, once its files are here."""
    return config


def _own_id(folder: Path) -> str:
    try:
        return str(json.loads((folder / "release.json").read_text(encoding="utf-8-sig"))["release_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.name
