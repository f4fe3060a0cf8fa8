"""What the caller hands over, as the bytes and the content type that are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import httpx
from pydantic_core import PydanticSerializationError, to_json

from msidweb.concurrency import settled
from msidweb.errors import InvalidCallError

from .media import charset_of
from .uploads import Upload, in_a_thread, upload_of

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
        InvalidCallError: *value* holds something that JSON cannot.
    """
    if value is None:
        return _NONE
    try:
        return Body(to_json(value, by_alias=True, inf_nan_mode="null"), JSON)
    except (PydanticSerializationError, ValueError, RecursionError):
        # Its text may quote the value, and so would the cause in a traceback.
        kind = type(value).__name__
    raise InvalidCallError(f"json= got a {kind} that cannot be written as JSON.", code="json_input")


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
        msg = f"content takes no {type(value).__name__}."
        raise InvalidCallError(msg, code="invalid_argument")
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


def form_body(data: Mapping[str, Any] | None, files: Any) -> Body:
    """A form as httpx writes it: urlencoded, or multipart where there are *files*.

    Raises:
        InvalidCallError: A field or a file is of a kind that httpx does not take.
    """
    parts = _parts(files)
    _check_parts(parts)
    try:
        form = httpx.Request("POST", "http://form/", data=data, files=files)
        content_type = form.headers.get("content-type")
        if content_type is None:
            return _NONE
        if not parts:
            return Body(form.content, content_type)
        # It can be iterated without a loop as well, which is how files are read in a thread.
        stream = cast("httpx.SyncByteStream", form.stream)
        if all(isinstance(content, str | bytes) for content, _ in parts):
            return Body(b"".join(stream), content_type)
    except (AttributeError, TypeError, ValueError, OSError):
        # Their texts may quote a value.
        msg = "data= or files= holds what no form can."
        raise InvalidCallError(msg, code="form_input") from None
    length = form.headers.get("content-length")
    upload = Upload(
        in_a_thread(lambda: iter(stream)),
        repeatable=all(_can_be_read_again(content) for content, _ in parts),
        length=None if length is None else int(length),
    )
    return Body(upload, content_type)


def _parts(files: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """The content of each of *files*, and what is said of it: content type, header fields."""
    items = files.items() if isinstance(files, Mapping) else files or ()
    try:
        values = [value if isinstance(value, tuple) else (None, value) for _, value in items]
        return [(value[1], value[2:]) for value in values]
    except (TypeError, ValueError, IndexError):
        msg = "files= takes a mapping, or pairs, of names and files."
        raise InvalidCallError(msg, code="form_input") from None


def _check_parts(parts: list[tuple[Any, tuple[Any, ...]]]) -> None:
    # httpx writes labels into the body as they are, where a line break would begin another field.
    for content, labels in parts:
        if not isinstance(content, str | bytes) and not hasattr(content, "read"):
            msg = f"files= takes no {type(content).__name__}."
            raise InvalidCallError(msg, code="form_input")
        if any("\r" in text or "\n" in text for text in _texts(labels)):
            msg = "A content type or header field of files= holds a line break."
            raise InvalidCallError(msg, code="form_input")


def _texts(labels: tuple[Any, ...]) -> Iterator[str]:
    for label in labels:
        if isinstance(label, Mapping):
            yield from (str(text) for pair in label.items() for text in pair)
        elif label is not None:
            yield str(label)


def _can_be_read_again(content: Any) -> bool:
    if isinstance(content, str | bytes):
        return True
    seekable = getattr(content, "seekable", None)
    return seekable is not None and bool(seekable())
