"""A transport that is made is closed, whatever becomes of those who waited for it."""

import asyncio
import contextlib

import httpx
import pytest

from msidweb.http.pool import PooledTransport

REQUEST = httpx.Request("GET", "https://api.example")


class _Made(httpx.AsyncBaseTransport):
    closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    async def aclose(self) -> None:
        self.closed = True


async def test_a_caller_who_is_cancelled_as_the_transport_opens_does_not_lose_it():
    made = _Made()

    async def make() -> _Made:
        # The caller is woken by this task's end, and cancelled before it runs.
        caller.cancel()
        return made

    pool = PooledTransport(make, limit=1)
    caller = asyncio.create_task(pool.handle_async_request(REQUEST))
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    await pool.aclose()

    assert made.closed


async def test_a_transport_that_opens_after_closing_is_closed_at_once():
    made, gate = _Made(), asyncio.Event()

    async def make() -> _Made:
        await gate.wait()
        return made

    pool = PooledTransport(make, limit=1)
    caller = asyncio.create_task(pool.handle_async_request(REQUEST))
    await asyncio.sleep(0)
    await pool.aclose()
    gate.set()

    with pytest.raises(httpx.ConnectError):
        await caller
    assert made.closed
