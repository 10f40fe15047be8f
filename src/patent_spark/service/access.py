"""Who may ask: the name in the Host header, and the token."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from patent_spark.config import ConfigError, Service
from patent_spark.service.refusal import Refusal

TOKEN = "PATENT_SPARK_TOKEN"
"""The environment variable that holds the token."""

OPEN = frozenset({"/health", "/ready"})
"""Paths that need no token: a load balancer asks them."""

PAGE = frozenset({"/", "/page.css", "/page.js", "/icon.svg"})
"""The page without any content, which asks its user for the token."""

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_SHORTEST = 16


def on_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_token(settings: Service) -> str:
    """The token of the environment, or "" when none is needed. Raises ConfigError."""
    token = os.environ.get(TOKEN, "")
    if not token and not on_loopback(settings.host):
        raise ConfigError(
            f"service.host = {settings.host} is reached from other machines: set {TOKEN} in the environment "
            "to a long random text, or service.host to 127.0.0.1",
            setting="service.host",
        )
    if token and (len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token):
        raise ConfigError(
            f"{TOKEN} must have at least {_SHORTEST} ASCII characters and no space", setting=TOKEN
        )
    return token


def allowed_hosts(settings: Service) -> frozenset[str] | None:
    """Names that the Host header may have; None: any."""
    if on_loopback(settings.host):
        return frozenset(map(str.lower, (*_LOOPBACK_NAMES, settings.host, *settings.allowed_hosts)))
    return frozenset(map(str.lower, settings.allowed_hosts)) or None


class Access:
    """Lets through who names an allowed host and, where it is needed, has the token.

    A page of another site can point its own name at this machine (DNS rebinding); its Host header gives it
    away. Raises Refusal: 421 or 401.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, token: str) -> None:
        self._app = app
        self._hosts = hosts
        self._has_token = _compared(token)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if self._hosts is not None and scope["path"] not in OPEN and _host(headers) not in self._hosts:
                raise Refusal(421, "the Host header names no host of this service", "host")
            if self._token and scope["path"] not in OPEN | PAGE and not self._has_token(headers):
                raise Refusal(
                    401,
                    "this service needs a token: Authorization: Bearer TOKEN",
                    "token",
                    {"WWW-Authenticate": "Bearer"},
                )
        await self._app(scope, receive, send)


def _host(headers: Headers) -> str:
    """The name in the Host header, in lower case, without port and brackets."""
    host = headers.get("host", "").lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _compared(token: str) -> Callable[[Headers], bool]:
    """Whether a request has the token, in a time that tells nothing about it."""
    wanted = token.encode()

    def has_token(headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return hmac.compare_digest(given.strip().encode(), wanted) and scheme.lower() == "bearer"

    return has_token
