"""The only importer of Horovod: how ranks find one another, and what they compute together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

_GLOO_ON_LOOPBACK = {
    "HOROVOD_CONTROLLER": "gloo",
    "HOROVOD_CPU_OPERATIONS": "gloo",
    "HOROVOD_GLOO_IFACE": "lo",
    "HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1",
    "NCCL_SOCKET_IFNAME": "lo",
}
_LOST_PEER = ("Horovod has been shut down", "Gloo", "gloo", "HorovodAllreduce", "Connection closed by peer")


@dataclass(frozen=True)
class Ranks:
    """All ranks of a job as one of them sees them. A single rank is the same with size 1."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    """Number of ranks on this machine."""

    def sum(self, tensors: Sequence[Any]) -> list[Any]:
        """Sum each tensor over all ranks in one allreduce; every rank gets the sums.

        Sparse gradients become dense.
        """
        import horovod.tensorflow as hvd
        import tensorflow as tf

        return [tf.convert_to_tensor(total) for total in hvd.grouped_allreduce(list(tensors), op=hvd.Sum)]

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Set Keras variables to the values that they have on rank 0."""
        import horovod.tensorflow as hvd

        hvd.broadcast_variables([variable.value for variable in variables], root_rank=0)

    def broadcast_object(self, value: str = "") -> str:
        """The value that rank 0 passes; the other ranks' values are ignored."""
        import horovod.tensorflow as hvd

        return str(hvd.broadcast_object(value, root_rank=0))

    def barrier(self) -> None:
        """Return when every rank has called it."""
        import tensorflow as tf

        self.sum([tf.zeros(())])[0].numpy()


@contextmanager
def join_job() -> Iterator[Ranks]:
    """Take part in the job that the environment describes; a nested call joins the same job.

    The launcher, MPI or a cluster's operator sets the environment.
    """
    import horovod.tensorflow as hvd

    outermost = not hvd.is_initialized()
    hvd.init()
    yield Ranks(hvd.rank(), hvd.size(), hvd.local_rank(), hvd.local_size())
    if outermost:
        hvd.shutdown()  # not after an error: it would wait for ranks that are gone


def run_in_executors(program: Callable[[], int], ranks: int, timeout_s: int, log: IO[str]) -> list[int]:
    """Run a program once a rank in the executors of the open Spark session; returns the results by rank.

    Executors import the program's module, so the package must be installed there.
    Raises Exception when a rank cannot be started or is killed.
    """
    import horovod.spark

    results = horovod.spark.run(
        program,
        num_proc=ranks,
        use_gloo=True,
        env=timeouts(timeout_s),
        stdout=log,
        stderr=log,
        verbose=0,
        executable=os.environ.get("PYSPARK_PYTHON", sys.executable),
    )
    return list(results)


def is_lost_peer(error: BaseException) -> bool:
    """Whether an error only reports that another rank is gone."""
    return any(sign in str(error) for sign in _LOST_PEER)


@contextmanager
def rendezvous(ranks: int, timeout_s: int) -> Iterator[list[dict[str, str]]]:
    """Horovod's rendezvous server for ranks on this machine; yields each rank's environment, in order."""
    from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
    from horovod.runner.http.http_server import RendezvousServer

    server = RendezvousServer()
    port = server.start()
    slots = get_host_assignments(parse_hosts(f"localhost:{ranks}"), ranks)
    server.init(slots)
    common = _GLOO_ON_LOOPBACK | {"HOROVOD_GLOO_RENDEZVOUS_PORT": str(port)} | timeouts(timeout_s)
    try:
        yield [common | _slot_environment(slot) for slot in slots]
    finally:
        server.stop()


def timeouts(timeout_s: int) -> dict[str, str]:
    """The environment in which Horovod gives a silent rank up after so many seconds."""
    return {
        "HOROVOD_GLOO_TIMEOUT_SECONDS": str(timeout_s),
        "HOROVOD_STALL_CHECK_TIME_SECONDS": str(max(1, timeout_s // 2)),
        "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": str(timeout_s),
    }


def _slot_environment(slot: Any) -> dict[str, str]:
    names = ("hostname", "rank", "size", "local_rank", "local_size", "cross_rank", "cross_size")
    return {f"HOROVOD_{name.upper()}": str(getattr(slot, name)) for name in names}
