"""Versions in a bucket, and their copies on this machine.

The copies are laid out like a warehouse in a folder (core/local_storage.py), and readers on this machine pin
them as they pin versions there. A draft is written here and copied to the bucket when it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from patent_spark.config import PatentSparkError
from patent_spark.core.files import json_text, write_json, write_text
from patent_spark.core.local_storage import LocalVersionFiles
from patent_spark.core.manifest import Manifest
from patent_spark.core.objects.bucket import Bucket
from patent_spark.core.objects.cleanup import Cleanup
from patent_spark.core.objects.conditions import require_conditional_writes
from patent_spark.core.objects.lease import Lease, held
from patent_spark.core.objects.transfer import download_missing, upload_all
from patent_spark.core.old_versions import MANIFEST, WRITER
from patent_spark.core.storage import OldVersion


class BucketVersionFiles:
    """See core/storage.py."""

    def __init__(self, bucket: Bucket, folder: Path, lease_seconds: float, reader_hours: float) -> None:
        """folder: of the copies. reader_hours: how long a version stays after no pointer names it."""
        self.folder, self.address = folder, bucket.address
        self._bucket, self._local = bucket, LocalVersionFiles(folder)
        self._lease_seconds = lease_seconds
        self._cleanup = Cleanup(bucket, self._local, reader_hours)
        self._leases: dict[str, Lease] = {}

    def manifest(self, stage: str, version: str) -> Manifest:
        """As the interface says."""
        path = self.folder / stage / version / MANIFEST
        if not path.exists():
            content = self._bucket.read(_key(stage, version, MANIFEST))
            if content is None:
                raise FileNotFoundError(self._bucket.url(_key(stage, version, MANIFEST)))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, content.text)
        return self._local.manifest(stage, version)

    def manifests(self, stage: str) -> list[Manifest]:
        """As the interface says."""
        found = []
        for version in self._bucket.folder(stage)[1]:
            try:
                found.append(self.manifest(stage, version))
            except FileNotFoundError:
                continue  # a draft, or removed meanwhile
        return found

    def pin(self, stage: str, version: str) -> IO[bytes]:
        """As the interface says. In the bucket the version stays for the hours that readers have."""
        self.manifest(stage, version)
        return self._local.pin(stage, version)

    def fetch(self, manifest: Manifest, name: str) -> Path:
        """As the interface says: files that are not here yet are copied, and checked."""
        folder = self.folder / manifest.stage / manifest.version
        key = _key(manifest.stage, manifest.version)
        download_missing(self._bucket, key, folder, manifest.files_of(name))
        return folder / name

    def addresses(self, manifest: Manifest, name: str) -> list[str]:
        """As the interface says."""
        version = _key(manifest.stage, manifest.version)
        return [self._bucket.url(_key(version, file.name)) for file in manifest.files_of(name)]

    def size(self, stage: str, version: str = "") -> int:
        """As the interface says."""
        return sum(each.bytes for each in self._bucket.all_below(_key(stage, version) if version else stage))

    @contextmanager
    def draft(self, stage: str, version: str) -> Iterator[Path]:
        """As the interface says: the writer renews the lease of `.writer`."""
        require_conditional_writes(self._bucket)
        writer = held(self._bucket, _key(stage, version, WRITER), self._lease_seconds, delete=True)
        with writer as lease, self._local.draft(stage, version) as folder:
            self._leases[version] = lease
            try:
                yield folder
            finally:
                del self._leases[version]

    def complete(self, manifest: Manifest, folder: Path) -> Manifest:
        """As the interface says."""
        files = [path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, WRITER)]
        stored = upload_all(self._bucket, _key(manifest.stage, manifest.version), folder, files)
        manifest = manifest.model_copy(update={"files": stored})
        self._leases[manifest.version].require()
        self._bucket.write(_key(manifest.stage, manifest.version, MANIFEST), json_text(manifest.to_json()))
        write_json(folder / MANIFEST, manifest.to_json())
        return manifest

    def finish(self, manifest: Manifest) -> None:
        """As the interface says."""
        self._local.finish(manifest)

    def discard(self, stage: str, version: str) -> None:
        """As the interface says. What a server that is down keeps goes when the stage is run again."""
        self._local.discard(stage, version)
        try:
            self._cleanup.delete(stage, version)
        except PatentSparkError:
            pass

    def remove_abandoned(self, stage: str, used: Callable[[], Collection[str]]) -> None:
        """As the interface says: their leases are over. Copies of versions that are gone go, too."""
        self._local.remove_abandoned(stage, used)
        self._cleanup.remove_abandoned(stage, used, self._lease_seconds)
        self._cleanup.remove_copies(stage)

    def old_versions(self, stage: str, used: Collection[str], keep: int, days: float) -> list[OldVersion]:
        """As the interface says."""
        return self._cleanup.old_versions(stage, used, keep, days)

    def remove(self, version: OldVersion) -> bool:
        """As the interface says; readers on other machines have the hours that the setting gives them."""
        if not self._local.remove(version):
            return False
        self._cleanup.delete(version.stage, version.version)
        return True


def _key(*parts: str) -> str:
    return "/".join(parts)
