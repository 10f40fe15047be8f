"""Time limits of a connection, where uvicorn has none: for clients that send or read slowly, or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def protocol(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol with time limits.

    It ends a connection on which the headers of a request take longer than `seconds`, and one whose client
    takes no byte of an answer for between one and two times as long.
    """

    class Protocol(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None
        _look: asyncio.TimerHandle | None = None
        _unsent = 0

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]
            self._arm()
            self._look = self.loop.call_later(seconds, self._check_progress)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._waits():
                self._arm()
            elif self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._deadline, self._look):
                if timer is not None:
                    timer.cancel()
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

        def _check_progress(self) -> None:
            """Cut off a client that took nothing since the last look; close() would wait for it."""
            unsent = self.transport.get_write_buffer_size()
            if unsent and unsent == self._unsent:
                self.transport.abort()
                return
            self._unsent = unsent
            self._look = self.loop.call_later(seconds, self._check_progress)

    return Protocol
