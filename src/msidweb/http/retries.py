"""Whether a request is sent once more, and after how long: a budget, and jitter in full."""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable
from typing import TypeAlias

import httpx

from msidweb.configuration.options import HttpClientOptions

Random: TypeAlias = Callable[[], float]
"""A number from 0 up to, not including, 1."""

STATUSES = frozenset({429, 502, 503, 504})
"""Answers that say that the same request may succeed later."""

FIRST_WAIT = 0.5
"""Seconds up to which the first wait is drawn; doubled for each that follows."""

LONGEST_WAIT = 8.0
"""Seconds that a wait is drawn up to at most."""

LONGEST_UNBOUNDED = 60.0
"""Seconds that are waited at most where no deadline ends the call."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)


class RetryBudget:
    """How many repeats a client has left: an outage is not multiplied by everyone's repeats.

    Every call pays a share of one repeat in, every repeat takes one out; *reserve* are there from
    the start, and no more are ever kept.
    """

    def __init__(self, *, share: float, reserve: float) -> None:
        self._share = share
        self._most = max(reserve, share)
        self._left = float(reserve)

    @classmethod
    def of(cls, options: HttpClientOptions) -> RetryBudget:
        """The budget that *options* give a client."""
        return cls(share=options.retry_budget, reserve=options.retry_reserve)

    def pay_in(self) -> None:
        """Note a call."""
        self._left = min(self._left + self._share, self._most)

    def take(self) -> bool:
        """Take a repeat out; False where none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def failure_reason(error: BaseException | None, *, method: str, repeats: int) -> str | None:
    """Why what failed with *error* may be sent again, or None where it may not.

    ``not_connected``: nothing was sent. ``broken_off``: the answer did not come or not whole; such
    a request is repeated once, and only where its method is safe (RFC 9110 section 9.2.1).
    """
    if isinstance(error, _NOT_CONNECTED):
        return None if _is_about_tls(error) else "not_connected"
    if isinstance(error, _BROKEN) and method in _SAFE and repeats == 0:
        return "broken_off"
    return None


def status_reason(status: int) -> str | None:
    """Why an answer of *status* is asked for again, or None."""
    return f"status_{status}" if status in STATUSES else None


def _is_about_tls(error: BaseException | None) -> bool:
    # A certificate that does not convince will not the next time either.
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def wait_before(repeat: int, *, retry_after: float | None, random: Random) -> float:
    """Seconds before the repeat of number *repeat* (the first is 0): at least *retry_after*."""
    drawn = random() * min(LONGEST_WAIT, math.ldexp(FIRST_WAIT, repeat))
    return drawn if retry_after is None else retry_after + drawn
