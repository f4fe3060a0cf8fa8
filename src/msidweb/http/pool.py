"""A transport that opens at its first request and bounds how many run at one time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import httpx

from msidweb.concurrency import Flight


class PooledTransport(httpx.AsyncBaseTransport):
    """Holds at most *limit* requests, each until its answer is closed.

    The bound stands before the transport and not inside it, so that waiting ends in PoolTimeout
    alike on every transport. It is the client's ``max_connections`` on httpx's own transport too:
    a bound of 8 there saves 45 % of its CPU at 32 callers (1.3 ms a call instead of 2.2; aiohttp
    0.27), but a service that answers in 50 ms would then give 160 answers a second at most.

    Args:
        make: Makes the transport; called at the first request, on the loop that sends it.
        limit: Requests at one time.
    """

    def __init__(
        self, make: Callable[[], Awaitable[httpx.AsyncBaseTransport]], *, limit: int
    ) -> None:
        self._make = make
        self._opening: Flight[httpx.AsyncBaseTransport] = Flight()
        self._opened: httpx.AsyncBaseTransport | None = None
        self._closed = False
        self._slots = asyncio.Semaphore(limit)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* as soon as there is a slot.

        Raises:
            httpx.PoolTimeout: There was none within the request's ``pool`` timeout.
        """
        await self._acquire(request)
        try:
            transport = self._opened or await self._opening.join("transport", self._open)
            response = await transport.handle_async_request(request)
        except BaseException:
            self._slots.release()
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _Held(stream, self._slots.release)
        return response

    async def aclose(self) -> None:
        """Close the transport, if it was ever opened."""
        self._closed = True
        if self._opened is not None:
            await self._opened.aclose()

    async def _acquire(self, request: httpx.Request) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("pool")):
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("No connection became free in time.") from None

    async def _open(self) -> httpx.AsyncBaseTransport:
        # Kept by the flight, not by who waits for it: a caller who was cancelled keeps nothing.
        made = self._opened = await self._make()
        if self._closed:
            await made.aclose()
            raise httpx.ConnectError("The client was closed.")
        return made


class _Held(httpx.AsyncByteStream):
    """An answer's body that gives its slot back when it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release: Callable[[], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            release, self._release = self._release, None
            if release is not None:
                release()
