"""Where a bucket is: what AWS's own environment variables say beside the settings."""

from __future__ import annotations

import os


def endpoint_of(setting: str) -> str:
    """The address of the server; empty: AWS. setting: `warehouse.endpoint`."""
    return setting or os.environ.get("AWS_ENDPOINT_URL", "")


def region() -> str:
    """The region of its buckets."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
