"""Faults of the fault table that are about whole clients: bulkheads and cancellation."""

import asyncio
import contextlib
import random

import pytest
from tests.support.downstream import Tokens, api_options
from tests.support.raw_server import Connection, json_answer, raw_server

from msidweb.configuration.options import HttpClientOptions
from msidweb.downstream import DownstreamApi
from msidweb.errors import DownstreamTimeoutError
from msidweb.http import HttpClients
from msidweb.telemetry import Telemetry


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_an_api_that_hangs_takes_no_connection_from_another(transport):
    """F-D7."""

    async def hang(connection: Connection) -> None:
        await connection.request()
        await asyncio.Event().wait()

    async def answer(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(json_answer(b"[]"))

    telemetry = Telemetry()
    limits = HttpClientOptions(transport=transport, max_connections=2, pool_timeout=30)
    clients = HttpClients({"hangs": limits, "well": limits}, telemetry=telemetry)
    clients.open()
    async with raw_server(hang) as hanging, raw_server(answer) as well:
        apis = {
            "hangs": api_options(base_url=hanging.url),
            "well": api_options(base_url=well.url),
        }
        api = DownstreamApi(apis, acquirer=Tokens(), clients=clients, telemetry=telemetry)
        stuck = [asyncio.create_task(api.get_for_user("hangs", timeout=1)) for _ in range(10)]
        answers = await asyncio.gather(*(api.get_for_user("well") for _ in range(50)))
        failures = await asyncio.gather(*stuck, return_exceptions=True)
    await clients.aclose()
    assert answers == [[]] * 50
    assert {type(failure) for failure in failures} == {DownstreamTimeoutError}


async def pieces():
    for _ in range(3):
        await asyncio.sleep(0)
        yield b"x" * 1000


async def stream(api) -> None:
    async with api.call_api("api", stream=True) as response:
        async for _ in response.aiter_raw():
            pass


CALLS = {
    "read": lambda api: api.get_for_user("api"),
    "stream": stream,
    "upload": lambda api: api.put_for_user("api", content=pieces),
}


@pytest.mark.parametrize("kind", CALLS)
async def test_calls_that_are_cancelled_anywhere_leave_nothing_behind(connect, kind):
    """F-P2."""

    async def now_and_then_busy(connection: Connection) -> None:
        busy = False
        while True:
            head = await connection.request()
            if b"chunked" in head.lower():
                await connection.reader.readuntil(b"0\r\n\r\n")
            busy = not busy
            status = "503 Busy" if busy else "200 OK"
            await connection.send(json_answer(b"[1]", status))

    draw = random.Random(7)
    async with raw_server(now_and_then_busy) as server:
        api = connect(
            server.url, max_connections=2, retries=3, retry_budget=1, parts={"random": lambda: 0.0}
        )
        before = asyncio.all_tasks()
        for _ in range(150):
            call = asyncio.create_task(CALLS[kind](api))
            for _ in range(draw.randrange(60)):
                await asyncio.sleep(0)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
        assert await api.get_for_user("api", timeout=30) == [1]
        served = asyncio.all_tasks() - before
        assert all("raw_server" in repr(task.get_coro()) for task in served)
