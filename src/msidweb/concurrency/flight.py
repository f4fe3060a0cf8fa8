"""One flight per key: whoever asks while an answer is under way waits for that one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from msidweb.telemetry import correlation_context

from .forks import forget_in_children, leave_to_parent

T = TypeVar("T")


class _Departure(Generic[T]):
    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.waiters = 0


class Flight(Generic[T]):
    """Shares running work between callers of the same key.

    A caller that is cancelled leaves alone; the work is cancelled with its last caller. An error
    reaches everyone who waits, and nothing is remembered afterwards. Loops share nothing: each has
    flights of its own, and what a closed loop left under way is forgotten.

    The work has the correlation id of the caller who started it, and nothing else of its context.
    """

    def __init__(self) -> None:
        self._loops: dict[asyncio.AbstractEventLoop, dict[Hashable, _Departure[T]]] = {}
        forget_in_children(self)

    def forget_parent(self) -> None:
        """Leave the parent's flights to the parent."""
        leave_to_parent(self._loops)
        self._loops = {}

    def __len__(self) -> int:
        """How many flights are under way, on all loops that still run."""
        known = tuple(self._loops.items())
        return sum(len(departures) for loop, departures in known if not loop.is_closed())

    async def join(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of *work*, started here or by an earlier caller of the same *key*."""
        departures = self._departures()
        departure = departures.get(key)
        if departure is None:
            departure = self._depart(departures, key, work)
        departure.waiters += 1
        try:
            return await asyncio.shield(departure.task)
        finally:
            departure.waiters -= 1
            if not departure.waiters and not departure.task.done():
                await self._call_off(departures, key, departure)

    def _departures(self) -> dict[Hashable, _Departure[T]]:
        loop = asyncio.get_running_loop()
        departures = self._loops.get(loop)
        if departures is None:
            for closed in [known for known in tuple(self._loops) if known.is_closed()]:
                self._loops.pop(closed, None)
            departures = self._loops[loop] = {}
        return departures

    def _depart(
        self,
        departures: dict[Hashable, _Departure[T]],
        key: Hashable,
        work: Callable[[], Awaitable[T]],
    ) -> _Departure[T]:
        async def fly() -> T:
            return await work()

        # The work is everyone's, so no caller's ambient user may be seen in it.
        task = asyncio.get_running_loop().create_task(fly(), context=correlation_context())
        departure = departures[key] = _Departure(task)

        def landed(done: asyncio.Task[T]) -> None:
            if departures.get(key) is departure:
                del departures[key]
            if not done.cancelled():
                done.exception()

        task.add_done_callback(landed)
        return departure

    async def _call_off(
        self,
        departures: dict[Hashable, _Departure[T]],
        key: Hashable,
        departure: _Departure[T],
    ) -> None:
        # Out of the table first: a caller who comes now must not join work that is being ended.
        if departures.get(key) is departure:
            del departures[key]
        departure.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await departure.task
