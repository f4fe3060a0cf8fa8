"""What the caller hands over, as the bytes and the content type that are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import PydanticSerializationError, to_json

from msidweb.errors import InvalidCallError

from .media import charset_of

JSON = "application/json; charset=utf-8"

Serializer: TypeAlias = Callable[[Any], tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body; no content means none is sent."""

    content: bytes | None = None
    content_type: str | None = None


_NONE = Body()


def json_body(value: object, serializer: Serializer | None) -> Body:
    """*value* as JSON, aliases for names, or as the *serializer* of the options writes it.

    Raises:
        InvalidCallError: *value* holds something that JSON cannot.
    """
    if value is None:
        return _NONE
    if serializer is not None:
        return Body(*serializer(value))
    try:
        return Body(to_json(value, by_alias=True, inf_nan_mode="null"), JSON)
    except (PydanticSerializationError, ValueError, RecursionError):
        # Its text may quote the value, and so would the cause in a traceback.
        kind = type(value).__name__
    raise InvalidCallError(f"json= got a {kind} that cannot be written as JSON.", code="json_input")


def plain_body(value: str | bytes, content_type: str | None) -> Body:
    """Text or bytes as they are, labelled with *content_type* (None: not set by the options).

    Raises:
        InvalidCallError: The text does not fit the charset that *content_type* names.
    """
    if isinstance(value, bytes):
        return Body(value, content_type or None)
    label = "application/json" if content_type is None else content_type
    charset = charset_of(label)
    if label and charset is None:
        label = f"{label}; charset=utf-8"
    try:
        return Body(value.encode(charset or "utf-8"), label or None)
    except (LookupError, UnicodeError):
        # Their texts quote the value.
        msg = "content= does not fit its charset."
    raise InvalidCallError(msg, code="content_charset")
