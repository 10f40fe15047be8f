"""One refresh of a warehouse at a time."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patent_spark.core.errors import WorkError

_LOCK = "lock"


@contextmanager
def refresh_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a warehouse's refresh; raises WorkError that names its holder when another has it.

    The system gives the lock of a process that died to the next one, and never that of a living one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(folder / _LOCK)
            raise WorkError(
                f"another refresh of this warehouse runs: process {holder.get('process')} on "
                f"{holder.get('host')} since {holder.get('since')}; wait until it ends, or end it",
                holder=holder,
            ) from error
        file.truncate(0)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": now}))
        file.flush()
        yield


def living_holder(folder: Path) -> dict[str, str]:
    """Process, host and beginning of the refresh that is at work; empty when its process has ended.

    Of another host only the note is known, which a refresh that ended leaves behind.
    """
    holder = _holder(folder / _LOCK)
    if not holder:
        return {}
    here = holder.get("host") == socket.gethostname()
    alive = here and Path(f"/proc/{holder.get('process')}").exists()
    return {name: str(value) for name, value in holder.items()} if alive or not here else {}


def _holder(path: Path) -> dict[str, str]:
    try:
        holder: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # it is just taking the lock
    return holder
