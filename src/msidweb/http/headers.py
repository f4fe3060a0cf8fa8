"""Which headers a caller may add to a request (security rule 3.16)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from msidweb.errors import InvalidCallError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")

_RESERVED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-original-url",
        "x-rewrite-url",
    }
)
_RESERVED_PREFIXES = (
    "proxy-",
    "sec-",
    "x-forwarded-",
    "x-ms-client-principal",
    "x-ms-token-",
)


@dataclass(frozen=True, slots=True)
class DroppedHeader:
    """A header that is not sent, and why."""

    name: str
    reason: str


def guard_headers(
    headers: Mapping[str, str], *, taken: Collection[str] = ()
) -> tuple[dict[str, str], tuple[DroppedHeader, ...]]:
    """The *headers* that may be sent, and those that are dropped.

    Args:
        headers: What the caller wants to add; white space around values is taken off.
        taken: Names in lower case that the request has already.

    Raises:
        InvalidCallError: A name is no RFC 9110 token, or a value holds a line break, NUL or
            anything else that is not visible ASCII.
    """
    allowed: dict[str, str] = {}
    dropped: list[DroppedHeader] = []
    for name, value in headers.items():
        _check(name, value)
        reason = _objection(name.lower(), taken)
        if reason is None:
            allowed[name] = value.strip(" \t")
        else:
            dropped.append(DroppedHeader(name, reason))
    return allowed, tuple(dropped)


def _check(name: str, value: str) -> None:
    if not (isinstance(name, str) and isinstance(value, str)):
        raise InvalidCallError("A header's name or value is no text.")
    if not _NAME.fullmatch(name):
        shown = ascii(name[:40])
        raise InvalidCallError(f"The header name {shown} is not a token of RFC 9110.")
    if not _VALUE.fullmatch(value):
        raise InvalidCallError(f"The value of header '{name}' is not visible ASCII.")


def _objection(name: str, taken: Collection[str]) -> str | None:
    if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
        return "reserved"
    return "already set" if name in taken else None
