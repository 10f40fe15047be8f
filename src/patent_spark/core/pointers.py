"""Which version of each stage readers see: the pointers of a warehouse.

A stage publishes by replacing `<stage>/CURRENT`. A refresh works on candidates, `<stage>/CANDIDATE`, which no
other reader looks at. It publishes those of all stages in one step: once RELEASE.json is written, readers see
its versions, whether the CURRENT of each stage has been replaced yet or not. After a kill at any moment,
readers see all old versions or all new ones, and the next writer finishes the work.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from pydantic import Field

from patent_spark.core.files import json_text
from patent_spark.core.metadata import Record
from patent_spark.core.storage import ChangedError, ControlFile, ControlFiles

_CURRENT, _CANDIDATE, _RELEASE, _LOCK = "CURRENT", "CANDIDATE", "RELEASE.json", ".release.lock"


class PublishedRelease(Record):
    """RELEASE.json: the last release that was published as a whole."""

    generation: int = 0
    """How many were published as a whole."""
    pending: bool = False
    """Whether `stages` count more than the CURRENT of each stage, which are being replaced."""
    stages: dict[str, str] = Field(default_factory=dict)
    """The version of each stage."""
    before: dict[str, str] = Field(default_factory=dict)
    """The versions that readers saw before; they are kept until the next release."""


class Pointers:
    """The pointers of one warehouse.

    candidate: read the candidate of a stage where there is one, and publish candidates.
    """

    def __init__(self, files: ControlFiles, candidate: bool = False) -> None:
        self._files, self._candidate = files, candidate

    def version(self, stage: str) -> str | None:
        """The version of a stage that readers see, or None before its first one."""
        return self._version(stage, self._published())

    def snapshot(self) -> dict[str, str]:
        """The versions of all stages at one moment: never some before and some after a release."""
        while True:
            before = self._published()
            versions = {stage: self._version(stage, before) for stage in self._files.folders()}
            if self._published() == before:
                return {stage: version for stage, version in versions.items() if version is not None}

    def in_use(self, stage: str) -> set[str]:
        """Versions of a stage that a pointer names; none of them may be removed."""
        published = self._published()
        names = {
            self._read(f"{stage}/{_CURRENT}"),
            self._read(f"{stage}/{_CANDIDATE}"),
            published.stages.get(stage) if published.pending else None,
            published.before.get(stage),
        }
        return {name for name in names if name is not None}

    def candidates(self) -> dict[str, str]:
        """The candidate of each stage that has one."""
        read = {stage: self._read(f"{stage}/{_CANDIDATE}") for stage in self._files.folders()}
        return {stage: version for stage, version in read.items() if version is not None}

    def seen(self, stage: str) -> ControlFile | None:
        """The pointer that `publish` will replace, as it is now."""
        return self._files.read(self._pointer(stage))

    def publish(self, stage: str, version: str, seen: ControlFile | None) -> None:
        """Make a version of a stage the one that readers see; with `candidate`, its candidate.

        seen: the pointer when the work on the version began. In a bucket, raises ChangedError when another
        run has published the stage since; in a folder the last one wins.
        """
        with self._lock():
            if not self._candidate:
                self._finish()
            try:
                self._files.replace(self._pointer(stage), f"{version}\n", seen)
            except ChangedError as error:
                raise ChangedError(
                    f"another run has published {stage} meanwhile; its version stays, and this one "
                    f"({version}) is dropped: run `patent-spark {stage}` again if its settings were others",
                    stage=stage,
                    version=version,
                ) from error

    def publish_candidates(self) -> dict[str, str]:
        """Make the candidates of all stages what readers see, in one step; returns their versions."""
        with self._lock():
            self._finish()
            stages = self.candidates()
            if stages:
                generation, before = self._published().generation + 1, self.snapshot()
                release = PublishedRelease(generation=generation, pending=True, stages=stages, before=before)
                self._write(release)
                self._finish()
            return stages

    def drop_candidates(self) -> None:
        """Forget the candidates; their versions are removed when their stages publish the next ones."""
        with self._lock():
            self._finish()
            for stage in self.candidates():
                self._files.remove(f"{stage}/{_CANDIDATE}")

    def _finish(self) -> None:
        """Replace the CURRENT of each stage of a release that was published as a whole."""
        published = self._published()
        if not published.pending:
            return
        for stage, version in published.stages.items():
            name = f"{stage}/{_CURRENT}"
            self._files.replace(name, f"{version}\n", self._files.read(name))
            if self._read(f"{stage}/{_CANDIDATE}") == version:
                self._files.remove(f"{stage}/{_CANDIDATE}")
        self._write(published.model_copy(update={"pending": False}))

    def _pointer(self, stage: str) -> str:
        return f"{stage}/{_CANDIDATE if self._candidate else _CURRENT}"

    def _version(self, stage: str, published: PublishedRelease) -> str | None:
        candidate = self._read(f"{stage}/{_CANDIDATE}") if self._candidate else None
        if candidate is not None:
            return candidate
        if published.pending and stage in published.stages:
            return published.stages[stage]
        return self._read(f"{stage}/{_CURRENT}")

    def _published(self) -> PublishedRelease:
        text = self._read(_RELEASE)
        return PublishedRelease() if text is None else PublishedRelease.model_validate_json(text)

    def _write(self, published: PublishedRelease) -> None:
        self._files.replace(_RELEASE, json_text(published.to_json()), self._files.read(_RELEASE))

    def _read(self, name: str) -> str | None:
        file = self._files.read(name)
        return None if file is None else file.text

    def _lock(self) -> AbstractContextManager[None]:
        """One writer of pointers at a time."""
        return self._files.hold(_LOCK, wait=True)
