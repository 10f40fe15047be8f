"""Have the ranks of a job run, show how far they are, and say why they ended early."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from patent_spark.config import Train
from patent_spark.core.errors import WorkError
from patent_spark.core.progress import Progress, say
from patent_spark.stages.train.launch.external import OUTPUT, run_here
from patent_spark.stages.train.launch.failures import explain
from patent_spark.stages.train.launch.horovod import run_in_executors
from patent_spark.stages.train.launch.job import Failure, Listener, ask_to_stop
from patent_spark.stages.train.launch.local import log_of, run_processes
from patent_spark.stages.train.launch.worker import main

_LOOK_S = 0.2


def run_ranks(
    folder: Path, settings: Train, steps: int, logs: Path, what: str, open_session: Callable[[], object]
) -> None:
    """Run the job in `folder`, `steps` steps in all, by the launcher of the settings; output goes to files that begin with `logs`.

    `open_session` opens the Spark session whose executors are to be ranks. Raises StoppedError when a rank or this
    process was asked to stop, DataError when a rank found bad data, WorkError naming the rank for anything else.
    """
    with _shown(folder, what, steps), _passing_on_sigterm(folder):
        if settings.launcher == "spark":
            open_session()
            codes, output = (
                _run_in_executors(folder, settings, logs, what),
                [f"the output of all is in {_log_of_executors(logs)}"] * settings.ranks,
            )
        elif settings.launcher == "external":
            codes = run_here(folder)
            output = [OUTPUT] * len(codes)
        else:
            codes = run_processes(folder, settings.ranks, settings.timeout_s, logs)
            output = [f"its output is in {log_of(logs, rank)}" for rank in range(settings.ranks)]
    if any(code != 0 for code in codes):
        raise explain(folder, what, codes, output)


def _run_in_executors(folder: Path, settings: Train, logs: Path, what: str) -> list[int | None]:
    path = _log_of_executors(logs)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as log:
        try:
            return [
                *run_in_executors(functools.partial(main, folder), settings.ranks, settings.timeout_s, log)
            ]
        except Exception as error:
            if not any(Failure.read(folder, rank) for rank in range(settings.ranks)):
                raise WorkError(
                    f"{what}: Spark's executors did not run the ranks: {' '.join(str(error).split())[:300]}; see {path}"
                ) from error
            return [None] * settings.ranks


def _log_of_executors(logs: Path) -> Path:
    return logs.with_name(f"{logs.name}-ranks.log")


@contextmanager
def _shown(folder: Path, what: str, steps: int) -> Iterator[None]:
    """Show, from a thread, what rank 0 tells."""
    listener, over = Listener(folder), threading.Event()

    def show() -> None:
        with Progress(what, steps, "steps") as bar:
            while not over.wait(_LOOK_S):
                _show(listener, bar)
            _show(listener, bar)

    thread = threading.Thread(target=show)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show(listener: Listener, bar: Progress) -> None:
    for entry in listener.news():
        if "line" in entry:
            say(entry["line"])
        else:
            bar.update(entry["done"] - bar.done, entry["note"])


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
