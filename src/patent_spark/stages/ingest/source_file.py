"""What identifies a file of a release: its size, its SHA-256 and the checksum of the TSV file in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import SourceFile
from patent_spark.stages.ingest.zip_reader import crc_of


def identify(path: Path, expected_sha256: str | None) -> SourceFile:
    """Read a file once and identify it.

    Raises DataError when release.json, which a download wrote, gives another SHA-256.
    """
    crc = crc_of(path)
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    if expected_sha256 not in (None, sha256):
        raise DataError(
            f"{path} has the SHA-256 {sha256}, but release.json beside it says {expected_sha256}: the file "
            "has changed since its download; remove it and run `patent-spark download` again",
            file=path.name,
            checksum=sha256,
            expected=expected_sha256,
        )
    return SourceFile(bytes=path.stat().st_size, sha256=sha256, crc32=f"{crc:08x}")
