"""Request bodies that are as long as their Content-Length says.

The peer of a shorter one would take the next request on the connection for the rest of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import cast

import httpx


def measured(request: httpx.Request) -> httpx.AsyncByteStream:
    """The body of *request*; one that is still to be read fails where its length differs.

    Raises:
        httpx.LocalProtocolError: The declared length is no number, or not that of the body.
    """
    stream = cast("httpx.AsyncByteStream", request.stream)
    declared = request.headers.get("content-length")
    if declared is None or isinstance(stream, _Measured):
        return stream
    if not (declared.isascii() and declared.isdigit()):
        raise _misdeclared()
    length = int(declared)
    try:
        content = request.content
    except httpx.RequestNotRead:
        return _Measured(stream, length)
    if len(content) != length:
        raise _misdeclared()
    return stream


async def counted(
    pieces: AsyncIterable[bytes], length: int, failure: Callable[[str], Exception]
) -> AsyncIterator[bytes]:
    """The *pieces*; where they are ``more`` or ``less`` than *length*, that *failure* is raised."""
    missing = length
    async for piece in pieces:
        missing -= len(piece)
        if missing < 0:
            raise failure("more")
        yield piece
    if missing:
        raise failure("less")


class _Measured(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, length: int) -> None:
        self._stream = stream
        self._length = length

    def __aiter__(self) -> AsyncIterator[bytes]:
        return counted(self._stream, self._length, _misdeclared)

    async def aclose(self) -> None:
        await self._stream.aclose()


def _misdeclared(_how: str = "") -> httpx.LocalProtocolError:
    return httpx.LocalProtocolError("The body is not as long as its Content-Length says.")
