"""Why a job ended early, and which rank is to blame."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from patent_spark.core.errors import WorkError
from patent_spark.stages.train.launch.job import Failure


def explain(folder: Path, what: str, codes: Sequence[int | None], output: Sequence[str]) -> Exception:
    """The error of the rank that failed first: not of those that only noticed its absence or silence.

    codes: as of processes, None for a rank that is not known to have ended. output: of each rank, where it is.
    """
    failures = {rank: Failure.read(folder, rank) for rank in range(len(codes))}
    blamed = [rank for rank, failure in failures.items() if failure is not None and not failure.lost_peer]
    killed = [rank for rank, code in enumerate(codes) if failures[rank] is None and code]
    silent = [rank for rank, code in enumerate(codes) if failures[rank] is None and code is None]
    rank = (blamed or killed or silent or [0])[0]
    failure, where = failures[rank], output[rank]
    if failure is None:
        if codes[rank] is None:
            return WorkError(f"{what}: rank {rank} did not answer any more; {where}")
        return WorkError(f"{what}: rank {rank} ended with {_ending(codes[rank] or 0)}; {where}")
    return failure.as_error(what, rank, where)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
