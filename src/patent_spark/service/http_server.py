"""uvicorn as this service uses it: one process, no access log, an orderly end after SIGTERM."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from patent_spark.config import ConfigError, Service
from patent_spark.service.protocol import protocol


def listening_socket(settings: Service) -> socket.socket:
    """A socket bound to service.host and service.port, not listening yet. Raises ConfigError."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise ConfigError(
            f"service.host = {settings.host}, service.port = {settings.port} cannot be listened on: "
            f"{error.strerror or error}; choose another with --set service.port=8001",
            setting="service.port",
            port=settings.port,
        ) from error
    return bound


def address_of(bound: socket.socket) -> str:
    """The address of a socket as a URL."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def http_server(asgi: ASGIApp, settings: Service) -> uvicorn.Server:
    """A server of an application, to be run with a socket."""
    return uvicorn.Server(
        uvicorn.Config(
            asgi,
            http=protocol(settings.receive_timeout_s),
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=settings.stop_timeout_s,
            backlog=512,
        )
    )


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the server inside the block, and not the process after it.

    uvicorn finishes the requests in progress, then raises the signal again for whoever handled it before.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
