"""One identity, several event loops: none of them may be stuck on, or let go, what another did."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Self

import pytest

from msidweb.concurrency import BackgroundTasks, Flight


async def _for_ever() -> None:
    await asyncio.Event().wait()


def test_a_loop_that_was_closed_in_mid_flight_leaves_nothing_under_way():
    flight: Flight[None] = Flight()

    async def depart() -> asyncio.Task[None]:
        caller = asyncio.create_task(flight.join("key", _for_ever))
        await asyncio.sleep(0)
        assert len(flight) == 1
        return caller

    loop = asyncio.new_event_loop()
    caller = loop.run_until_complete(depart())
    loop.close()
    assert len(flight) == 0
    with pytest.raises(RuntimeError, match="loop is closed"):
        caller.get_coro().close()


class _OtherLoop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, object]) -> object:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def test_closing_on_one_loop_lets_no_task_of_another_go():
    tasks = BackgroundTasks()
    ended = threading.Event()

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await _for_ever()
        ended.set()

    async def spawn() -> None:
        tasks.spawn(work(), name="of the other loop")
        await asyncio.sleep(0)

    with _OtherLoop() as other:
        other.run(spawn())
        asyncio.run(tasks.aclose())
        assert (len(tasks), ended.is_set()) == (1, False)
        other.run(tasks.aclose(grace=0.01))
    assert (len(tasks), ended.is_set()) == (0, True)
