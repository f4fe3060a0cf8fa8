"""A source that may hang, asked in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from msidweb.clock import Clock
from msidweb.concurrency import forget_in_children, leave_to_parent

T = TypeVar("T")

KEPT = 60.0
"""Seconds for which a result that came too late can be picked up."""


@dataclass(eq=False, slots=True)
class _Reading(Generic[T]):
    key: Hashable
    future: Future[T] = field(default_factory=Future)
    ended_at: float | None = None
    is_overdue: bool = False


class SlowSource(Generic[T]):
    """Asks one source at a time, in a daemon thread (security rule 3.27).

    A thread of asyncio's own that hangs would be missing wherever names are resolved, and the
    process would wait for it at its end. While one hangs that was given up, whoever asks is told
    so at once; what it brings in the end is there for the next who asks for the same.

    Args:
        clock: Tells when a late result is too old.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: _Reading[T] | None = None
        forget_in_children(self)

    def forget_parent(self) -> None:
        """Leave the parent's thread to the parent."""
        leave_to_parent(self._latest)
        self._lock = threading.Lock()
        self._latest = None

    async def ask(self, key: Hashable, work: Callable[[], T], *, deadline: float) -> T:
        """The result of *work*, called *key*; at most *deadline* seconds are waited for it.

        Raises:
            TimeoutError: It took too long, or an earlier one still does.
        """
        waits_for: _Reading[T] | None = None
        try:
            async with asyncio.timeout(deadline):
                while True:
                    waits_for = self._under_way(key, work)
                    try:
                        result = await asyncio.wrap_future(waits_for.future)
                    except Exception:
                        if waits_for.key == key:
                            raise
                    else:
                        if waits_for.key == key:
                            self._forget(waits_for)
                            return result
        except TimeoutError:
            if waits_for is not None and not waits_for.future.done():
                waits_for.is_overdue = True
            raise

    def _under_way(self, key: Hashable, work: Callable[[], T]) -> _Reading[T]:
        with self._lock:
            latest = self._latest
            if latest is not None and not latest.future.done():
                if latest.is_overdue:
                    raise TimeoutError
                return latest
            if latest is None or not self._is_of_use(latest, key):
                self._latest = latest = self._started(key, work)
            return latest

    def _forget(self, reading: _Reading[T]) -> None:
        with self._lock:
            if self._latest is reading:
                self._latest = None

    def _is_of_use(self, reading: _Reading[T], key: Hashable) -> bool:
        if reading.key != key or reading.future.exception() is not None:
            return False
        return self._clock.monotonic() - (reading.ended_at or 0.0) < KEPT

    def _started(self, key: Hashable, work: Callable[[], T]) -> _Reading[T]:
        reading: _Reading[T] = _Reading(key)
        # From here on nobody who stops waiting can cancel it.
        reading.future.set_running_or_notify_cancel()
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run,
            args=(self._read, reading, work),
            name="msidweb-credential",
            daemon=True,
        ).start()
        return reading

    def _read(self, reading: _Reading[T], work: Callable[[], T]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            # A future cannot raise StopIteration.
            told = RuntimeError("StopIteration") if isinstance(error, StopIteration) else error
            reading.ended_at = self._clock.monotonic()
            reading.future.set_exception(told)
        else:
            reading.ended_at = self._clock.monotonic()
            reading.future.set_result(result)
