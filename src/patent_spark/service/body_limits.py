"""Limits of a body that hold while it is received: its type, its size (chunked or not), and its time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patent_spark.service.refusal import SLOW, Refusal, busy

_SLOWEST = 100_000
"""Bytes a second that a body may be as slow as, beyond the time that every body has."""

_NO_BODY = 1024
"""Bytes that a request may have which needs no body."""


@dataclass(frozen=True)
class BodyLimit:
    """What a route takes: media types, bytes, and how many bodies at a time."""

    media_types: tuple[str, ...]
    size: int
    at_once: int
    """Bodies in memory at a time: while they are received and answered."""


class BodyLimits:
    """Receives the whole body before the application runs, within the limits of its route.

    limits: by path, of POST; other requests may have a body of 1 kB. seconds: time for the whole body, to
    which one second is added for every 100 kB received. Raises Refusal: 408, 413, 415 or 503.
    """

    def __init__(self, app: ASGIApp, limits: Mapping[str, BodyLimit], seconds: float) -> None:
        self._app = app
        self._limits = limits
        self._seconds = seconds
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"]) if scope["method"] == "POST" else None
        headers = Headers(scope=scope)
        if limit is None:
            body = await self._received(headers, receive, _NO_BODY)
            await self._app(scope, _replayed(body, receive), send)
            return
        _check_type(headers, limit)
        if self._open[scope["path"]] >= limit.at_once:
            raise busy("too many requests of this kind are in progress")
        self._open[scope["path"]] += 1
        try:
            body = await self._received(headers, receive, limit.size)
            await self._app(scope, _replayed(body, receive), send)
        finally:
            self._open[scope["path"]] -= 1

    async def _received(self, headers: Headers, receive: Receive, size: int) -> bytes:
        declared = headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdigit()) or int(declared) > size:
            raise too_large(size)
        loop = asyncio.get_running_loop()
        started, body = loop.time(), bytearray()
        while True:
            deadline = started + self._seconds + len(body) / _SLOWEST
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Refusal(
                    408, "the body of the request took too long to arrive", SLOW, {"Connection": "close"}
                ) from None
            if message["type"] == "http.disconnect":
                raise Refusal(400, "the client went away before its request was complete", "disconnected")
            body += message.get("body", b"")
            if len(body) > size:
                raise too_large(size)
            if not message.get("more_body"):
                return bytes(body)


def _check_type(headers: Headers, limit: BodyLimit) -> None:
    media, _, parameters = headers.get("content-type", "").lower().partition(";")
    if media.strip() not in limit.media_types:
        raise Refusal(415, f"the Content-Type must be {' or '.join(limit.media_types)}", "type")
    charset = parameters.partition("charset=")[2].strip(' "')
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise Refusal(415, "the charset must be UTF-8", "type")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "the body must not be compressed", "type")


def too_large(size: int) -> Refusal:
    """413; size: the largest, in bytes."""
    return Refusal(413, f"the body is larger than {size // 1024:,} kB", "size")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was received already, then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
