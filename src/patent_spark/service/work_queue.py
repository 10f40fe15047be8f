"""Threads that compute predictions, as many as cores, behind a queue with an end."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from patent_spark.service.refusal import busy

P = ParamSpec("P")
R = TypeVar("R")


class WorkQueue:
    """Runs functions in threads. workers: 0 = one a core. waiting: how many may wait for a thread."""

    def __init__(self, workers: int, waiting: int) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self.waiting = waiting
        self.pending = 0
        """Functions that run or wait."""
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="predict")
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def queued(self) -> int:
        """Functions that wait for a thread."""
        return max(0, self.pending - self.workers)

    @property
    def _full(self) -> bool:
        return self.pending >= self.workers + self.waiting

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What a function returns. Raises Refusal (503) when the queue is full."""
        if self._full:
            raise busy("too many requests are waiting")
        return await self._run(function, *args, **kwargs)

    async def run_later(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The same for work in the background, which waits until the queue has room."""
        while self._full:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return await self._run(function, *args, **kwargs)

    async def _run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        self.pending += 1
        future = self._pool.submit(function, *args, **kwargs)

        def done(_: Future[Any]) -> None:
            # A caller that went away leaves its function running, which holds its place until it ends.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._done)

        future.add_done_callback(done)
        return await asyncio.wrap_future(future)

    def _done(self) -> None:
        self.pending -= 1
        while self._waiters and not self._full:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def close(self) -> None:
        """Wait for the functions that run; drop those that wait."""
        self._pool.shutdown(wait=True, cancel_futures=True)
