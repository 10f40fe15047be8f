"""What a warehouse needs of the place where it is kept: a file system (core/local_storage.py) or a bucket
(core/objects/).

Two interfaces. Control files are small texts that several machines read and replace: pointers, locks, status.
Version files are what a stage made: many, large, written once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from patent_spark.core.errors import WorkError

if TYPE_CHECKING:
    from patent_spark.core.manifest import Manifest


class ChangedError(WorkError):
    """Another process has replaced a control file since it was read."""


class HeldError(WorkError):
    """Another process holds a lock."""

    def __init__(self, message: str, holder: dict[str, str]) -> None:
        super().__init__(message, holder=holder)
        self.holder = holder
        """Its process, host and beginning."""


@dataclass(frozen=True)
class ControlFile:
    """A control file as it was read."""

    text: str
    """Without blanks around it."""
    tag: str
    """Tells this content from any other one. Empty on a file system, where locks alone order the writers."""


@dataclass(frozen=True)
class OldVersion:
    """A version that can be removed."""

    stage: str
    version: str
    bytes: int
    """What its removal frees."""


class ControlFiles(Protocol):
    """Small texts under names such as `label/CURRENT`. A reader sees the old one or the new one, whole."""

    def read(self, name: str) -> ControlFile | None:
        """A file, or None if there is none."""

    def write(self, name: str, text: str) -> None:
        """Write a file, whatever is there."""

    def replace(self, name: str, text: str, seen: ControlFile | None) -> None:
        """Write a file if it is still what was seen (None: not there); raises ChangedError otherwise."""

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""

    def folders(self) -> list[str]:
        """The first parts of all names."""

    def names(self, folder: str) -> list[str]:
        """Names of the files right in a folder, sorted."""

    def hold(self, name: str, *, wait: bool) -> AbstractContextManager[None]:
        """Hold a lock. Another one waits for it, or gets a HeldError; a dead holder's lock is taken over."""

    def holder(self, name: str) -> dict[str, str]:
        """Process, host and beginning of the process that holds a lock; empty when none is known to."""


class VersionFiles(Protocol):
    """The versions of stages. On this machine each is, or is copied to, <folder>/<stage>/<version>."""

    folder: Path
    address: str
    """What a user calls the warehouse."""

    def manifest(self, stage: str, version: str) -> Manifest:
        """The manifest of a version; raises FileNotFoundError when the version is gone."""

    def manifests(self, stage: str) -> list[Manifest]:
        """The manifests of all versions of a stage that are kept."""

    def pin(self, stage: str, version: str) -> IO[bytes]:
        """An open file that keeps a version from being removed until it is closed, or its process ends.

        Raises FileNotFoundError when the version is gone.
        """

    def fetch(self, manifest: Manifest, name: str) -> Path:
        """The folder of a table or another output, or a file, on this machine; it may be missing."""

    def addresses(self, manifest: Manifest, name: str) -> list[str]:
        """The files of a table or another output where the warehouse keeps them: file:// or s3://."""

    def size(self, stage: str, version: str = "") -> int:
        """Bytes of a version, or of all that a stage keeps; what several versions share counts once."""

    def draft(self, stage: str, version: str) -> AbstractContextManager[Path]:
        """A new, empty folder for a version. While the block runs nobody takes it for an abandoned one."""

    def complete(self, manifest: Manifest, folder: Path) -> Manifest:
        """Keep all files of a draft, its manifest last; returns the manifest as it was kept."""

    def finish(self, manifest: Manifest) -> None:
        """Note that a version is published."""

    def discard(self, stage: str, version: str) -> None:
        """Remove a draft that was not published."""

    def remove_abandoned(self, stage: str, used: Callable[[], Collection[str]]) -> None:
        """Remove the drafts of a stage whose writers are gone. `used` reads what pointers name now."""

    def old_versions(self, stage: str, used: Collection[str], keep: int, days: float) -> list[OldVersion]:
        """Versions of a stage that nobody needs, the oldest first.

        used: those that pointers name. keep: how many to keep, the used ones included. days: only older ones.
        """

    def remove(self, version: OldVersion) -> bool:
        """Remove a version; returns False when a reader has come to it meanwhile."""


@dataclass(frozen=True)
class Storage:
    """The place of one warehouse."""

    control: ControlFiles
    versions: VersionFiles
