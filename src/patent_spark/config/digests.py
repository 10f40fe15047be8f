"""Short digests of plain data."""

from __future__ import annotations

import hashlib
import json


def digest(value: object) -> str:
    """A short, stable digest of plain data (a part of a configuration, a manifest)."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
