"""One flight per key: whoever asks while an answer is under way waits for that one."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Departure(Generic[T]):
    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.waiters = 0


class Flight(Generic[T]):
    """Shares running work between callers of the same key.

    A caller that is cancelled leaves alone; the work is cancelled with its last caller. An error
    reaches everyone who waits, and nothing is remembered afterwards.
    """

    def __init__(self) -> None:
        self._departures: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Departure[T]] = {}

    def __len__(self) -> int:
        return len(self._departures)

    async def join(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of *work*, started here or by an earlier caller of the same *key*."""
        loop = asyncio.get_running_loop()
        departure = self._departures.get((loop, key))
        if departure is None:
            departure = self._depart((loop, key), work)
        departure.waiters += 1
        try:
            return await asyncio.shield(departure.task)
        finally:
            departure.waiters -= 1
            if not departure.waiters and not departure.task.done():
                await self._call_off((loop, key), departure)

    def _depart(
        self,
        place: tuple[asyncio.AbstractEventLoop, Hashable],
        work: Callable[[], Awaitable[T]],
    ) -> _Departure[T]:
        async def fly() -> T:
            return await work()

        # An empty context: the work is everyone's, so no caller's ambient user may be seen in it.
        task = place[0].create_task(fly(), context=contextvars.Context())
        departure = self._departures[place] = _Departure(task)

        def landed(done: asyncio.Task[T]) -> None:
            if self._departures.get(place) is departure:
                del self._departures[place]
            if not done.cancelled():
                done.exception()

        task.add_done_callback(landed)
        return departure

    async def _call_off(
        self, place: tuple[asyncio.AbstractEventLoop, Hashable], departure: _Departure[T]
    ) -> None:
        # Out of the table first: a caller who comes now must not join work that is being ended.
        if self._departures.get(place) is departure:
            del self._departures[place]
        departure.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await departure.task
