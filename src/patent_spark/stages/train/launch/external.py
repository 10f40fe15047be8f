"""Be one of the ranks that horovodrun, mpirun or a Kubernetes MPIJob started with the same command."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from patent_spark.config import ConfigError
from patent_spark.core.errors import WorkError
from patent_spark.stages.train.launch.failures import diagnose
from patent_spark.stages.train.launch.gpus import use_own_gpu
from patent_spark.stages.train.launch.horovod import Ranks, is_lost_peer, join_job, timeouts
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.local import cores_per_rank
from patent_spark.stages.train.launch.worker import take_part

_PROCESS_COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
"""Where Open MPI, MPICH and its kin, and srun tell a process how many they started. A script under sbatch,
which is one process, has none of them."""
_GRACE_S = 3.0
"""After a failure here, for the rank that caused it to report its own."""


def train_together(lead: Callable[[int], None], timeout_s: int) -> None:
    """Rank 0 calls `lead(number of ranks)`, which passes jobs to run_here(); the others train those jobs.

    Raises what `lead` raises, on every rank, or WorkError when rank 0 is gone.
    """
    _set_defaults(timeout_s)
    with join_job() as ranks:
        _require_peers(ranks.size)
        use_own_gpu(ranks, "external")
        if ranks.rank == 0:
            lead(ranks.size)
            ranks.broadcast_object("")
            return
        while folder := _next_job(ranks):
            codes = _train_here(Path(folder), ranks)
            if any(codes):
                job, _ = Job.read(Path(folder))
                raise diagnose(Path(folder), job.model, codes, [None] * ranks.size)


def _set_defaults(timeout_s: int) -> None:
    """Set this process's environment as for a local rank, except for what the launcher itself has set."""
    cores = cores_per_rank(int(os.environ.get("HOROVOD_LOCAL_SIZE", "1")))
    defaults = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_NUM_INTRAOP_THREADS": cores} | timeouts(timeout_s)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def _next_job(ranks: Ranks) -> str:
    """The folder of the job that rank 0 names; empty when there is none left."""
    try:
        return ranks.broadcast_object()
    except Exception as error:
        if is_lost_peer(error):
            raise WorkError(
                f"rank {ranks.rank} ends because another rank has ended; see the output of rank 0",
                rank=ranks.rank,
            ) from error
        raise


def _require_peers(ranks: int) -> None:
    """Raises ConfigError when each of several processes that were started would train alone."""
    for name in _PROCESS_COUNTS:
        started = os.environ.get(name, "1")
        if ranks == 1 and started != "1":
            raise ConfigError(
                f"{name} = {started}, but Horovod sees only this process: it was built without the MPI of "
                "this launcher; build it with MPI (`HOROVOD_WITH_MPI=1 make setup`), start the ranks with "
                "horovodrun, or set HOROVOD_RANK, HOROVOD_SIZE and so on yourself",
                variable=name,
                processes=started,
            )


def run_here(folder: Path) -> list[int | None]:
    """Have all ranks train the job in `folder`, this process being rank 0; returns codes as of processes.

    None stands for a rank that is not known to have ended.
    """
    with join_job() as ranks:
        ranks.broadcast_object(str(folder))
        return _train_here(folder, ranks)


def _train_here(folder: Path, ranks: Ranks) -> list[int | None]:
    """Train as one of the ranks; returns what this rank knows of how each of them ended."""
    code = take_part(folder)
    if code:
        time.sleep(_GRACE_S)
    return [code if rank == ranks.rank else None if code else 0 for rank in range(ranks.size)]
