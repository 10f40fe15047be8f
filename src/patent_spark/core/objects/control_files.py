"""Control files in a bucket: pointers, locks, status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from patent_spark.core.objects.bucket import Bucket
from patent_spark.core.objects.conditions import require_conditional_writes
from patent_spark.core.objects.lease import held, holder_of
from patent_spark.core.storage import ChangedError, ControlFile


class BucketControlFiles:
    """See core/storage.py."""

    def __init__(self, bucket: Bucket, lease_seconds: float) -> None:
        self._bucket, self._lease_seconds = bucket, lease_seconds

    def read(self, name: str) -> ControlFile | None:
        """As the interface says."""
        content = self._bucket.read(name)
        return None if content is None else ControlFile(content.text.strip(), content.tag)

    def write(self, name: str, text: str) -> None:
        """As the interface says."""
        self._bucket.write(name, text)

    def replace(self, name: str, text: str, seen: ControlFile | None) -> None:
        """As the interface says."""
        require_conditional_writes(self._bucket)
        if self._bucket.write_if(name, text, seen.tag if seen else None) is None:
            raise ChangedError(f"{self._bucket.url(name)} was replaced by another process", file=name)

    def remove(self, name: str) -> None:
        """As the interface says."""
        self._bucket.delete(name)

    def folders(self) -> list[str]:
        """As the interface says."""
        return self._bucket.folder()[1]

    def names(self, folder: str) -> list[str]:
        """As the interface says."""
        return [each.name for each in self._bucket.folder(folder)[0]]

    @contextmanager
    def hold(self, name: str, *, wait: bool) -> Iterator[None]:
        """As the interface says: a dead holder's lock is free when its lease is over."""
        require_conditional_writes(self._bucket)
        with held(self._bucket, name, self._lease_seconds, wait=wait):
            yield

    def holder(self, name: str) -> dict[str, str]:
        """As the interface says."""
        content = self._bucket.read(name)
        return holder_of(content) if content else {}
