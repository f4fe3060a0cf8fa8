"""Bodies read up to a limit, however much they unpack to."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncGenerator, Iterator
from typing import cast

import httpx

from .charsets import readable

PIECE = 64 * 1024
"""Bytes that are unpacked at one time where a body is read piece by piece."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BodyTooLargeError(httpx.RequestError):
    """A body goes on past the limit; an httpx error, so whoever maps those maps this one too."""


async def read_bounded(response: httpx.Response, *, limit: int) -> bytes:
    """The decoded body of a streamed *response*, which is closed afterwards.

    Raises:
        BodyTooLargeError: It is longer than *limit* bytes.
        httpx.HTTPError: It broke off, or cannot be decoded.
    """
    body, more = await _read(response, limit)
    if more:
        message = f"The body is longer than {limit} bytes."
        raise BodyTooLargeError(message, request=response.request)
    return body


async def read_excerpt(response: httpx.Response, *, characters: int = 4096) -> tuple[str, bool]:
    """The first *characters* of a streamed *response*'s text, and whether it goes on.

    Raises:
        httpx.HTTPError: It broke off, or cannot be decoded.
    """
    longest_character = 4
    body, more = await _read(response, characters * longest_character)
    text = readable(body, response.charset_encoding)
    return text[:characters], more or len(text) > characters


async def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    if response.is_stream_consumed:
        body = response.content
        return body[:limit], len(body) > limit
    taken = bytearray()
    try:
        unpack = Unpacker(content_coding(response), response.request)
        async with contextlib.aclosing(_raw(response)) as chunks:
            async for chunk in chunks:
                taken += unpack(chunk, limit + 1 - len(taken))
                if len(taken) > limit:
                    return bytes(taken[:limit]), True
        unpack.finish()
    finally:
        await response.aclose()
    return bytes(taken), False


def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    return cast("AsyncGenerator[bytes, None]", response.aiter_raw())


def content_coding(response: httpx.Response) -> str:
    """The content coding of *response* in lower case; empty where it has none."""
    return str(response.headers.get("content-encoding", "")).strip().lower()


class Unpacker:
    """Undoes one content coding, gzip or deflate, a bounded piece at a time.

    httpx's decoders unpack a whole chunk at once, so 64 KiB can become 64 MiB, and as many codings
    as an answer names.

    Raises:
        httpx.DecodingError: The coding is another, or the body is not what it says.
    """

    def __init__(self, coding: str, request: httpx.Request) -> None:
        self._request = request
        self._fed = False
        self._zlib = None if coding in {"", "identity"} else zlib.decompressobj(_GZIP_OR_ZLIB)
        if coding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise self._error("The content coding is not one that was asked for.")

    def __call__(self, chunk: bytes, room: int) -> bytes:
        """The first *room* bytes that *chunk* unpacks to."""
        if self._zlib is None:
            return chunk
        self._fed = True
        try:
            unpacked = self._zlib.decompress(chunk, room)
        except zlib.error:
            raise self._error("The body is not what its content coding says.") from None
        if self._zlib.unused_data:
            # zlib keeps all that follows, and copies it at every piece.
            raise self._error("The body goes on after its packed end.")
        return unpacked

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What *chunk* unpacks to, at most 64 KiB at a time."""
        if self._zlib is None:
            yield chunk
            return
        while True:
            piece = self(chunk, PIECE)
            if piece:
                yield piece
            chunk = self._zlib.unconsumed_tail
            # A full piece may have left some within zlib.
            if not chunk and len(piece) < PIECE:
                return

    def finish(self) -> None:
        """Raise where the packed body is not at its end."""
        if self._zlib is not None and self._fed and not self._zlib.eof:
            raise self._error("The packed body ends too early.")

    def _error(self, message: str) -> httpx.DecodingError:
        return httpx.DecodingError(message, request=self._request)
