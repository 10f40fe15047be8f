"""Copies files between a bucket and this machine. A file appears here only when it is whole and as its
manifest says."""

from __future__ import annotations

import errno
import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.manifest import StoredFile
from patent_spark.core.objects.bucket import Bucket

_AT_ONCE = 8
_TRIES = 3
T = TypeVar("T")
R = TypeVar("R")


def upload_all(bucket: Bucket, key: str, folder: Path, files: Sequence[Path]) -> tuple[StoredFile, ...]:
    """Write files of a folder below a key; returns their list, sorted by name."""

    def upload(file: Path) -> StoredFile:
        name = file.relative_to(folder).as_posix()
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        bucket.upload(file, f"{key}/{name}")
        return StoredFile(name=name, bytes=file.stat().st_size, sha256=sha256)

    return tuple(sorted(_each(upload, files), key=lambda file: file.name))


def download_missing(bucket: Bucket, key: str, folder: Path, files: Iterable[StoredFile]) -> None:
    """Copy files from below a key into a folder, but for those that are there.

    Raises WorkError when they do not fit on the disk or do not arrive, DataError when one is gone or is not
    what the manifest says.
    """
    missing = [file for file in files if not _is_here(folder / file.name, file)]
    if not missing:
        return
    _require_space(folder, sum(file.bytes for file in missing))
    _each(lambda file: _download(bucket, f"{key}/{file.name}", folder / file.name, file), missing)


def _is_here(path: Path, file: StoredFile) -> bool:
    try:
        return path.stat().st_size == file.bytes
    except FileNotFoundError:
        return False


def _download(bucket: Bucket, key: str, path: Path, file: StoredFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with _disk_errors(path):
            _require_digest(bucket, key, file, _received(bucket, key, temporary))
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _received(bucket: Bucket, key: str, path: Path) -> str:
    """Write an object to a file; returns the SHA-256 of what arrived."""
    for left in reversed(range(_TRIES)):
        digest = hashlib.sha256()
        try:
            with path.open("wb") as file:
                for chunk in bucket.chunks(key):
                    digest.update(chunk)
                    file.write(chunk)
            return digest.hexdigest()
        except FileNotFoundError as error:
            raise DataError(
                f"{bucket.url(key)} is gone, though its manifest names it: its version was removed, or "
                "somebody deleted the object; run the command again, or else the stage with --force",
                file=key,
            ) from error
        except ConnectionError as error:
            if not left:
                raise WorkError(
                    f"{bucket.url(key)} was cut off {_TRIES} times ({error}); run the command again", file=key
                ) from error
    raise AssertionError


def _require_digest(bucket: Bucket, key: str, file: StoredFile, received: str) -> None:
    if received != file.sha256:
        raise DataError(
            f"{bucket.url(key)} is not the file that its manifest describes (SHA-256 {received[:12]}, not "
            f"{file.sha256[:12]}); it was replaced or damaged: run its stage again with --force",
            file=key,
            sha256=received,
        )


def _require_space(folder: Path, needed: int) -> None:
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if needed > free:
        raise _no_space(there, f"{needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free")


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_space(path.parent, "it is full") from error


def _no_space(folder: Path, why: str) -> WorkError:
    return WorkError(
        f"no room for copies of the bucket in {folder}: {why}; make room, or set warehouse.cache_dir to a "
        "folder on a larger disk",
        setting="warehouse.cache_dir",
        folder=str(folder),
    )


def _each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results of some requests, several at a time; the first error ends the rest."""
    pool = ThreadPoolExecutor(min(_AT_ONCE, max(1, len(items))))
    try:
        return list(pool.map(function, items))
    finally:
        pool.shutdown(cancel_futures=True)
