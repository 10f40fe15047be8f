"""The only importer of Horovod: how ranks find one another, and what they compute together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LOOPBACK = "127.0.0.1"
_LOST_PEER = ("Horovod has been shut down", "Gloo", "gloo", "HorovodAllreduce", "Connection closed by peer")


@dataclass(frozen=True)
class Ranks:
    """All ranks of a job as seen by one of them. A single rank is the same with size 1."""

    rank: int
    size: int
    local_rank: int

    def sum(self, tensors: Sequence[Any]) -> list[Any]:
        """Each tensor's sum over all ranks, in one exchange, on every rank. Sparse gradients come back dense."""
        import horovod.tensorflow as hvd
        import tensorflow as tf

        return [tf.convert_to_tensor(total) for total in hvd.grouped_allreduce(list(tensors), op=hvd.Sum)]

    def take_from_first(self, variables: Sequence[Any]) -> None:
        """Set variables (Keras's) to the values they have on rank 0."""
        import horovod.tensorflow as hvd

        hvd.broadcast_variables([variable.value for variable in variables], root_rank=0)

    def wait_for_all(self) -> None:
        """Return when every rank has come here."""
        import tensorflow as tf

        self.sum([tf.zeros(())])[0].numpy()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Take part in the job that the environment describes (set by the launcher, MPI, or a cluster's operator)."""
    import horovod.tensorflow as hvd

    hvd.init()
    yield Ranks(hvd.rank(), hvd.size(), hvd.local_rank())
    hvd.shutdown()  # not after an error: it would wait for ranks that are gone


def is_lost_peer(error: BaseException) -> bool:
    """Whether an error only says that another rank went away."""
    return any(sign in str(error) for sign in _LOST_PEER)


@contextmanager
def meeting_point(ranks: int, timeout_s: int) -> Iterator[list[dict[str, str]]]:
    """Horovod's rendezvous server for ranks on this machine; yields the environment of each rank, in order."""
    from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
    from horovod.runner.http.http_server import RendezvousServer

    server = RendezvousServer()
    port = server.start()
    slots = get_host_assignments(parse_hosts(f"localhost:{ranks}"), ranks)
    server.init(slots)
    common = {
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_IFACE": "lo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": LOOPBACK,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": str(port),
        "HOROVOD_GLOO_TIMEOUT_SECONDS": str(timeout_s),
        "HOROVOD_STALL_CHECK_TIME_SECONDS": str(max(1, timeout_s // 2)),
        "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": str(timeout_s),
        "NCCL_SOCKET_IFNAME": "lo",
    }
    try:
        yield [common | _place(slot) for slot in slots]
    finally:
        server.stop()


def _place(slot: Any) -> dict[str, str]:
    names = ("hostname", "rank", "size", "local_rank", "local_size", "cross_rank", "cross_size")
    return {f"HOROVOD_{name.upper()}": str(getattr(slot, name)) for name in names}
