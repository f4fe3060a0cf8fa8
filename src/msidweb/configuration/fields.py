"""The kinds of values that options hold, in every form that .NET teams write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AllowInfNan, BeforeValidator
from pydantic_core import PydanticCustomError

_TIMESPAN = re.compile(
    r"(?:(?P<days>\d{1,8})\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2}(?:\.\d{1,7})?))?"
)
_NO_TIMESPAN: Final = "must be seconds, or a TimeSpan such as 00:05:00"
_LAST_HOUR, _LAST_MINUTE = 23, 59


def _seconds(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if not isinstance(value, str) or ":" not in value:
        return value
    parts = _TIMESPAN.fullmatch(value.strip())
    if parts is None:
        raise PydanticCustomError("timespan", _NO_TIMESPAN)
    days, hours, minutes = (int(parts[name] or 0) for name in ("days", "hours", "minutes"))
    seconds = float(parts["seconds"] or 0)
    if hours > _LAST_HOUR or minutes > _LAST_MINUTE or seconds >= _LAST_MINUTE + 1:
        raise PydanticCustomError("timespan", _NO_TIMESPAN)
    return float(
        timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    )


def _words(value: object) -> object:
    if isinstance(value, str):
        return [word for word in re.split(r"[\s,]+", value) if word]
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return value


def _texts(value: object) -> object:
    if isinstance(value, str):
        return [value]
    return _words(value)


Seconds = Annotated[float, BeforeValidator(_seconds), AllowInfNan(False)]
"""Seconds as a number, or a .NET TimeSpan: ``00:05:00``, ``14.00:00:00``."""

Words = Annotated[list[str], BeforeValidator(_words)]
"""A list, or one text of words that spaces or commas divide."""

Texts = Annotated[list[str], BeforeValidator(_texts)]
"""A list, or one text that is its only entry."""
