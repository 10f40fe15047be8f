"""Be one of the ranks that another launcher started, each with the same command: horovodrun, mpirun, a Kubernetes MPIJob."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from patent_spark.config import ConfigError
from patent_spark.core.errors import WorkError
from patent_spark.stages.train.launch.failures import explain
from patent_spark.stages.train.launch.gpus import use_own_gpu
from patent_spark.stages.train.launch.horovod import Ranks, is_lost_peer, joined, patience
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.local import share_of_cores
from patent_spark.stages.train.launch.worker import take_part

OUTPUT = "its output is where its launcher puts it"
_PROCESSES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
"""Where Open MPI, MPICH and its kin, and srun tell a process how many they started; a script under sbatch, which is one process, has none of them."""
_GRACE_S = 3.0  # after a failure here, for the rank that caused it to say so


def train_together(lead: Callable[[int], None], timeout_s: int) -> None:
    """Rank 0 does `lead(number of ranks)`, which gives each job to run_here(); the other ranks train what it names there.

    Raises what `lead` raises; on the other ranks the error that rank 0 raises too, or WorkError when it is gone.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault(
        "TF_NUM_INTRAOP_THREADS", share_of_cores(int(os.environ.get("HOROVOD_LOCAL_SIZE", "1")))
    )
    for name, value in patience(timeout_s).items():  # what the launcher set itself stays
        os.environ.setdefault(name, value)
    with joined() as ranks:
        _require_peers(ranks.size)
        use_own_gpu(ranks, "external")
        if ranks.rank == 0:
            lead(ranks.size)
            ranks.word_of_first("")
            return
        while folder := _next_job(ranks):
            codes = _train_here(Path(folder), ranks)
            if any(codes):
                raise explain(
                    Path(folder), f"train {Job.read(Path(folder))[0].model}", codes, [OUTPUT] * ranks.size
                )


def _next_job(ranks: Ranks) -> str:
    """The folder of the job that rank 0 names, nothing when there is none left."""
    try:
        return ranks.word_of_first()
    except Exception as error:
        if is_lost_peer(error):
            raise WorkError(
                f"rank {ranks.rank} ends because another rank has ended; rank 0 says more"
            ) from error
        raise


def _require_peers(ranks: int) -> None:
    """Raises ConfigError when a launcher started several processes, and Horovod takes each for a job of its own."""
    for name in _PROCESSES:
        started = os.environ.get(name, "1")
        if ranks == 1 and started != "1":
            raise ConfigError(
                f"{name} tells of {started} processes, but Horovod knows of this one alone: it was built without this launcher's MPI; build it "
                "with MPI (`HOROVOD_WITH_MPI=1 make setup`), start the ranks with horovodrun, or set HOROVOD_RANK, HOROVOD_SIZE and so on yourself"
            )


def run_here(folder: Path) -> list[int | None]:
    """Have all ranks train the job in `folder`, this process being rank 0; codes as of processes, None for a rank that is not known to have ended."""
    with joined() as ranks:
        ranks.word_of_first(str(folder))
        return _train_here(folder, ranks)


def _train_here(folder: Path, ranks: Ranks) -> list[int | None]:
    """Train as one of the ranks; what it knows of how each of them ended."""
    code = take_part(folder)
    if code:
        time.sleep(_GRACE_S)
    return [code if rank == ranks.rank else None if code else 0 for rank in range(ranks.size)]
