"""Versions of stages in a folder that nobody needs any more.

Kept are: what a pointer names, the release before the one that readers see (core/pointers.py), what a reader
works with, what a stage is writing, and as many of the newest others as are asked for. A registered model
needs none of them: its package in the registry is whole.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

MANIFEST, WRITER = "manifest.json", ".writer"
"""Files in a version's folder: what it is made of, and who is writing it."""
_DAY, _HOUR = 86_400.0, 3_600.0


def own_bytes(folder: Path) -> int:
    """Size of the files of a version but for those that another version has, too (core/reuse.py)."""
    files = [file.stat() for file in folder.rglob("*") if file.is_file()]
    return sum(file.st_size for file in files if file.st_nlink == 1)


def reader_lock(manifest: Path) -> IO[bytes]:
    """An open file that keeps its version from being removed until it is closed, or its process ends.

    Raises FileNotFoundError when the version is gone already.
    """
    file = manifest.open("rb")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def old_versions(home: Path, used: Collection[str], keep: int, days: float = 0.0) -> list[Path]:
    """Versions below the folder of a stage that can be removed, the oldest first.

    used: those that pointers name. keep: how many to keep, the used ones included. days: only older ones.
    """
    folders = sorted(path for path in home.glob("*-*") if path.is_dir() and path.name not in used)
    published = [path for path in folders if (path / MANIFEST).exists() and not (path / WRITER).exists()]
    surplus = published[: max(0, len(published) + len(used) - max(keep, len(used)))]
    remains = [path for path in folders if _is_abandoned(path)]
    return [path for path in sorted([*remains, *surplus]) if _age_days(path) >= days and not _is_read(path)]


def remove(folder: Path) -> bool:
    """Remove a version; returns False when a reader has come to it meanwhile."""
    with _without_readers(folder) as free:
        if free:
            # The manifest goes first: without one, what is left is no version, and goes with the next call.
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        return free


def _is_abandoned(folder: Path) -> bool:
    """Whether this is what an interrupted removal left: no version, and nobody's draft."""
    unknown = not any((folder / name).exists() for name in (MANIFEST, WRITER))
    return unknown and _age_days(folder) > _HOUR / _DAY  # a draft is empty at first


def _age_days(folder: Path) -> float:
    return (time.time() - folder.stat().st_mtime) / _DAY


def _is_read(folder: Path) -> bool:
    with _without_readers(folder) as free:
        return not free


@contextmanager
def _without_readers(folder: Path) -> Iterator[bool]:
    """Whether nobody reads a version, and then nobody begins to before the block ends."""
    try:
        file = (folder / MANIFEST).open("rb")
    except FileNotFoundError:
        yield True
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
