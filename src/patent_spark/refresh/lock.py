"""One refresh of a warehouse at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from patent_spark.core.errors import WorkError
from patent_spark.core.storage import ControlFiles, HeldError

_LOCK = "refresh/lock"


@contextmanager
def refresh_lock(files: ControlFiles) -> Iterator[None]:
    """Hold the lock of a warehouse's refresh; raises WorkError that names its holder when another has it.

    The lock of a process that died goes to the next one, and never that of a living one.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(files.hold(_LOCK, wait=False))
        except HeldError as error:
            holder = error.holder
            raise WorkError(
                f"another refresh of this warehouse runs: process {holder.get('process')} on "
                f"{holder.get('host')} since {holder.get('since')}; wait until it ends, or end it",
                holder=holder,
            ) from error
        yield


def living_holder(files: ControlFiles) -> dict[str, str]:
    """Process, host and beginning of the refresh that is at work; empty when none is known to be."""
    return files.holder(_LOCK)
