"""The Retry-After field (RFC 9110 section 10.2.3), read as seconds."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Longest wait that is honored, seconds, as in .NET."""

_SECONDS = re.compile(r"\d{1,9}")


def retry_after_seconds(value: str | None, *, now: float) -> float | None:
    """Seconds to wait from *now*: whole seconds or an HTTP date, an hour at most.

    Anything else counts as missing (deliberate difference 44), also a number of ten digits.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST)
    try:
        moment = parsedate_to_datetime(text)
        wait = moment.timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST)
