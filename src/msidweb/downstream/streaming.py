"""The body of an answer that its caller reads, unpacked, with typed errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import httpx

from msidweb.http import Unpacker, content_coding

from .answers import OF_THE_CODED, Answer
from .failures import NOT_AS_CODED, TRANSPORT, of_transport, unreadable


class Streamed(httpx.AsyncByteStream):
    """Reads the body of *answer*; what fails is a DownstreamApiError, as everywhere.

    Its content coding is undone here, at most 64 KiB at a time.
    """

    def __init__(self, answer: Answer) -> None:
        self._stream = cast("httpx.AsyncByteStream", answer.head.stream)
        self._coding = content_coding(answer.head)
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        answer = self._answer
        async with contextlib.aclosing(self._unpacked()) as pieces:
            while True:
                # Never across the yield: the reader's own errors would be taken for the API's.
                try:
                    piece = await anext(pieces, None)
                except httpx.DecodingError as error:
                    raise unreadable(answer, NOT_AS_CODED) from error
                except TRANSPORT as error:
                    raise of_transport(error, answer.service, answer.correlation_id) from error
                if piece is None:
                    return
                yield piece

    async def aclose(self) -> None:
        """Close the answer; its connection is kept where the body was read to its end."""
        await self._stream.aclose()

    async def _unpacked(self) -> AsyncGenerator[bytes, None]:
        unpacker = Unpacker(self._coding, self._answer.head.request)
        async for packed in self._stream:
            for number, piece in enumerate(unpacker.pieces(packed)):
                if number:
                    # Little can unpack to much, which others should not have to wait for.
                    await asyncio.sleep(0)
                yield piece
        unpacker.finish()


def streamed(answer: Answer) -> httpx.Response:
    """The head of *answer* with a body that is read, unpacked, piece by piece."""
    head = answer.head
    head.stream = Streamed(answer)
    if content_coding(head):
        # httpx would undo it a second time.
        head.headers = httpx.Headers(
            [pair for pair in head.headers.raw if pair[0].lower() not in OF_THE_CODED]
        )
    return head
