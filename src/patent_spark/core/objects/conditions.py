"""Refuses a server without conditional writes: on it, two writers would overwrite each other unnoticed."""

from __future__ import annotations

import uuid

from patent_spark.config import ConfigError
from patent_spark.core.objects.bucket import Bucket

_CHECKED: set[tuple[str, str]] = set()
"""Endpoints and buckets that this process has found good."""


def require_conditional_writes(bucket: Bucket) -> None:
    """Raise ConfigError when the server creates the same object twice, or replaces one that has changed."""
    if (bucket.endpoint, bucket.name) in _CHECKED:
        return
    key = f".probe/{uuid.uuid4().hex}"
    try:
        created = bucket.write_if(key, "first", None)
        twice = bucket.write_if(key, "second", None)
        replaced = bucket.write_if(key, "third", '"00000000000000000000000000000000"')
    finally:
        bucket.delete(key)
    if created is None or twice is not None or replaced is not None:
        ignored = "If-None-Match" if twice is not None else "If-Match"
        raise ConfigError(
            f"warehouse.root = {bucket.address}: {bucket.endpoint or 'AWS'} ignores {ignored} in a write, "
            "so two runs could overwrite each other; use a server with conditional writes, or a folder",
            setting="warehouse.root",
            header=ignored,
        )
    _CHECKED.add((bucket.endpoint, bucket.name))
