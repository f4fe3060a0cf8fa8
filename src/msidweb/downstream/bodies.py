"""What the caller hands over, as the bytes and the content type that are sent."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from msidweb.concurrency import settled
from msidweb.errors import InvalidCallError
from msidweb.kinds import wrong_kind

from .media import charset_of
from .paths import path_of
from .uploads import Upload, upload_of

JSON = "application/json; charset=utf-8"

Serializer: TypeAlias = Callable[[Any], Any]
"""Turns ``json=`` into ``(body, content type)`` or a body; may be async. A body is text or bytes,
None sends none; without a content type that of the options is used."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body; no content means none is sent."""

    content: bytes | Upload | None = field(default=None, repr=False)
    content_type: str | None = None


_NONE = Body()


def json_body(value: object) -> Body:
    """*value* as JSON, aliases for names.

    Raises:
        InvalidCallError: *value* holds something that JSON cannot, NaN and infinities among them.
    """
    if value is None:
        return _NONE
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


async def serialized_body(value: object, serializer: Serializer, content_type: str | None) -> Body:
    """*value* as the *serializer* writes it; what that raises passes as it is.

    Raises:
        InvalidCallError: The serializer gave neither a body nor ``(body, content type)``.
    """
    if value is None:
        return _NONE
    made = await settled(serializer(value))
    body, label = made if isinstance(made, tuple) and len(made) == _PAIR else (made, content_type)
    if body is None:
        return _NONE
    if not isinstance(body, str | bytes) or not isinstance(label, str | None):
        msg = "The serializer gave neither text, bytes nor (body, content type)."
        raise InvalidCallError(msg, code="serializer_result")
    return plain_body(body, label)


_PAIR = 2


def content_body(value: object, content_type: str | None) -> Body:
    """Text, bytes, a file or an iterator as it is, labelled with *content_type*.

    Raises:
        InvalidCallError: It is none of these, or text that does not fit its charset.
    """
    if isinstance(value, str | bytes):
        return plain_body(value, content_type)
    upload = upload_of(value)
    if upload is None:
        raise wrong_kind("content", value, "text, bytes, a file, an async iterator or a function")
    return Body(upload, content_type or None)


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
