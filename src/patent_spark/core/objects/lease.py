"""A lock in a bucket: an object that its holder renews, and that anybody may take once it is too old.

Taking, renewing and giving back are conditional writes, so a holder that was paused for longer than its lease
cannot take the lock back from its successor. Ages are read from the server's clock.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from patent_spark.config import PatentSparkError
from patent_spark.core.errors import WorkError
from patent_spark.core.local_storage import this_process
from patent_spark.core.objects.bucket import Bucket, Content
from patent_spark.core.progress import log
from patent_spark.core.storage import HeldError

_FREE = ""
_LEASE, _RENEWALS = "lease_seconds", "renewals"
_POLL_S = 0.5


class Lease:
    """A held lock."""

    def __init__(self, bucket: Bucket, key: str, seconds: float) -> None:
        self._bucket, self._key, self._seconds = bucket, key, seconds
        self._note = {**this_process(), "id": uuid.uuid4().hex, _LEASE: str(seconds)}
        self._renewals = 0
        self._tag: str | None = None
        self._valid_until = 0.0
        self._ended = threading.Event()

    def take(self) -> dict[str, str] | None:
        """Take the lock if it is free, or its holder's lease is over; returns None, or who holds it."""
        begun, seen = time.monotonic(), self._bucket.read(self._key)
        if seen is not None and (holder := holder_of(seen)):
            return holder
        self._tag = self._bucket.write_if(self._key, self._text(), seen.tag if seen else None)
        if self._tag is None:
            now = self._bucket.read(self._key)
            return (holder_of(now) if now else {}) or {}
        self._valid_until = begun + self._seconds
        threading.Thread(target=self._keep, daemon=True).start()
        return None

    def require(self) -> None:
        """Raise WorkError when the lease was lost: nothing may be published any more."""
        if time.monotonic() > self._valid_until:
            raise WorkError(
                f"{self._bucket.url(self._key)}: this process did not renew its lock within "
                f"warehouse.lease_seconds = {self._seconds:g}, so another one may be at work; nothing is "
                "published: see whether the server answers, and run the command again",
                setting="warehouse.lease_seconds",
            )

    def give_back(self, *, delete: bool) -> None:
        """Free the lock if it is still held; `delete`: remove its object, which only one process can want."""
        self._ended.set()
        try:
            if delete:
                self._bucket.delete(self._key)
            elif self._tag is not None:
                self._bucket.write_if(self._key, _FREE, self._tag)
        except PatentSparkError as error:  # it is free anyhow when the lease is over
            log.warning("the lock %s cannot be given back: %s", self._key, error)

    def _keep(self) -> None:
        """Renew the lease until the lock is given back, or lost."""
        while not self._ended.wait(self._seconds / 3):
            begun = time.monotonic()
            try:
                tag = self._renewed()
            except Exception as error:  # the next try may succeed before the lease is over
                log.warning("the lock %s cannot be renewed: %s", self._key, error)
                continue
            if tag is None:
                self._valid_until = 0.0
                return
            self._valid_until = begun + self._seconds

    def _renewed(self) -> str | None:
        self._renewals += 1
        tag = self._bucket.write_if(self._key, self._text(), self._tag)
        if not self._ended.is_set():
            self._tag = tag
        return tag

    def _text(self) -> str:
        """Another one at each renewal: an equal text would have an equal tag."""
        return json.dumps({**self._note, _RENEWALS: self._renewals})


def holder_of(seen: Content) -> dict[str, str]:
    """Who holds a lock; empty when it is free or its lease is over."""
    if seen.text == _FREE:
        return {}
    try:
        note = {name: str(value) for name, value in json.loads(seen.text).items()}
        return {} if seen.age_s > float(note[_LEASE]) else note
    except (ValueError, KeyError, AttributeError):
        return {}  # no lock of ours


@contextmanager
def held(
    bucket: Bucket, key: str, seconds: float, *, wait: bool = False, delete: bool = False
) -> Iterator[Lease]:
    """Hold a lock; raises HeldError when another process holds it, unless `wait`.

    delete: its object is removed afterwards.
    """
    lease = Lease(bucket, key, seconds)
    while (holder := lease.take()) is not None:
        if not wait:
            raise HeldError(f"{bucket.url(key)} is held by process {holder.get('process')}", holder)
        time.sleep(_POLL_S)
    try:
        yield lease
    finally:
        lease.give_back(delete=delete)
