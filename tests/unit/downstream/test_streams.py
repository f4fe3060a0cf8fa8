"""Answers that are read piece by piece, on both transports."""

import asyncio
import gzip
import zlib

import httpx
import pytest
from tests.support.downstream import Script, Tokens, downstream
from tests.support.raw_server import Connection, json_answer, raw_server

from msidweb.errors import (
    DownstreamApiError,
    DownstreamConnectionError,
    DownstreamTimeoutError,
    InvalidCallError,
    ThrottledError,
)
from msidweb.telemetry import DownstreamCalled

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
CHALLENGE = 'WWW-Authenticate: Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'


async def read_whole(api, path=None, *, then=None, **call) -> bytes:
    async with api.call_api("api", path, stream=True, **call) as response:
        body = await response.aread()
        if then is not None:
            raise then
        return body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_pieces_are_handed_out_while_the_answer_still_comes(connect):
    more = asyncio.Event()

    async def slowly(connection: Connection) -> None:
        await connection.request()
        await connection.send(HEAD + chunk(b"first"))
        await more.wait()
        await connection.send(chunk(b"second") + b"0\r\n\r\n")

    async with (
        raw_server(slowly) as server,
        connect(server.url).call_api("api", "x", stream=True) as response,
    ):
        pieces = response.aiter_bytes()
        first = await anext(pieces)
        more.set()
        rest = [piece async for piece in pieces]
    assert (first, b"".join(rest)) == (b"first", b"second")
    assert b"authorization: bearer token-1" in server.heads[0].lower()


@pytest.mark.parametrize("method", ["call_api", "call_api_for_user", "call_api_for_app"])
async def test_every_raw_call_streams_and_checks_no_status(method):
    api = downstream(Script(httpx.Response(404, text="missing")))
    async with getattr(api, method)("api", stream=True) as response:
        assert isinstance(response, httpx.Response)
        assert (response.status_code, await response.aread()) == (404, b"missing")
    async with getattr(api.named("api"), method)(stream=True) as response:
        assert [line async for line in response.aiter_lines()] == ["missing"]


async def test_the_deadline_ends_with_the_head(connect):
    async def longer_than_the_deadline(connection: Connection) -> None:
        await connection.request()
        await connection.send(HEAD)
        for _ in range(6):
            await asyncio.sleep(0.05)
            await connection.send(chunk(b"."))
        await connection.send(b"0\r\n\r\n")

    async with raw_server(longer_than_the_deadline) as server:
        assert await read_whole(connect(server.url), timeout=0.2, read_timeout=5) == b"......"


async def test_a_head_that_does_not_come_ends_at_the_deadline(connect):
    async def silent(connection: Connection) -> None:
        await connection.request()
        await asyncio.Event().wait()

    async with raw_server(silent) as server:
        with pytest.raises(DownstreamTimeoutError) as caught:
            await read_whole(connect(server.url), timeout=0.05)
    assert "within 0.05 s" in str(caught.value)


async def test_silence_between_pieces_ends_at_the_read_timeout(connect):
    async def stall(connection: Connection) -> None:
        await connection.request()
        await connection.send(HEAD + chunk(b"first"))
        await asyncio.Event().wait()

    async with (
        raw_server(stall) as server,
        connect(server.url).call_api("api", stream=True, read_timeout=0.1) as response,
    ):
        with pytest.raises(DownstreamTimeoutError):
            await response.aread()


async def test_a_body_that_breaks_off_is_a_typed_error_inside_of_the_block(connect):
    async def cut(connection: Connection) -> None:
        await connection.request()
        await connection.send(HEAD + chunk(b"first"))

    async with (
        raw_server(cut) as server,
        connect(server.url).call_api("api", stream=True) as response,
    ):
        with pytest.raises(DownstreamConnectionError):
            await response.aread()


async def test_a_body_that_is_not_packed_as_it_says_is_a_typed_error(connect):
    async def lie(connection: Connection) -> None:
        await connection.request()
        await connection.send(json_answer(b"plain", "200 OK", "Content-Encoding: gzip"))

    async with raw_server(lie) as server:
        with pytest.raises(DownstreamApiError) as caught:
            await read_whole(connect(server.url))
    assert caught.value.code == "unreadable_answer"


