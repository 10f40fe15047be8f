"""Time limits of a connection, where uvicorn has none: a client that sends its headers slowly, or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def protocol(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, which ends a connection when the headers of a request take longer."""

    class Protocol(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]
            self._arm()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._waits():
                self._arm()
            elif self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def connection_lost(self, exc: Exception | None) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
            super().connection_lost(exc)

        def _arm(self) -> None:
            """The time runs from the first byte of the headers; further bytes do not extend it."""
            if self._deadline is None:
                self._deadline = self.loop.call_later(seconds, self._end)

        def _waits(self) -> bool:
            """Whether no request is being answered."""
            cycle: Any = self.cycle
            return cycle is None or bool(cycle.response_complete)

        def _end(self) -> None:
            self._deadline = None
            if self._waits():
                self.transport.close()

    return Protocol
