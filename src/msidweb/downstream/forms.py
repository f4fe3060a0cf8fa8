"""Forms as httpx writes them, whose files are read while they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import httpx

from msidweb.errors import InvalidCallError
from msidweb.kinds import wrong_kind

from .bodies import Body
from .uploads import Upload, in_a_thread


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
            return Body()
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
            raise wrong_kind("files", content, "text, bytes or a file")
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
