"""Whether a downloaded file is what its source describes: size, checksum, and each member of the zip."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

from patent_spark.core.errors import DataError
from patent_spark.core.progress import Progress
from patent_spark.sources.release import ReleaseFile

_BLOCK = 1 << 20


def require_intact(path: Path, file: ReleaseFile) -> str:
    """The SHA-256 of a file; raises DataError when size or checksum differ, or the zip is damaged."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise DataError(
            f"{file.name} has {size:,} bytes, but its source says {file.size:,}; run `patent-spark download` "
            "again when the release is complete at the source",
            file=file.name,
            size=size,
            expected=file.size,
        )
    sha256, md5 = checksums(path)
    if file.md5 is not None and md5 != file.md5:
        raise DataError(
            f"{file.name} has the MD5 checksum {md5}, but its source says {file.md5}; "
            "run `patent-spark download` again",
            file=file.name,
            checksum=md5,
            expected=file.md5,
        )
    _require_zip(path, file.name)
    return sha256


def checksums(path: Path) -> tuple[str, str]:
    """SHA-256 and MD5 of a file in hexadecimal digits."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()


def _require_zip(path: Path, name: str) -> None:
    """Inflate every member, which compares its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            with Progress(f"check {name}", total=sum(each.file_size for each in members), unit="B") as bar:
                for member in members:
                    _inflate(archive, member, bar)
    except NotImplementedError:
        return  # a compression that cannot be read here: ingest says what to do
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(
            f"{name} is not a complete zip file ({error}); run `patent-spark download` again",
            file=name,
            reason=str(error),
        ) from error


def _inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo, bar: Progress) -> None:
    with archive.open(member) as content:
        while block := content.read(_BLOCK):
            bar.update(len(block))
