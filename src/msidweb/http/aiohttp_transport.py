"""httpx's interface over aiohttp's connections, which cost a tenth of the CPU of httpx's own.

Only the choice of a transport imports this module: aiohttp is optional.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx
import yarl

from .lengths import measured

_LONGEST_HEADER = 64 * 1024
"""Bytes of an answer's header, all fields together."""

_MOST_FIELDS = 100
_PIECE = 64 * 1024
"""What a connection takes without waiting for the peer, in bytes."""

_HTTPX_DECIDES = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_FOREIGN = (aiohttp.ClientError, OSError, ValueError)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends the requests of one httpx client through one aiohttp session.

    No cookies, no redirects, no decoding, no repetition, no bound on connections: those are
    decided elsewhere. Only httpx exceptions leave it. It belongs to the loop it is made on.

    Args:
        tls: Context for https.
        proxy: URL of an http or https proxy; may hold user information.
        keepalive_expiry: Seconds an idle connection is kept; 0 keeps none.
    """

    def __init__(
        self, *, tls: ssl.SSLContext, proxy: str | None = None, keepalive_expiry: float = 30.0
    ) -> None:
        if keepalive_expiry > 0:
            connector = aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=keepalive_expiry)
        else:
            connector = aiohttp.TCPConnector(ssl=tls, limit=0, force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_HTTPX_DECIDES,
            proxy=proxy,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            middlewares=(_once,),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* and return the answer, its body unread.

        Raises:
            httpx.TransportError: What failed, as httpx names it.
        """
        stream = measured(request)
        try:
            content = request.content
        except httpx.RequestNotRead:
            # httpx leaves both out where it follows a redirect that drops the body.
            if request.headers.keys().isdisjoint(("content-length", "transfer-encoding")):
                answer = await self._send(request, None)
            else:
                answer = await self._send_stream(request, stream)
        else:
            if len(content) > _PIECE:
                answer = await self._send_stream(request, httpx.ByteStream(content))
            else:
                answer = await self._send(request, content or None)
        fields = answer.raw_headers
        size = sum(len(name) + len(value) for name, value in fields)
        if len(fields) > _MOST_FIELDS or size > _LONGEST_HEADER:
            answer.close()
            raise httpx.RemoteProtocolError("The answer's header is too long.")
        reason = (answer.reason or "").encode("ascii", "replace")
        return httpx.Response(
            answer.status,
            headers=list(fields),
            stream=_Answer(answer),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reason},
        )

    async def aclose(self) -> None:
        """Close the session and its connections."""
        await self._session.close()

    async def _send_stream(
        self, request: httpx.Request, stream: httpx.AsyncByteStream
    ) -> aiohttp.ClientResponse:
        patience = request.extensions.get("timeout", {}).get("write")
        try:
            async with asyncio.timeout(None) as stall:
                body = _Body(stream, stall, patience)
                try:
                    return await self._send(request, body)
                except httpx.TransportError:
                    if body.failure is not None:
                        raise body.failure from None
                    raise
                finally:
                    body.watched = False
        except TimeoutError:
            if not stall.expired():
                raise
            raise httpx.WriteTimeout("The peer took no data in time.") from None

    async def _send(
        self, request: httpx.Request, data: bytes | _Body | None
    ) -> aiohttp.ClientResponse:
        url = request.url
        target = f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"
        timeouts = request.extensions.get("timeout", {})
        try:
            return await self._session.request(
                request.method,
                yarl.URL(target, encoded=True),
                data=data,
                # aiohttp frames the body itself, and would not if told that it is framed.
                headers=[
                    (name.decode("ascii"), value.decode())
                    for name, value in request.headers.raw
                    if name.lower() != b"transfer-encoding"
                ],
                allow_redirects=False,
                server_hostname=request.extensions.get("sni_hostname"),
                # "connect" covers the name's resolution, which "sock_connect" does not.
                timeout=aiohttp.ClientTimeout(
                    connect=timeouts.get("connect"), sock_read=timeouts.get("read")
                ),
            )
        except _FOREIGN as error:
            failure = _translated(error)
        raise failure


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    # aiohttp repeats what fails with its own errors, once, if the method is idempotent: a request
    # is sent once here, and whoever knows what it means decides about a second time.
    try:
        return await send(request)
    except _FOREIGN as error:
        failure = _translated(error)
    raise failure


class _Body:
    """A request body that notices when the peer stops taking it, and keeps its own failure."""

    def __init__(
        self, stream: httpx.AsyncByteStream, stall: asyncio.Timeout, patience: float | None
    ) -> None:
        self.failure: Exception | None = None
        self.watched = patience is not None
        self._stream = stream
        self._stall = stall
        self._patience = patience or 0.0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        try:
            async for chunk in self._stream:
                for start in range(0, len(chunk), _PIECE):
                    self._await_peer_until(now() + self._patience)
                    yield chunk[start : start + _PIECE]
                    self._await_peer_until(None)
        except Exception as error:
            self.failure = error
            raise

    def _await_peer_until(self, moment: float | None) -> None:
        if self.watched:
            self._stall.reschedule(moment)


class _Answer(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failure: httpx.TransportError | None = None
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except _FOREIGN as error:
            failure = _translated(error)
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        # Read to its end, the connection is back in the pool and this does nothing.
        self._answer.close()


_NAMES: tuple[tuple[type[Exception], type[httpx.TransportError], str], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "No connection in time."),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout, "The peer sent nothing in time."),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "The proxy refused the connection."),
    (aiohttp.ClientConnectorError, httpx.ConnectError, "The connection failed"),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError, "The peer closed unanswered."),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "The answer is not HTTP."),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError, "The answer's body broke off."),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol, "The URL is not http or https."),
    (ValueError, httpx.LocalProtocolError, "The request cannot be written as HTTP."),
)


def _translated(error: Exception) -> httpx.TransportError:
    # Fixed texts, raised outside of the handler: aiohttp's errors hold the request's URL and header
    # fields, and their causes what the peer wrote. What the system says of a connection is kept.
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else None
    translated: httpx.TransportError = httpx.ReadError("The connection broke off.")
    for theirs, ours, text in _NAMES:
        if isinstance(error, theirs):
            detail = f": {cause}." if cause and ours is httpx.ConnectError else ""
            translated = ours(text + detail)
            break
    translated.__cause__ = cause
    return translated