async def test_a_packed_stream_is_unpacked(connect):
    async def pack(connection: Connection) -> None:
        await connection.request()
        packed = gzip.compress(b"plain")
        await connection.send(json_answer(packed, "200 OK", "Content-Encoding: gzip"))

    async with raw_server(pack) as server:
        assert await read_whole(connect(server.url)) == b"plain"


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip, deflate", "br", "identity, gzip"])
async def test_a_stream_is_unpacked_once_and_no_more(connect, coding):
    body = gzip.compress(gzip.compress(b"plain"))

    async def stack(connection: Connection) -> None:
        await connection.request()
        await connection.send(json_answer(body, "200 OK", f"Content-Encoding: {coding}"))

    async with (
        raw_server(stack) as server,
        connect(server.url).call_api("api", stream=True) as response,
    ):
        assert response.status_code == 200
        with pytest.raises(DownstreamApiError) as caught:
            await response.aread()
    assert caught.value.code == "unreadable_answer"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_stream_that_unpacks_to_much_comes_in_pieces(connect, pack):
    coding = "gzip" if pack is gzip.compress else "deflate"
    size = 5_000_001

    async def bomb(connection: Connection) -> None:
        await connection.request()
        body = pack(bytes(size))
        await connection.send(json_answer(body, "200 OK", f"Content-Encoding: {coding}"))

    async with (
        raw_server(bomb) as server,
        connect(server.url).call_api("api", stream=True) as response,
    ):
        sizes = [len(piece) async for piece in response.aiter_bytes()]
    assert sum(sizes) == size
    assert max(sizes) <= 64 * 1024


async def test_errors_of_the_readers_own_pass_as_they_are():
    api = downstream(Script(httpx.Response(200, text="x")))
    for mine in (TimeoutError("mine"), httpx.ReadTimeout("mine"), httpx.DecodingError("mine")):
        with pytest.raises(type(mine)) as caught:
            await read_whole(api, then=mine)
        assert caught.value is mine


@pytest.mark.parametrize("leave", [None, RuntimeError, asyncio.CancelledError])
async def test_a_stream_that_is_left_early_gives_its_slot_back(connect, leave):
    async def endless(connection: Connection) -> None:
        while True:
            head = await connection.request()
            if b"/endless" not in head:
                await connection.send(json_answer(b"[]"))
                continue
            await connection.send(HEAD)
            while True:
                await connection.send(chunk(b"x" * 1000))
                await asyncio.sleep(0)

    async def leave_early(api) -> None:
        async with api.call_api("api", "endless", stream=True) as response:
            await anext(response.aiter_raw())
            if leave is not None:
                raise leave

    async with raw_server(endless) as server:
        api = connect(server.url, max_connections=1)
        if leave is None:
            await leave_early(api)
        else:
            with pytest.raises(leave):
                await leave_early(api)
        assert await api.get_for_user("api", timeout=5) == []


async def test_a_claims_challenge_is_answered_before_the_stream_begins(connect):
    async def challenge_once(connection: Connection) -> None:
        await connection.request()
        await connection.send(json_answer(b"{}", "401 Unauthorized", CHALLENGE))
        await connection.request()
        await connection.send(json_answer(b"[1]"))

    async with raw_server(challenge_once) as server:
        assert await read_whole(connect(server.url)) == b"[1]"
    assert b"token-2" in server.heads[1]
    assert server.connections == 1


async def test_a_plain_401_keeps_its_body():
    api = downstream(Script(httpx.Response(401, text="who?")))
    async with api.call_api("api", stream=True) as response:
        assert await response.aread() == b"who?"


async def test_what_is_wrong_with_a_call_is_told_on_entering():
    api = downstream(Script(), tokens=Tokens([ThrottledError("wait")]))
    with pytest.raises(InvalidCallError):
        await read_whole(api, "../x")
    with pytest.raises(ThrottledError):
        await read_whole(api)


async def test_a_stream_is_told_of_when_its_head_arrives():
    heard = []
    api = downstream(Script(httpx.Response(200, text="x")), hooks=[heard.append])
    async with api.call_api("api", stream=True):
        called = [event for event in heard if isinstance(event, DownstreamCalled)]
        assert [(event.status, event.attempts) for event in called] == [(200, 1)]
