"""Release folders on this machine: which one ingest reads, and which downloads are complete.

A download writes release.json last, so a folder with that file is complete.
"""

from __future__ import annotations

import json
from pathlib import Path

from patent_spark.config import Config, ConfigError
from patent_spark.core.errors import DataError

RELEASE_FILE = "release.json"
DOWNLOADED = ("odp", "zenodo")
"""Kinds of source whose releases are downloaded."""


def downloads_folder(config: Config) -> Path:
    """The folder that holds a folder for each downloaded release."""
    return Path(config.source.downloads or config.warehouse.folder / "downloads").absolute()


def release_folder(config: Config) -> Path:
    """The folder of the release to read, for every kind but simulate.

    Raises ConfigError when source.path is not set, DataError when there is no such folder or no download.
    """
    if config.source.kind in DOWNLOADED:
        return _downloaded(config)
    if not config.source.path:
        raise ConfigError(
            "source.path is not set; set it to the folder of a release, or source.kind=simulate to make one",
            setting="source.path",
        )
    path = Path(config.source.path)
    if not path.is_dir():
        raise DataError(
            f"source.path = {path} is not a folder; set it to the folder of a release",
            setting="source.path",
            file=str(path),
        )
    return path


def complete_downloads(config: Config) -> list[Path]:
    """The folders of complete downloads of this kind of source, the newest release first."""
    described = []
    for path in downloads_folder(config).glob(f"*/{RELEASE_FILE}"):
        about = json.loads(path.read_text())
        if about.get("kind") == config.source.kind:
            described.append((about.get("data_to_date") or "", about.get("released") or "", path.parent))
    return [folder for *_, folder in sorted(described, reverse=True)]


def _downloaded(config: Config) -> Path:
    """The download that source.release names, or the newest one."""
    wanted, there = config.source.release, complete_downloads(config)
    for folder in there:
        if wanted in ("", folder.name):
            return folder
    what = f"release {wanted}" if wanted else f"a release of source.kind = {config.source.kind}"
    raise DataError(
        f"{what} is not in {downloads_folder(config)}; run `patent-spark download` first "
        f"(complete: {', '.join(folder.name for folder in there) or 'none'})",
        setting="source.release" if wanted else "source.kind",
        folder=str(downloads_folder(config)),
    )
