"""Ranks as processes of this machine; none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import patent_spark
from patent_spark.stages.train.launch.horovod import meeting_point
from patent_spark.stages.train.launch.worker import PARENT

_LOOK_S = 0.2
_GRACE_S = 3.0  # after a first failure, for the rank that caused it to end as well


def run_processes(folder: Path, ranks: int, timeout_s: int, logs: Path) -> list[int | None]:
    """Run the job in `folder` with this many ranks; returns their exit codes, None for one that did not end with the others.

    Their output goes to files that begin with `logs`. No rank is left running.
    """
    with meeting_point(ranks, timeout_s) as places, _started(folder, places, logs) as processes:
        while None in (codes := [process.poll() for process in processes]):
            if any(codes):
                return _wait(processes, _GRACE_S)
            time.sleep(_LOOK_S)
        return codes


@contextmanager
def _started(
    folder: Path, places: Sequence[dict[str, str]], logs: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    logs.parent.mkdir(parents=True, exist_ok=True)
    try:
        for rank, place in enumerate(places):
            with log_of(logs, rank).open("wb") as log:
                command = command_of_rank(folder)
                processes.append(
                    subprocess.Popen(
                        command,
                        env=_environment(place, len(places)),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        yield processes
    finally:
        for process in processes:
            end(process)


def command_of_rank(folder: Path) -> list[str]:
    """What is started, once a rank."""
    return [sys.executable, "-m", "patent_spark.stages.train.launch.worker", str(folder)]


def log_of(logs: Path, rank: int) -> Path:
    """The file with everything that a rank printed."""
    return logs.with_name(f"{logs.name}-rank{rank}.log")


def _environment(place: dict[str, str], ranks: int) -> dict[str, str]:
    """The rank's environment: its place, its share of the cores, and where the package lies (possibly in a zip)."""
    threads = share_of_cores(ranks)
    package = str(Path(patent_spark.__file__).parents[1])
    search = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "PYTHONPATH": search,
        "PYTHONUNBUFFERED": "1",
        PARENT: str(os.getpid()),
        **place,
    }


def share_of_cores(ranks: int) -> str:
    """How many of this machine's cores each of its ranks computes on."""
    return str(max(1, len(os.sched_getaffinity(0)) // ranks))


def _wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int | None]:
    """Exit codes after at most this long; None for a process that is still at work."""
    end = time.monotonic() + seconds
    while None in (codes := [process.poll() for process in processes]) and time.monotonic() < end:
        time.sleep(0.05)
    return codes


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process that leads a group of its own, and of anything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
