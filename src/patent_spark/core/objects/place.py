"""Puts a warehouse in a bucket together from its settings."""

from __future__ import annotations

from patent_spark.config import Warehouse
from patent_spark.core.objects.bucket import Bucket
from patent_spark.core.objects.control_files import BucketControlFiles
from patent_spark.core.objects.version_files import BucketVersionFiles
from patent_spark.core.storage import Storage


def bucket_storage(settings: Warehouse) -> Storage:
    """The warehouse in the bucket that `warehouse.root` names."""
    bucket = Bucket(settings.root, settings.endpoint)
    return Storage(
        BucketControlFiles(bucket, settings.lease_seconds),
        BucketVersionFiles(bucket, settings.folder, settings.lease_seconds, settings.reader_hours),
    )
