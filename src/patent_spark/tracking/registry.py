"""The registry of MLflow: versions of a model, and the one among them that is in use, the champion.

A version is a folder (see serving.package) that was put among the files of the run that trained the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import Config
from patent_spark.core.errors import WorkError
from patent_spark.tracking.runs import connected

CHAMPION = "champion"
"""The alias of the version in use."""

IDENTITY = "identity"
"""The tag that tells what a version was made from: the same for the same model and calibration."""

DESCRIPTION = 5000
"""Characters that the registry keeps beside a version."""


@dataclass(frozen=True)
class Version:
    """A registered version of a model."""

    name: str
    number: str
    run_id: str
    tags: dict[str, str]

    @property
    def address(self) -> str:
        """Where MLflow finds it."""
        return f"models:/{self.name}/{self.number}"


class Registry:
    """The versions of one model: of a task, or joint. Whatever is asked raises TrackingError when the server does not answer."""

    def __init__(self, config: Config, model: str) -> None:
        self._config = config
        self.name = re.sub(r"[/:]", "_", f"{config.tracking.experiment}_{model}")

    def champion(self) -> Version | None:
        """The version in use, or None before the first one."""
        with connected(self._config) as client:
            known = client.search_registered_models(filter_string=f"name='{self.name}'")
            number = str(known[0].aliases[CHAMPION]) if known and CHAMPION in known[0].aliases else None
        return next((version for version in self.versions() if version.number == number), None)

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        with connected(self._config) as client:
            found = client.search_model_versions(f"name='{self.name}'")
        versions = [Version(each.name, str(each.version), each.run_id, dict(each.tags)) for each in found]
        return sorted(versions, key=lambda version: int(version.number), reverse=True)

    def add(self, run_id: str, package: Path, tags: Mapping[str, str], description: str) -> Version:
        """A new version of the files in a folder; tags: `identity` among them. It is not the champion yet."""
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
        return Version(self.name, str(made.version), run_id, dict(tags))

    def promote(self, version: Version) -> None:
        """Make a version the champion."""
        with connected(self._config) as client:
            client.set_registered_model_alias(self.name, CHAMPION, version.number)

    def fetch(self, version: Version, folder: Path) -> Path:
        """The files of a version, in a folder below this one; raises WorkError for one that was not registered here."""
        if IDENTITY not in version.tags:
            raise WorkError(
                f"{version.address} was not registered by patent-spark; give the alias {CHAMPION} to a version that was, or take it away"
            )
        with connected(self._config) as client:
            return Path(
                client.download_artifacts(version.run_id, _place(version.tags[IDENTITY]), str(folder))
            )


def _place(identity: str) -> str:
    """Where among the files of its run a version lies."""
    return f"registered/{identity}"
