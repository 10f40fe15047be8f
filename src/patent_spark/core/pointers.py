"""Which version of each stage readers see: the pointers of a warehouse.

A stage publishes by replacing `<stage>/CURRENT`. A refresh works on candidates, `<stage>/CANDIDATE`, which no
other reader looks at. It publishes those of all stages in one step: once RELEASE.json is written, readers see
its versions, whether the CURRENT of each stage has been replaced yet or not. After a kill at any moment,
readers see all old versions or all new ones, and the next writer finishes the work.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from patent_spark.core.files import write_json, write_text
from patent_spark.core.metadata import Record

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
    """The pointers below one root directory.

    candidate: read the candidate of a stage where there is one, and publish candidates.
    """

    def __init__(self, root: Path, candidate: bool = False) -> None:
        self._root, self._candidate = root, candidate

    def version(self, stage: str) -> str | None:
        """The version of a stage that readers see, or None before its first one."""
        return self._version(stage, self._published())

    def snapshot(self) -> dict[str, str]:
        """The versions of all stages at one moment: never some before and some after a release."""
        while True:
            before = self._published()
            versions = {stage: self._version(stage, before) for stage in self._stages()}
            if self._published() == before:
                return {stage: version for stage, version in versions.items() if version is not None}

    def in_use(self, stage: str) -> set[str]:
        """Versions of a stage that a pointer names; none of them may be removed."""
        published = self._published()
        names = {
            _read(self._root / stage / _CURRENT),
            _read(self._root / stage / _CANDIDATE),
            published.stages.get(stage) if published.pending else None,
            published.before.get(stage),
        }
        return {name for name in names if name is not None}

    def candidates(self) -> dict[str, str]:
        """The candidate of each stage that has one."""
        read = {stage: _read(self._root / stage / _CANDIDATE) for stage in self._stages()}
        return {stage: version for stage, version in read.items() if version is not None}

    def publish(self, stage: str, version: str) -> None:
        """Make a version of a stage the one that readers see; with `candidate`, its candidate."""
        if self._candidate:
            write_text(self._root / stage / _CANDIDATE, f"{version}\n")
            return
        with self._lock():
            self._finish()
            write_text(self._root / stage / _CURRENT, f"{version}\n")

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
                (self._root / stage / _CANDIDATE).unlink(missing_ok=True)

    def _finish(self) -> None:
        """Replace the CURRENT of each stage of a release that was published as a whole."""
        published = self._published()
        if not published.pending:
            return
        for stage, version in published.stages.items():
            write_text(self._root / stage / _CURRENT, f"{version}\n")
            if _read(self._root / stage / _CANDIDATE) == version:
                (self._root / stage / _CANDIDATE).unlink(missing_ok=True)
        self._write(published.model_copy(update={"pending": False}))

    def _version(self, stage: str, published: PublishedRelease) -> str | None:
        candidate = _read(self._root / stage / _CANDIDATE) if self._candidate else None
        if candidate is not None:
            return candidate
        if published.pending and stage in published.stages:
            return published.stages[stage]
        return _read(self._root / stage / _CURRENT)

    def _stages(self) -> set[str]:
        return {path.parent.name for name in (_CURRENT, _CANDIDATE) for path in self._root.glob(f"*/{name}")}

    def _published(self) -> PublishedRelease:
        text = _read(self._root / _RELEASE)
        return PublishedRelease() if text is None else PublishedRelease.model_validate_json(text)

    def _write(self, published: PublishedRelease) -> None:
        write_json(self._root / _RELEASE, published.to_json())

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer of pointers at a time."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / _LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
