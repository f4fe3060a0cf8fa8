"""How long a token is handed out, and when the next one is fetched ahead."""

from __future__ import annotations

import random

USABLE_MARGIN = 60.0
"""Seconds before its end from which on a token is not handed out (security.md 4.2)."""

LEAST_INTERVAL = 30.0
"""Least seconds between two requests for one token, however short its life (F-E13)."""

_HOUR = 3600
_EARLY = 300.0
_JITTER = 0.1
_FIRST_BACK_OFF = 30.0
_LONGEST_BACK_OFF = 300.0


def usable_until(acquired_at: float, life: float) -> float:
    """Until when a token is handed out: a minute before its end.

    A token that is too short-lived for that serves half a minute, and never past its end, so that
    a burst of calls is not a burst of requests.
    """
    end = acquired_at + life
    return max(end - USABLE_MARGIN, min(end, acquired_at + LEAST_INTERVAL))


def refresh_at(acquired_at: float, life: float, refresh_in: float | None) -> float:
    """From when on a new token is fetched ahead, spread over a tenth so that few do so at once.

    That is ``refresh_in`` where Entra says so, else half of a life of more than an hour, else five
    minutes before the end.
    """
    after = refresh_in
    if after is None:
        after = life / 2 if life > _HOUR else life - _EARLY
    spread = random.uniform(1 - _JITTER, 1)  # noqa: S311 - jitter, no secret
    return acquired_at + max(after * spread, LEAST_INTERVAL)


def back_off(failures: int) -> float:
    """Seconds until the next try after *failures* in a row: 30, doubled up to five minutes."""
    return min(_FIRST_BACK_OFF * 2.0 ** min(failures - 1, 10), _LONGEST_BACK_OFF)
