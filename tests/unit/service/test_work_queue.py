import asyncio
import threading

import pytest

from patent_spark.service.refusal import Refusal
from patent_spark.service.work_queue import WorkQueue


def test_work_in_the_background_waits_for_room():
    async def run():
        queue, free, done = WorkQueue(1, 1), threading.Event(), []
        first = [asyncio.create_task(queue.run(free.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as caught:
            await queue.run(done.append, "refused")
        later = asyncio.create_task(queue.run_later(done.append, "later"))
        await asyncio.sleep(0.05)
        assert done == [] and not later.done()
        free.set()
        await asyncio.gather(*first, later)
        queue.close()
        return caught.value.status, done, queue.pending

    assert asyncio.run(run()) == (503, ["later"], 0)


def test_a_caller_that_goes_away_frees_its_place_when_the_work_ends():
    async def run():
        queue, free = WorkQueue(1, 0), threading.Event()
        gone = asyncio.create_task(queue.run(free.wait, 30))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0.05)
        held = queue.pending
        free.set()
        while queue.pending:
            await asyncio.sleep(0.01)
        answer = await queue.run(lambda: 7)
        queue.close()
        return held, answer

    assert asyncio.run(run()) == (1, 7)
