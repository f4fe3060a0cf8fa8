"""One event loop in a thread of its own, for processes that run none."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Protocol

from .forks import forget_in_children, leave_to_parent


class Guest(Protocol):
    """What is opened before it is used on a loop, and closed there afterwards."""

    async def open(self) -> None:
        """Open on the running loop."""

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""


class BackgroundLoop:
    """An event loop that runs while it has guests; a process needs one of them.

    It starts with its first guest and ends with its last, at the latest when the interpreter does.
    A forked child has no part in its parent's loop and starts another one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._guests: list[Guest] = []
        forget_in_children(self)

    def enter(self, guest: Guest) -> asyncio.AbstractEventLoop:
        """The loop, with *guest* open on it."""
        with self._lock:
            if self._running is None:
                self._running = _Running()
            loop = self._running.loop
            if not self._has(guest):
                # First, so that a guest whose opening is interrupted is closed all the same.
                self._guests.append(guest)
                _run_on(loop, guest.open)
            return loop

    def leave(self, guest: Guest) -> None:
        """Close *guest* there; without another one the loop ends, and what runs on it is ended."""
        with self._lock:
            self._leave(guest)

    def close(self) -> None:
        """Close every guest and end the loop."""
        with self._lock:
            for guest in tuple(self._guests):
                self._leave(guest)

    def is_running(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether *loop* is the one that runs here."""
        return self._running is not None and self._running.loop is loop

    def forget_parent(self) -> None:
        """Start another loop when one is needed."""
        leave_to_parent(self._running, *self._guests)
        self._lock = threading.Lock()
        self._running = None
        self._guests = []

    def _has(self, guest: Guest) -> bool:
        return any(known is guest for known in self._guests)

    def _leave(self, guest: Guest) -> None:
        running = self._running
        if running is None or not self._has(guest):
            return
        self._guests = [known for known in self._guests if known is not guest]
        try:
            _run_on(running.loop, guest.aclose)
        finally:
            if not self._guests:
                self._running = None
                running.end()


def _run_on(
    loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[object, object, None]]
) -> None:
    # In an empty context: what is opened serves everyone, so no caller's user may be seen there.
    schedule = asyncio.run_coroutine_threadsafe
    contextvars.Context().run(schedule, work(), loop).result()


class _Running:
    """A thread that runs a loop."""

    def __init__(self) -> None:
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(
            target=contextvars.Context().run,
            args=(self._main, started),
            name="msidweb-loop",
            daemon=True,
        )
        self._thread.start()
        self.loop = started.result()

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _main(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        asyncio.run(self._run(started))

    async def _run(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        started.set_result(asyncio.get_running_loop())
        await self._ended.wait()


BACKGROUND = BackgroundLoop()
"""The process's."""

atexit.register(BACKGROUND.close)
