"""Removes versions from a bucket that nobody needs, and the remains of writers that died.

Nobody can see who reads a version in a bucket. Whoever looks for old versions marks those that no pointer
names (`.unused`); a reader that has pinned one of them began before. A version goes when its mark is older
than the hours that readers have (`warehouse.reader_hours`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from patent_spark.core.local_storage import LocalVersionFiles
from patent_spark.core.objects.bucket import Bucket, StoredObject
from patent_spark.core.objects.lease import held
from patent_spark.core.old_versions import MANIFEST, WRITER
from patent_spark.core.storage import HeldError, OldVersion

UNUSED = ".unused"
_HOUR, _DAY = 3_600.0, 86_400.0


@dataclass(frozen=True)
class _Version:
    """A version's folder in the bucket, as a listing shows it."""

    name: str
    notes: dict[str, StoredObject]
    """The objects right in it, by name."""

    @property
    def published(self) -> bool:
        return MANIFEST in self.notes and WRITER not in self.notes

    @property
    def abandoned(self) -> bool:
        """No version, and nobody's draft: what an interrupted removal left."""
        return MANIFEST not in self.notes and WRITER not in self.notes

    @property
    def age_s(self) -> float:
        return min((each.age_s for each in self.notes.values()), default=_HOUR)


class Cleanup:
    """What removes versions below one prefix."""

    def __init__(self, bucket: Bucket, copies: LocalVersionFiles, reader_hours: float) -> None:
        self._bucket, self._copies, self._reader_s = bucket, copies, reader_hours * _HOUR

    def old_versions(self, stage: str, used: Collection[str], keep: int, days: float) -> list[OldVersion]:
        """See VersionFiles; marks what no pointer names."""
        versions = self._versions(stage)
        self._unmark(stage, [version for version in versions if version.name in used])
        others = [version for version in versions if version.name not in used]
        published = [version for version in others if version.published]
        surplus = published[: max(0, len(published) + len(used) - max(keep, len(used)))]
        free = [version for version in published if self._free_of_readers(stage, version)]
        chosen = [version for version in free if version in surplus]
        chosen += [version for version in others if version.abandoned and version.age_s >= _HOUR]
        return [
            OldVersion(stage, version.name, sum(each.bytes for each in self._objects(stage, version.name)))
            for version in sorted(chosen, key=lambda version: version.name)
            if version.age_s >= days * _DAY
        ]

    def delete(self, stage: str, version: str) -> None:
        """Delete all objects of a version, its manifest first: without one, what is left is no version."""
        keys = [each.key for each in self._objects(stage, version)]
        manifest = f"{stage}/{version}/{MANIFEST}"
        if manifest in keys:
            self._bucket.delete(manifest)
        self._bucket.delete(*keys)

    def remove_abandoned(self, stage: str, used: Callable[[], Collection[str]], lease_seconds: float) -> None:
        """Delete the drafts whose writers let their leases run out."""
        for version in self._versions(stage):
            if WRITER not in version.notes:
                continue
            try:
                # Taking the lease over stops a writer that was only paused.
                with held(self._bucket, f"{stage}/{version.name}/{WRITER}", lease_seconds, delete=True):
                    if version.name not in used():  # else it ended between publishing and tidying up
                        self.delete(stage, version.name)
            except HeldError:
                continue  # its writer lives

    def remove_copies(self, stage: str) -> None:
        """Remove the copies on this machine of versions that the bucket no longer has."""
        kept = set(self._bucket.folder(stage)[1])
        for manifest in self._copies.manifests(stage):
            if manifest.version not in kept:
                self._copies.remove(OldVersion(stage, manifest.version, 0))

    def _versions(self, stage: str) -> list[_Version]:
        """The versions and drafts of a stage, the oldest first."""
        return [
            _Version(name, {each.name: each for each in self._bucket.folder(f"{stage}/{name}")[0]})
            for name in sorted(self._bucket.folder(stage)[1])
            if "-" in name
        ]

    def _objects(self, stage: str, version: str) -> list[StoredObject]:
        return self._bucket.all_below(f"{stage}/{version}")

    def _unmark(self, stage: str, versions: Iterable[_Version]) -> None:
        """Forget the marks of versions that a pointer names again."""
        self._bucket.delete(*[f"{stage}/{each.name}/{UNUSED}" for each in versions if UNUSED in each.notes])

    def _free_of_readers(self, stage: str, version: _Version) -> bool:
        """Whether every reader of a version had its hours; marks a version that has no mark."""
        mark = version.notes.get(UNUSED)
        if mark is None:
            self._bucket.write(f"{stage}/{version.name}/{UNUSED}", "no pointer names this version any more\n")
        return (mark.age_s if mark else 0.0) >= self._reader_s
