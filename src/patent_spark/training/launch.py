"""Start the ranks of a job on this machine, show how far they are, and leave none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import patent_spark
from patent_spark.checks import DataError, StoppedError, WorkError
from patent_spark.progress import Progress, say
from patent_spark.training.job import Failure, Listener, ask_to_stop
from patent_spark.training.rank import PARENT
from patent_spark.training.ranks import meeting_point

_LOOK_S = 0.2
_GRACE_S = 3.0  # after a first failure, for the rank that caused it to end as well


def run_ranks(folder: Path, ranks: int, steps: int, timeout_s: int, logs: Path, what: str) -> None:
    """Run the job in `folder` with this many ranks, `steps` steps in all; their output goes to files that begin with `logs`.

    Raises StoppedError after a SIGTERM, DataError when a rank found bad data, WorkError naming the rank for anything else.
    No rank is left running.
    """
    listener = Listener(folder)
    with (
        meeting_point(ranks, timeout_s) as places,
        _started(folder, places, logs) as processes,
        _passing_on_sigterm(folder),
        Progress(what, steps, "steps") as bar,
    ):
        while None in (codes := [process.poll() for process in processes]):
            _show(listener, bar)
            if any(codes):
                codes = _wait(processes, _GRACE_S)
                break
            time.sleep(_LOOK_S)
        _show(listener, bar)
    if any(codes):
        raise _explain(folder, what, codes, logs)


@contextmanager
def _started(folder: Path, places: Sequence[dict[str, str]], logs: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    logs.parent.mkdir(parents=True, exist_ok=True)
    try:
        for rank, place in enumerate(places):
            with log_of(logs, rank).open("wb") as log:
                command = command_of_rank(folder)
                processes.append(
                    subprocess.Popen(
                        command, env=_environment(place, len(places)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                    )
                )
        yield processes
    finally:
        for process in processes:
            _end(process)


@contextmanager
def _passing_on_sigterm(folder: Path) -> Iterator[None]:
    """Have the ranks save their state and end when this process is asked to."""
    if threading.current_thread() is not threading.main_thread():  # only that one gets signals
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: ask_to_stop(folder))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def command_of_rank(folder: Path) -> list[str]:
    """What is started, once a rank."""
    return [sys.executable, "-m", "patent_spark.training.rank", str(folder)]


def log_of(logs: Path, rank: int) -> Path:
    """The file with everything that a rank printed."""
    return logs.with_name(f"{logs.name}-rank{rank}.log")


def _environment(place: dict[str, str], ranks: int) -> dict[str, str]:
    """The rank's environment: its place, its share of the cores, and where the package lies (possibly in a zip)."""
    threads = str(max(1, len(os.sched_getaffinity(0)) // ranks))
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


def _show(listener: Listener, bar: Progress) -> None:
    for entry in listener.news():
        if "line" in entry:
            say(entry["line"])
        else:
            bar.update(entry["done"] - bar.done, entry["note"])


def _wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int | None]:
    """Exit codes after at most this long; None for a process that is still at work."""
    end = time.monotonic() + seconds
    while None in (codes := [process.poll() for process in processes]) and time.monotonic() < end:
        time.sleep(0.05)
    return codes


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a rank and of anything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _explain(folder: Path, what: str, codes: Sequence[int | None], logs: Path) -> Exception:
    """The error of the rank that failed first: not of those that only noticed its absence or silence."""
    failures = {rank: Failure.read(folder, rank) for rank in range(len(codes))}
    blamed = [rank for rank, failure in failures.items() if failure is not None and not failure.lost_peer]
    killed = [rank for rank, code in enumerate(codes) if failures[rank] is None and code]
    silent = [rank for rank, code in enumerate(codes) if code is None]
    rank = (blamed or killed or silent or [0])[0]
    failure, where = failures[rank], log_of(logs, rank)
    if failure is None:
        if codes[rank] is None:
            return WorkError(f"{what}: rank {rank} did not answer any more and was ended; its output is in {where}")
        return WorkError(f"{what}: rank {rank} ended with {_ending(codes[rank] or 0)}; its output is in {where}")
    if failure.bad_data:
        return DataError(failure.message)
    if failure.kind == StoppedError.__name__:
        return StoppedError(f"{what}: {failure.message}")
    if failure.kind == WorkError.__name__:  # it says all that the user needs to know
        return WorkError(f"{what}: {failure.message}")
    return WorkError(f"{what}: rank {rank} failed: {failure.kind}: {failure.message[:300]}; its output is in {where}")


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
