"""Request bodies that are read while they are sent, and whether they can be sent again."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

import httpx

from msidweb.concurrency import settled
from msidweb.errors import InvalidCallError
from msidweb.http.lengths import counted

PIECE = 64 * 1024
"""Bytes of a file that are read at one time."""

Opener: TypeAlias = Callable[[], AsyncIterator[bytes]]


class Upload(httpx.AsyncByteStream):
    """A body that is opened when it is sent.

    Args:
        open_: Begins to read, from the start.
        repeatable: Whether it can be opened more than once.
        length: Bytes, where they are known.

    Attributes:
        length: Bytes, where they are known.
        failure: What reading it raised.

    Raises:
        InvalidCallError: It is not of its *length* when it is read, as of a file that was cut.
    """

    def __init__(self, open_: Opener, *, repeatable: bool, length: int | None = None) -> None:
        self._open = open_
        self._repeatable = repeatable
        self._opened = False
        self.length = length
        self.failure: Exception | None = None

    @property
    def can_be_sent(self) -> bool:
        """Whether it was never opened, or can be opened again."""
        return self._repeatable or not self._opened

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._opened = True
        try:
            pieces = self._open()
            if self.length is not None:
                pieces = counted(pieces, self.length, _resized)
            async for piece in pieces:
                yield piece
        except Exception as error:
            self.failure = error
            raise


def upload_of(source: object) -> Upload | bytes | None:
    """The upload that *source* is, or its bytes where they are in memory; None for neither.

    An iterator is sent once. What can be iterated anew, a file that can seek, and a function that
    makes either are sent again where a call is repeated.

    Raises:
        InvalidCallError: A file is closed, or was opened as text.
    """
    if isinstance(source, io.BytesIO):
        return source.read()
    if hasattr(source, "read"):
        return _of_file(source)
    if isinstance(source, AsyncIterable):
        return Upload(lambda: aiter(source), repeatable=not isinstance(source, AsyncIterator))
    if callable(source) and not isinstance(source, type):
        return Upload(lambda: _made_by(source), repeatable=True)
    return None


def _of_file(file: Any) -> Upload:
    if isinstance(file, io.TextIOBase):
        raise _refused("a file that is opened as text; open it with mode 'rb'")
    if inspect.iscoroutinefunction(file.read):
        return Upload(lambda: _pieces(file), repeatable=False)
    try:
        if not file.seekable():
            return Upload(lambda: _pieces(file), repeatable=False)
        start = file.tell()
        length = file.seek(0, io.SEEK_END) - start
        file.seek(start)
    except (OSError, ValueError, AttributeError):
        raise _refused("a file that cannot be read") from None
    return Upload(lambda: _pieces(file, start), repeatable=True, length=length)


async def _pieces(file: Any, start: int | None = None) -> AsyncIterator[bytes]:
    if start is not None:
        file.seek(start)
    in_thread = not inspect.iscoroutinefunction(file.read)
    while True:
        piece = await (asyncio.to_thread(file.read, PIECE) if in_thread else file.read(PIECE))
        if not piece:
            return
        yield piece


async def _made_by(make: Callable[[], Any]) -> AsyncIterator[bytes]:
    made = await settled(make())
    upload = made if isinstance(made, bytes) else upload_of(made)
    if upload is None:
        raise _refused(f"a function that makes a {type(made).__name__}")
    if isinstance(upload, bytes):
        yield upload
        return
    async for piece in upload:
        yield piece


def in_a_thread(pieces: Callable[[], Iterator[bytes]]) -> Opener:
    """Opens *pieces*, which may block, and takes each in a thread."""

    async def opened() -> AsyncIterator[bytes]:
        iterator = pieces()
        while (piece := await asyncio.to_thread(next, iterator, None)) is not None:
            yield piece

    return opened


def _refused(what: str) -> InvalidCallError:
    return InvalidCallError(f"content= got {what}.", code="content_input")


def _resized(how: str) -> InvalidCallError:
    message = f"content= or files= gave {how} than the length it had when the call began."
    return InvalidCallError(message, code="content_resized")
