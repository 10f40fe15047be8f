"""What every request passes first: how many at a time, its time and status, headers, and refusals."""

from __future__ import annotations

import asyncio
import time
import traceback
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patent_spark.core.progress import log
from patent_spark.service.access import OPEN
from patent_spark.service.refusal import SLOW, Refusal, busy, send_refusal
from patent_spark.service.service_metrics import ServiceMetrics

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Of every answer, unless the route sets its own."""

FAILED = "the service failed; its log says where"

_ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_DRAINED, _DRAIN_SECONDS = 64 << 20, 5.0
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Gate:
    """The outermost layer. concurrency: requests in progress; /health and /ready always pass."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, concurrency: int) -> None:
        self._app = app
        self._metrics = metrics
        self._concurrency = concurrency
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._running += 1
        self._metrics.in_progress.inc()
        answer = _Answer(send)
        started = time.perf_counter()
        try:
            await self._answered(scope, _Body(receive), answer)
        finally:
            self._running -= 1
            self._metrics.in_progress.dec()
            self._observe(scope, answer.status, time.perf_counter() - started)

    async def _answered(self, scope: Scope, body: _Body, answer: _Answer) -> None:
        try:
            if self._running > self._concurrency and scope["path"] not in OPEN:
                raise busy("too many requests are in progress")
            await self._app(scope, body, answer)
        except Refusal as refusal:
            self._metrics.rejected.labels(refusal.reason).inc()
            if refusal.reason != SLOW:
                await body.drain()
            await send_refusal(answer, refusal)
        except Exception as error:
            log_failure(error)
            if answer.status is None:
                await send_refusal(answer, Refusal(500, FAILED))

    def _observe(self, scope: Scope, status: int | None, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status or 0)).inc()
        self._metrics.seconds.labels(route).observe(seconds)


class _Answer:
    """A `send` that adds headers and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = list(message.get("headers", []))
            names = {name.lower() for name, _ in own}
            message = {**message, "headers": own + [pair for pair in _ENCODED if pair[0] not in names]}
        await self._send(message)


class _Body:
    """A `receive` that knows whether the body came to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def drain(self) -> None:
        """Read and drop what the client still sends, within limits: else it would see a reset instead of its
        answer."""
        read = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._ended and read < _DRAINED:
                    read += len((await self()).get("body", b""))


def log_failure(error: Exception) -> None:
    """Log where an error arose, without its message, which can hold what a client sent."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("a request failed with %s\n%s", type(error).__name__, frames)
