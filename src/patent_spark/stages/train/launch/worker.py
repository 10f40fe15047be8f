"""One rank of a training: `python -m patent_spark.stages.train.launch.worker <job folder>`.

Started by the launcher or by any program that sets Horovod's environment.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from patent_spark.core.log_lines import log_context, set_format
from patent_spark.core.progress import log
from patent_spark.stages.train.fit import fit
from patent_spark.stages.train.launch.failures import Failure
from patent_spark.stages.train.launch.gpus import use_own_gpu
from patent_spark.stages.train.launch.horovod import join_job
from patent_spark.stages.train.launch.job import Job, stop_requested

LAUNCHER_PID = "PATENT_SPARK_LAUNCHER"
"""Environment variable with the launcher's process id: a rank does not outlive it."""


def main(folder: Path) -> int:
    """Train as a process of its own; returns its exit code."""
    logging.basicConfig(stream=sys.stderr)
    set_format("text")
    return take_part(folder)


def take_part(folder: Path) -> int:
    """Train; on an error leave a Failure in the folder and return 1."""
    asked = _watch_for_stop(folder)
    rank = int(os.environ.get("HOROVOD_RANK", "0"))
    try:
        job, config = Job.read(folder)
        set_format(config.logging.format)
        with _context(job):
            with join_job() as ranks, log_context(rank=ranks.rank):
                rank = ranks.rank
                use_own_gpu(ranks, config.train.launcher)
                finish = fit(job, config, ranks, asked)
            finish()
        return 0
    except Exception as error:
        log.exception("rank %d failed", rank)
        Failure.of(error).write(folder, rank)
        return 1


def _context(job: Job) -> AbstractContextManager[None]:
    """What the log lines of a rank say."""
    return log_context(
        command="train",
        stage="train",
        run_id=job.log_run_id,
        release_id=job.release_id,
        mlflow_run_id=job.run_id,
    )


def _watch_for_stop(folder: Path) -> Callable[[], bool]:
    """A function: whether this rank was asked to stop, by SIGTERM or by the driver through the folder.

    A rank does not outlive its launcher, not even a killed one.
    """
    asked, launcher = threading.Event(), os.environ.get(LAUNCHER_PID)
    signal.signal(signal.SIGTERM, lambda *_: asked.set())

    def watch() -> None:
        while launcher is None or os.getppid() == int(launcher):
            if stop_requested(folder):
                asked.set()
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    return asked.is_set


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Horovod's threads can hang at exit when a peer is gone
