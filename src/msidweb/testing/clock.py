"""A clock that stands still until it is moved."""

from __future__ import annotations

import time

from ._arguments import checks_arguments


@checks_arguments()
class ManualClock:
    """Tells the time that it was set to; wall time and intervals move together."""

    def __init__(self, now: float | None = None) -> None:
        self._now = time.time() if now is None else now
        self._elapsed = 1_000.0

    def time(self) -> float:
        """Unix seconds."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._now += seconds
        self._elapsed += seconds

    def set(self, now: float) -> None:
        """Set the wall time alone, as an operator or NTP does."""
        self._now = now
