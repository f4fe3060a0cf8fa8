"""The way from threads that block into an event loop, and back with the answer."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import copy
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from msidweb.errors import BlockingCallError, InvalidCallError
from msidweb.kinds import check_kind

from .background_loop import BACKGROUND, BackgroundLoop, Guest

T = TypeVar("T")

_GLANCE = 1.0
"""Seconds between two looks at whether the loop still runs."""


class Portal:
    """Makes calls on an event loop for threads without one.

    The loop is the application's own where the guest is open on one that runs, else the process's
    background loop, on which the guest is then opened. A call sees the context variables of the
    thread that makes it, the ambient caller among them; what it sets there ends with it.

    Args:
        guest: What the calls use.
        loops: The loops that it is open on.
        background: The loop of processes that run none.
    """

    def __init__(
        self,
        guest: Guest,
        loops: Callable[[], Iterable[asyncio.AbstractEventLoop]],
        *,
        background: BackgroundLoop = BACKGROUND,
    ) -> None:
        self._guest = guest
        self._loops = loops
        self._background = background
        self._fixed: asyncio.AbstractEventLoop | None = None

    def staying(self) -> Portal:
        """A portal for calls that belong together: all go to the loop that the next would go to.

        Raises:
            InvalidCallError: This is the thread of an event loop.
        """
        portal = copy.copy(self)
        portal._fixed = self._entered()  # noqa: SLF001 - of the same class
        return portal

    def call(self, work: Callable[[], Awaitable[T]], *, timeout: float | None = None) -> T:
        """What *work* gives, on the loop; an exception that leaves this thread's wait ends it.

        Args:
            work: Is called on the loop.
            timeout: Longest wait, in seconds.

        Raises:
            InvalidCallError: This is the thread of an event loop, or *timeout* is no time.
            BlockingCallError: The time was over, or the loop ended.
        """
        _check_timeout(timeout)
        ends = None if timeout is None else time.monotonic() + timeout
        loop = self._entered()

        async def carried() -> T:
            return await work()

        made = carried()
        try:
            # This thread's context goes along: the loop schedules the call with a copy of it.
            future = asyncio.run_coroutine_threadsafe(made, loop)
        except RuntimeError:
            made.close()
            raise _loop_ended() from None
        return _awaited(future, loop, ends)

    def close(self) -> None:
        """Close the guest on the background loop; an application closes its own.

        Raises:
            InvalidCallError: This is the thread of an event loop.
        """
        self._refuse_on_a_loop(None)
        self._background.leave(self._guest)

    def _entered(self) -> asyncio.AbstractEventLoop:
        own = self._fixed or self._own_loop()
        self._refuse_on_a_loop(own)
        return own or self._background.enter(self._guest)

    def _own_loop(self) -> asyncio.AbstractEventLoop | None:
        for loop in self._loops():
            if loop.is_running() and not self._background.is_running(loop):
                return loop
        return None

    def _refuse_on_a_loop(self, own: asyncio.AbstractEventLoop | None) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return
        # A notebook's cells run on a loop of its own, which waits for them anyway.
        is_notebook = hasattr(builtins, "__IPYTHON__")
        if is_notebook and running is not own and not self._background.is_running(running):
            return
        raise InvalidCallError(
            "A blocking call was made on the thread of an event loop; the loop would stand still.",
            code="blocking_on_loop",
            remedy="await the asynchronous method, or call from a thread: asyncio.to_thread",
        )


def _check_timeout(timeout: float | None) -> None:
    if timeout is None:
        return
    check_kind("timeout", timeout, int, float)
    # Written so that NaN is refused too.
    if not 0 < timeout <= threading.TIMEOUT_MAX:
        raise InvalidCallError("timeout is no positive number of seconds.", code="invalid_timeout")


def _awaited(
    future: concurrent.futures.Future[T], loop: asyncio.AbstractEventLoop, ends: float | None
) -> T:
    try:
        while not future.done():
            left = _GLANCE if ends is None else min(_GLANCE, ends - time.monotonic())
            if left <= 0:
                raise BlockingCallError("The call took too long.", code="blocking_timeout")
            if not (loop.is_running() or future.done()):
                raise _loop_ended()
            concurrent.futures.wait((future,), timeout=left)
        return future.result()
    except concurrent.futures.CancelledError:
        raise _loop_ended() from None
    finally:
        # Reached early by a timeout, an interrupt, or a worker's own limit: nobody waits any more.
        future.cancel()


def _loop_ended() -> BlockingCallError:
    return BlockingCallError("The event loop ended during the call.", code="loop_ended")
