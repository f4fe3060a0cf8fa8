"""Who must not ask Entra ID now: one assertion or one application at a time, never a neighbor."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from msidweb.clock import Clock

from .answers import Refusal

MAX_KEYS = 10_000
"""Pauses remembered; the oldest goes first."""

WINDOW = 60.0
"""Seconds in which a lasting refusal is heard twice and then repeated from memory (F-E11)."""


@dataclass(slots=True)
class _Pause:
    refusal: Refusal
    strikes: int
    until: float
    asks_to_wait: bool

    @property
    def holds(self) -> bool:
        return self.asks_to_wait or self.strikes >= _STRIKES


_STRIKES = 2


class Throttle:
    """Remembers refusals for as long as asking again is pointless; bodies are never kept.

    Rule 3.6: keys name the partition, so one user's wait refuses nobody else.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pauses: OrderedDict[Hashable, _Pause] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pauses)

    def refusal(self, key: Hashable) -> Refusal | None:
        """What Entra ID would say again to *key*, with the seconds left, or None: ask it."""
        pause = self._pauses.get(key)
        if pause is None:
            return None
        left = pause.until - self._clock.monotonic()
        if left <= 0:
            self._pauses.pop(key, None)
            return None
        if not pause.holds:
            return None
        return replace(pause.refusal, retry_after=left) if pause.asks_to_wait else pause.refusal

    def wait(self, key: Hashable, refusal: Refusal, seconds: float) -> None:
        """Refuse *key* for *seconds*, as Entra ID asked."""
        self._set(key, _Pause(refusal, 1, self._clock.monotonic() + seconds, asks_to_wait=True))

    def strike(self, key: Hashable, refusal: Refusal) -> None:
        """Note a refusal that repeating cannot cure; the second one within a minute holds."""
        now = self._clock.monotonic()
        known = self._pauses.get(key)
        if known is not None and known.until > now:
            known.strikes += 1
            known.refusal = refusal
            return
        self._set(key, _Pause(refusal, 1, now + WINDOW, asks_to_wait=False))

    def _set(self, key: Hashable, pause: _Pause) -> None:
        self._pauses[key] = pause
        self._pauses.move_to_end(key)
        while len(self._pauses) > MAX_KEYS:
            self._pauses.popitem(last=False)
