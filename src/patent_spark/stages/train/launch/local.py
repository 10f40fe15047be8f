"""Ranks as processes of this machine; none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import patent_spark
from patent_spark.stages.train.launch.horovod import rendezvous
from patent_spark.stages.train.launch.worker import LAUNCHER_PID

_POLL_S = 0.2
_GRACE_S = 3.0
"""After a first failure, for the rank that caused it to end as well."""


def run_processes(folder: Path, ranks: int, timeout_s: int, logs: Path) -> list[int | None]:
    """Run the job in `folder` with this many ranks; returns their exit codes, None for one that was killed.

    Their output goes to files that begin with `logs`. No rank is left running.
    """
    with rendezvous(ranks, timeout_s) as slots, _started(folder, slots, logs) as processes:
        while None in (codes := [process.poll() for process in processes]):
            if any(codes):
                return _wait(processes, _GRACE_S)
            time.sleep(_POLL_S)
        return codes


@contextmanager
def _started(
    folder: Path, slots: Sequence[Mapping[str, str]], logs: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    logs.parent.mkdir(parents=True, exist_ok=True)
    try:
        for rank, slot in enumerate(slots):
            processes.append(_start(folder, _environment(slot, len(slots)), log_of(logs, rank)))
        yield processes
    finally:
        for process in processes:
            kill_group(process)


def _start(folder: Path, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command_of_rank(folder),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def command_of_rank(folder: Path) -> list[str]:
    """The command that is started once a rank."""
    return [sys.executable, "-m", "patent_spark.stages.train.launch.worker", str(folder)]


def log_of(logs: Path, rank: int) -> Path:
    """The file with the output of a rank."""
    return logs.with_name(f"{logs.name}-rank{rank}.log")


def _environment(slot: Mapping[str, str], ranks: int) -> dict[str, str]:
    """A rank's environment: its slot, its share of the cores, and where the package lies (a zip perhaps)."""
    threads = cores_per_rank(ranks)
    package = str(Path(patent_spark.__file__).parents[1])
    search = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "PYTHONPATH": search,
        "PYTHONUNBUFFERED": "1",
        LAUNCHER_PID: str(os.getpid()),
        **slot,
    }


def cores_per_rank(ranks: int) -> str:
    """How many of this machine's cores each of so many ranks gets, as environment variables want it."""
    return str(max(1, len(os.sched_getaffinity(0)) // ranks))


def _wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int | None]:
    """Exit codes after at most this long; None for a process that still runs."""
    deadline = time.monotonic() + seconds
    while None in (codes := [process.poll() for process in processes]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return codes


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process that leads a group of its own, and of everything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
