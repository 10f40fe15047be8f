"""Registered models in a folder of this machine, so that a model is downloaded once."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from patent_spark.config import Config
from patent_spark.config.digests import digest
from patent_spark.inference.model_package import Package
from patent_spark.tracking.registry import IDENTITY, Registry, Version

_DOWNLOAD = ".download-"
_DAY_S = 24 * 3600


def cached_package(
    config: Config, registry: Registry, version: Version, threads: int | None = None
) -> Package:
    """The package of a registered version; downloaded unless the cache has one with its identity.

    Several processes may do this at once: a download becomes visible when it is complete. Raises WorkError if
    patent-spark did not register the version, DataError for one that this program cannot read.
    """
    cache = cache_folder(config)
    folder = cache / _folder_name(version)
    if version.tags.get(IDENTITY) and folder.is_dir():
        return Package(folder, threads)
    cache.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(cache)
    with TemporaryDirectory(dir=cache, prefix=_DOWNLOAD) as scratch:
        downloaded = registry.fetch(version, Path(scratch))
        Package(downloaded)
        try:
            downloaded.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    return Package(folder, threads)


def cache_folder(config: Config) -> Path:
    """inference.cache, or the user's own cache."""
    if config.inference.cache:
        return Path(config.inference.cache)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "patent_spark" / "models"


def _remove_abandoned(cache: Path) -> None:
    """Downloads of processes that were killed."""
    for folder in cache.glob(f"{_DOWNLOAD}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _DAY_S:
                shutil.rmtree(folder, ignore_errors=True)


def _folder_name(version: Version) -> str:
    identity = version.tags.get(IDENTITY, "")
    return identity if re.fullmatch("[0-9a-zA-Z]{8,64}", identity) else digest(identity)
