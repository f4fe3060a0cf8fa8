"""What the caller hands over, as the bytes and the content type that are sent."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from msidweb.errors import InvalidCallError
from msidweb.kinds import is_asynchronous

from .media import charset_of
from .paths import path_of

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
        InvalidCallError: *value* holds something that JSON cannot, NaN and infinities among them,
            or the serializer returned something else than it should.
    """
    if value is None:
        return _NONE
    if serializer is not None:
        return _written(serializer(value))
    try:
        content = to_json(value, by_alias=True, inf_nan_mode="constants")
        place = _not_finite(value, content)
    except (PydanticSerializationError, ValueError, RecursionError):
        # Its text may quote the value, and so would the cause in a traceback.
        msg = f"json= got a {type(value).__name__} that cannot be written as JSON."
    else:
        if place is None:
            return Body(content, JSON)
        msg = f"json= holds a number that is not finite{place}."
    raise InvalidCallError(msg, code="json_input")


def _written(answer: object) -> Body:
    match answer:
        case bytes() as content, str() as content_type:
            return Body(content, content_type)
    kind = "something to await" if is_asynchronous(answer) else type(answer).__name__
    msg = f"The serializer returned {kind}, not bytes and their content type."
    raise InvalidCallError(msg, code="json_input")


def _not_finite(value: object, content: bytes) -> str | None:
    """Where *content* says nothing of a number that is not finite, `` at a.b``, or None.

    Models write such a number as null, as JSON has none; one that is to be written, as text say,
    is written by a serializer of the model's own.
    """
    if not any(sign in content for sign in (b"null", b"NaN", b"Infinity")):
        return None
    plain = to_jsonable_python(value, by_alias=True, inf_nan_mode="constants")
    steps = _lost(plain, json.loads(content))
    if steps is None:
        return None
    return f" at {path_of(steps)}" if steps else ""


def _lost(plain: object, sent: object) -> tuple[object, ...] | None:
    """The way to the first number of *plain* that is no finite number and no text in *sent*."""
    if isinstance(plain, float):
        return () if not math.isfinite(plain) and not isinstance(sent, str) else None
    below: Iterable[tuple[object, object, object]] = ()
    if isinstance(plain, dict) and isinstance(sent, dict):
        below = ((name, item, sent.get(name)) for name, item in plain.items())
    elif isinstance(plain, list) and isinstance(sent, list):
        below = ((index, *pair) for index, pair in enumerate(zip(plain, sent, strict=False)))
    for step, item, written in below:
        steps = _lost(item, written)
        if steps is not None:
            return (step, *steps)
    return None


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
