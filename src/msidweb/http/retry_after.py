"""The Retry-After field (RFC 9110 section 10.2.3), read as seconds."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}")


def retry_after_seconds(value: str | None, *, now: float) -> float | None:
    """Seconds to wait from *now*: whole seconds or an HTTP date; 0 for a date that has passed.

    Anything else counts as missing, also a number of more than nine digits.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
