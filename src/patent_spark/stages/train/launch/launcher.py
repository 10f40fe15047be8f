"""Have the ranks of a job run, show their progress, and raise the error of the rank that ended it early."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from patent_spark.config import Train
from patent_spark.core.errors import WorkError
from patent_spark.core.progress import Progress, say
from patent_spark.stages.train.launch.external import run_here
from patent_spark.stages.train.launch.failures import Failure, diagnose
from patent_spark.stages.train.launch.horovod import run_in_executors
from patent_spark.stages.train.launch.job import request_stop
from patent_spark.stages.train.launch.local import log_of, run_processes
from patent_spark.stages.train.launch.progress import ProgressReader
from patent_spark.stages.train.launch.worker import main

_POLL_S = 0.2


def run_ranks(
    folder: Path, settings: Train, steps: int, logs: Path, model: str, open_session: Callable[[], object]
) -> None:
    """Run the job in `folder`, `steps` steps in all, by the launcher of the settings.

    logs: what the names of the files with the ranks' output begin with.
    open_session: opens the Spark session whose executors become ranks.
    Raises StoppedError when a rank or this process was asked to stop, DataError when a rank found bad data,
    ConfigError when a machine has too few GPUs, and WorkError, which names the rank, for anything else.
    """
    with _progress_shown(folder, f"train {model}", steps), _sigterm_passed_on(folder):
        codes, outputs = _run(folder, settings, logs, model, open_session)
    if any(code != 0 for code in codes):
        raise diagnose(folder, model, codes, outputs)


def _run(
    folder: Path, settings: Train, logs: Path, model: str, open_session: Callable[[], object]
) -> tuple[Sequence[int | None], Sequence[Path | None]]:
    """Exit code and log of each rank; None where the launcher does not tell."""
    if settings.launcher == "spark":
        open_session()
        log = logs.with_name(f"{logs.name}-ranks.log")
        return _run_in_executors(folder, settings, log, model), [log] * settings.ranks
    if settings.launcher == "external":
        codes = run_here(folder)
        return codes, [None] * len(codes)
    codes = run_processes(folder, settings.ranks, settings.timeout_s, logs)
    return codes, [log_of(logs, rank) for rank in range(settings.ranks)]


def _run_in_executors(folder: Path, settings: Train, log: Path, model: str) -> Sequence[int | None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        try:
            return run_in_executors(
                functools.partial(main, folder), settings.ranks, settings.timeout_s, output
            )
        except Exception as error:
            if any(Failure.read(folder, rank) for rank in range(settings.ranks)):
                return [None] * settings.ranks
            reason = " ".join(str(error).split())[:300]
            raise WorkError(
                f"train {model}: Spark could not run the ranks in its executors: {reason}; see {log}",
                model=model,
                log=str(log),
            ) from error


@contextmanager
def _progress_shown(folder: Path, what: str, steps: int) -> Iterator[None]:
    """Show what rank 0 reports, from a thread."""
    reader, over = ProgressReader(folder), threading.Event()

    def show() -> None:
        with Progress(what, steps, "steps") as bar:
            while not over.wait(_POLL_S):
                _show(reader, bar)
            _show(reader, bar)

    thread = threading.Thread(target=show)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show(reader: ProgressReader, bar: Progress) -> None:
    for entry in reader.read():
        if "line" in entry:
            say(entry["line"])
        else:
            bar.update(entry["done"] - bar.done, entry["note"])


@contextmanager
def _sigterm_passed_on(folder: Path) -> Iterator[None]:
    """Have the ranks save their state and end when this process is asked to."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread gets signals
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: request_stop(folder))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
