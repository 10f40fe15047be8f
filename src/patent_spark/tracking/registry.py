"""The model registry of MLflow: the versions of a model, and the champion, the version in use.

A version is a folder (see inference.model_package) among the artifacts of the run that trained the model.
"""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from patent_spark.config import Config
from patent_spark.core.errors import WorkError
from patent_spark.tracking.server import connected, tracking_uri
from patent_spark.tracking.version_lookup import (
    LookupUnavailable,
    aliased_version,
    numbered_version,
)
from patent_spark.tracking.version_lookup import Version as Version

CHAMPION = "champion"
"""The alias of the version in use."""

PROMOTED_AT = "promoted_at"
"""The tag of a version with the moment at which it last became the champion: UTC, ISO 8601."""

IDENTITY = "identity"
"""The tag that identifies the content of a version: equal for the same model and calibration."""

DESCRIPTION = 5000
"""The longest description of a version, in characters."""


class Registry:
    """The versions of one model: of a task, or joint. Every method can raise TrackingError."""

    def __init__(self, config: Config, model: str, name: str = "") -> None:
        self._config = config
        self.name = name or re.sub(r"[/:]", "_", f"{config.tracking.experiment}_{model}")

    def champion(self) -> Version | None:
        """The version in use, or None before the first one."""
        return self.aliased(CHAMPION)

    def aliased(self, alias: str) -> Version | None:
        """The version with an alias, or None without one."""
        try:
            return aliased_version(tracking_uri(self._config), self.name, alias)
        except LookupUnavailable:
            with connected(self._config) as client:
                known = client.search_registered_models(filter_string=f"name='{self.name}'")
                number = str(known[0].aliases[alias]) if known and alias in known[0].aliases else None
            return self._listed(number)

    def version(self, number: str) -> Version | None:
        """The version with a number, or None without one."""
        try:
            return numbered_version(tracking_uri(self._config), self.name, number)
        except LookupUnavailable:
            return self._listed(number)

    def _listed(self, number: str | None) -> Version | None:
        return next((version for version in self.versions() if version.number == number), None)

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        with connected(self._config) as client:
            entries = client.search_model_versions(f"name='{self.name}'")
        versions = [
            Version(each.name, str(each.version), each.run_id, dict(each.tags), each.source)
            for each in entries
        ]
        return sorted(versions, key=lambda version: int(version.number), reverse=True)

    def add(self, run_id: str, package: Path, tags: Mapping[str, str], description: str) -> Version:
        """Register the files of a folder as a new version, not as the champion. tags: with `identity`."""
        place = _place(tags[IDENTITY])
        with connected(self._config) as client:
            source = f"{client.get_run(run_id).info.artifact_uri}/{place}"
            client.log_artifacts(run_id, str(package), place)
            if not client.search_registered_models(filter_string=f"name='{self.name}'"):
                client.create_registered_model(self.name)
            made = client.create_model_version(
                self.name,
                source,
                run_id=run_id,
                tags=dict(tags),
                description=description[:DESCRIPTION],
                await_creation_for=0,
            )
        return Version(self.name, str(made.version), run_id, dict(tags), source)

    def promote(self, version: Version) -> None:
        """Make a version the champion; the tag PROMOTED_AT says since when."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with connected(self._config) as client:
            client.set_model_version_tag(self.name, version.number, PROMOTED_AT, now)
            client.set_registered_model_alias(self.name, CHAMPION, version.number)

    def fetch(self, version: Version, folder: Path) -> Path:
        """Copy the files of a version below a folder.

        Raises WorkError if patent-spark did not register it.
        """
        if IDENTITY not in version.tags:
            raise WorkError(
                f"{version.address} was not registered by patent-spark; "
                f"move the alias {CHAMPION} to a version that was, or remove it",
                version=version.address,
                alias=CHAMPION,
            )
        here = _local_folder(version.source)
        if here is not None:
            return Path(shutil.copytree(here, folder / here.name))
        with connected(self._config) as client:
            return Path(
                client.download_artifacts(version.run_id, _place(version.tags[IDENTITY]), str(folder))
            )


def _local_folder(source: str) -> Path | None:
    """The folder of a version's files if it is on this machine."""
    path = Path(unquote(urlsplit(source).path)) if source.startswith("file://") else Path(source)
    return path if source and path.is_absolute() and path.is_dir() else None


def _place(identity: str) -> str:
    """The artifact path of a version in its run."""
    return f"registered/{identity}"
