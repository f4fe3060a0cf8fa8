"""httpx's own transport, without the peer's words in its errors (security rule 3.12).

Those quote the line that is no HTTP, a cookie or a body as it may be, and end in logged tracebacks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx

from .lengths import measured

_QUOTING = (httpx.ProtocolError, httpx.ProxyError)


class HttpxTransport(httpx.AsyncHTTPTransport):
    """Sends over httpcore's connections."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return the answer, its body unread.

        Raises:
            httpx.TransportError: What failed; of a broken answer the kind alone.
        """
        # h11 counts as well, and its own error would come through httpcore as it is.
        request.stream = measured(request)
        try:
            response = await super().handle_async_request(request)
        except _QUOTING as error:
            failure = _unquoted(error)
        else:
            response.stream = _Answer(cast("httpx.AsyncByteStream", response.stream))
            return response
        raise failure


class _Answer(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failure: httpx.TransportError | None = None
        try:
            async for chunk in self._stream:
                yield chunk
        except _QUOTING as error:
            failure = _unquoted(error)
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        await self._stream.aclose()


def _unquoted(error: httpx.TransportError) -> httpx.TransportError:
    for kind, text in _TEXTS.items():
        if isinstance(error, kind):
            return kind(text)
    return httpx.ReadError("The connection broke off.")


_TEXTS: dict[type[httpx.TransportError], str] = {
    httpx.RemoteProtocolError: "The answer is not HTTP, or broke off.",
    httpx.LocalProtocolError: "The request cannot be written as HTTP.",
    httpx.ProxyError: "The proxy refused the connection.",
}
