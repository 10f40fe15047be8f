"""No stage waits in silence: an engine that is reached by network answers within two minutes, or there is an
error.

gRPC obeys the proxies of the environment even on loopback, where none can reach the embedded engine; and a
server that is frozen keeps its connections open for ever.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from patent_spark.core.errors import WorkError

PATIENCE_S = 120
"""Seconds within which an engine has to answer."""
_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_LOOPBACK = "127.0.0.1"
_NO_PROXY = "no_grpc_proxy"
"""The variable by which gRPC excepts hosts, in small letters only; without it no_proxy."""


def bypass_proxies_on_loopback() -> None:
    """Keep gRPC's calls of the embedded engine from the proxies that http_proxy, https_proxy or grpc_proxy
    name."""
    excepted = os.environ.get(_NO_PROXY, os.environ.get("no_proxy", ""))
    if _LOOPBACK not in excepted.split(","):
        os.environ[_NO_PROXY] = ",".join(filter(None, (excepted, _LOOPBACK)))


def require_answer(remote: str, *, within_s: float = PATIENCE_S) -> None:
    """Raise WorkError when a Spark Connect server does not answer."""
    if not _answers(remote, within_s):
        raise _silent(remote, within_s)


@contextmanager
def watched(remote: str, *, within_s: float = PATIENCE_S, every_s: float = 30) -> Iterator[None]:
    """Work with a Spark Connect server; raises WorkError when it does not answer at the start, or later
    ceases to.

    It is asked again `every_s` seconds by a connection of its own, so that a long query is no silence.
    """
    require_answer(remote, within_s=within_s)
    ended, silent, main = threading.Event(), threading.Event(), threading.main_thread()

    def ask() -> None:
        while not ended.wait(every_s):
            if not _answers(remote, within_s) and not ended.is_set():
                silent.set()
                signal.pthread_kill(main.ident or 0, signal.SIGINT)  # ends a wait for the network, too
                return

    asking = threading.Thread(target=ask, name="engine watch", daemon=True)
    # Only the main thread can be interrupted. Commands in the background of a shell ignore the signal.
    watching = threading.current_thread() is main
    before = signal.signal(signal.SIGINT, signal.default_int_handler) if watching else None
    if watching:
        asking.start()
    try:
        yield
    except KeyboardInterrupt:
        if silent.is_set():
            raise _silent(remote, within_s) from None
        raise
    finally:
        ended.set()
        if watching:
            signal.signal(signal.SIGINT, before)


def _answers(remote: str, within_s: float) -> bool:
    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder

    # A connection of its own, so that the server has to take a new one, too.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with DefaultChannelBuilder(remote, channelOptions=options).toChannel() as channel:
        try:
            channel.unary_unary(_HEALTH_CHECK)(b"", timeout=within_s, wait_for_ready=True)
        except grpc.RpcError as error:
            # Any other status is an answer: a server without health checks refuses the call.
            return error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
    return True


def _silent(remote: str, within_s: float) -> WorkError:
    where = remote.partition("://")[2].partition("/")[0]
    own = where.startswith(_LOOPBACK)
    advice = (
        "run the command again"
        if own
        else "check the server, and the proxies of the environment (no_grpc_proxy)"
    )
    return WorkError(
        f"the engine at {where} has not answered for {within_s:g} seconds; {advice}",
        engine=where,
        seconds=within_s,
    )
