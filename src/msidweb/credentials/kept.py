"""Client assertions in memory, renewed ahead of their end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from msidweb.clock import Clock
from msidweb.concurrency import Flight
from msidweb.encoding import EncodingError, decode_base64url, parse_object

from .proof import CredentialUnavailableError

MARGIN = 300.0
"""Seconds before an assertion's end from which on a new one is asked for, or half of its life."""

PAUSE = 30.0
"""Seconds until the next try when a new one could not be had, and the old one is still good."""

MAX_KEPT = 256
"""Assertions kept; the oldest goes first."""


@dataclass(slots=True)
class _Kept:
    assertion: str = field(repr=False)
    fresh_until: float
    ends: float


class KeptAssertions:
    """Asks for an assertion once, however many requests wait for it, and keeps it.

    One without a readable ``exp`` is asked for anew each time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._flights: Flight[str] = Flight()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[str]]) -> str:
        """The assertion called *key*, from memory or from *make*.

        Raises:
            CredentialUnavailableError: *make* raised it, and no earlier assertion is still good.
        """
        kept = self._kept.get(key)
        if kept is not None and self._clock.time() < kept.fresh_until:
            return kept.assertion
        try:
            return await self._flights.join(key, lambda: self._made(key, make))
        except CredentialUnavailableError:
            now = self._clock.time()
            if kept is None or kept.ends <= now:
                raise
            kept.fresh_until = min(now + PAUSE, kept.ends)
            return kept.assertion

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[str]]) -> str:
        assertion = await make()
        ends = _expiry(assertion)
        if ends is not None:
            left = ends - self._clock.time()
            fresh_until = ends - min(MARGIN, left / 2)
            self._kept[key] = _Kept(assertion, fresh_until, ends)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return assertion


def _expiry(assertion: str) -> float | None:
    try:
        claims = parse_object(decode_base64url(assertion.split(".")[1]))
    except (IndexError, EncodingError):
        return None
    end = claims.get("exp")
    return float(end) if isinstance(end, int) and not isinstance(end, bool) else None
