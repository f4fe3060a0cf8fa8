"""The time, as a part that can be exchanged."""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """Tells the time; a test brings its own."""

    def time(self) -> float:
        """Unix seconds, as tokens count them."""

    def monotonic(self) -> float:
        """Seconds that never go back, for cool-downs and intervals."""


class SystemClock:
    """The clock of the machine."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
