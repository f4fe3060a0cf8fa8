"""The body of an answer that its caller reads, with typed errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx

from .failures import TRANSPORT, of_transport


class Streamed(httpx.AsyncByteStream):
    """Reads *stream*; what fails is a DownstreamApiError, as everywhere.

    Args:
        stream: The body of a response that was just received.
        service: Name of the API.
        correlation_id: Id of the call, or None.
    """

    def __init__(self, stream: object, service: str, correlation_id: str | None) -> None:
        self._stream = cast("httpx.AsyncByteStream", stream)
        self._service = service
        self._correlation_id = correlation_id

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._stream)
        while True:
            # Never across the yield, where the reader's own errors would be taken for the API's.
            try:
                piece = await anext(pieces, None)
            except TRANSPORT as error:
                raise of_transport(error, self._service, self._correlation_id) from error
            if piece is None:
                return
            yield piece

    async def aclose(self) -> None:
        """Close the answer; its connection is kept where the body was read to its end."""
        await self._stream.aclose()
