"""What only sockets show, on both transports."""

import asyncio
import gzip

import pytest
from tests.support.raw_server import Connection, json_answer, raw_server

from msidweb.errors import (
    DownstreamApiError,
    DownstreamConnectionError,
    DownstreamTimeoutError,
)

CHALLENGE = (
    'WWW-Authenticate: Bearer error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="'
)


async def answer_everything(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.send(json_answer(b'{"n": 1}'))


async def silent(connection: Connection) -> None:
    await connection.request()
    await asyncio.Event().wait()


async def test_calls_share_a_connection_and_carry_the_token(connect):
    async with raw_server(answer_everything) as server:
        api = connect(server.url)
        for _ in range(3):
            assert await api.post_for_user("api", "x", json={"a": 1}) == {"n": 1}
    assert server.connections == 1
    assert b"post /x http/1.1" in server.heads[0].lower()
    assert b"authorization: bearer token-1" in server.heads[0].lower()


async def test_a_silent_api_ends_at_the_total_deadline(connect):
    async with raw_server(silent) as server:
        with pytest.raises(DownstreamTimeoutError) as caught:
            await connect(server.url).get_for_user("api", timeout=0.05)
    assert str(caught.value) == "'api' did not answer within 0.05 s"
    assert caught.value.status_code is None


async def test_a_body_that_never_ends_does_not_outlive_the_deadline(connect):
    async def drip(connection: Connection) -> None:
        await connection.request()
        await connection.send(json_answer(b"").replace(b"Length: 0", b"Length: 100000"))
        while True:
            await connection.send(b" ")
            await asyncio.sleep(0.01)

    async with raw_server(drip) as server:
        with pytest.raises(DownstreamTimeoutError):
            await connect(server.url).get_for_user("api", timeout=0.1)


async def test_the_clients_own_timeout_is_the_usual_deadline(connect):
    async with raw_server(silent) as server:
        with pytest.raises(DownstreamTimeoutError):
            await connect(server.url, timeout=0.05).get_for_user("api")


async def test_silence_ends_a_call_at_its_read_timeout(connect):
    async with raw_server(silent) as server:
        with pytest.raises(DownstreamTimeoutError) as caught:
            await connect(server.url).get_for_user("api", read_timeout=0.05)
    assert str(caught.value) == "'api' did not answer in time"


async def test_a_longer_deadline_of_the_call_outlasts_that_of_the_client(connect):
    async def slow(connection: Connection) -> None:
        await connection.request()
        await asyncio.sleep(0.2)
        await connection.send(json_answer(b"[]"))

    async with raw_server(slow) as server:
        assert await connect(server.url, timeout=0.05).get_for_user("api", timeout=5) == []


async def test_a_late_call_gives_its_connection_slot_back(connect):
    requests = 0

    async def second_late(connection: Connection) -> None:
        nonlocal requests
        while True:
            await connection.request()
            requests += 1
            if requests == 2:
                await asyncio.Event().wait()
            await connection.send(json_answer(b"[]"))

    async with raw_server(second_late) as server:
        api = connect(server.url, max_connections=1)
        assert await api.get_for_user("api", timeout=5) == []
        with pytest.raises(DownstreamTimeoutError):
            await api.get_for_user("api", timeout=0.2)
        assert await api.get_for_user("api", timeout=5) == []


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200", json_answer(b'{"n": 1}')[:-3], b"\x00garbage\r\n\r\n"],
    ids=["nothing", "half a status line", "cut in the body", "garbage"],
)
@pytest.mark.parametrize("verb", ["get_for_user", "post_for_user"])
async def test_a_broken_answer_is_a_connection_error(connect, sent, verb):
    async def break_off(connection: Connection) -> None:
        await connection.request()
        await connection.send(sent)

    async with raw_server(break_off) as server:
        with pytest.raises(DownstreamConnectionError) as caught:
            await getattr(connect(server.url), verb)("api", json={"x": 1})
    assert caught.value.status_code is None
    assert len(server.heads) == 1


async def test_a_chunked_body_that_is_cut_is_a_connection_error(connect):
    async def cut(connection: Connection) -> None:
        await connection.request()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        await connection.send(head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n")

    async with raw_server(cut) as server:
        with pytest.raises(DownstreamConnectionError):
            await connect(server.url).get_for_user("api")


async def test_nobody_listening_is_a_connection_error(connect):
    async with raw_server(silent) as server:
        pass
    with pytest.raises(DownstreamConnectionError) as caught:
        await connect(server.url).get_for_user("api", "x?secret=1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
async def test_a_redirect_is_an_error_and_is_not_followed(connect, status):
    async with raw_server(answer_everything) as target:

        async def redirect(connection: Connection) -> None:
            await connection.request()
            await connection.send(json_answer(b"", status, f"Location: {target.url}/x"))

        async with raw_server(redirect) as server:
            with pytest.raises(DownstreamApiError) as caught:
                await connect(server.url).post_for_user("api", json={"x": 1})
    assert caught.value.status_code == int(status[:3])
    assert caught.value.headers["location"] == f"{target.url}/x"
    assert not target.heads


async def test_cookies_are_neither_kept_nor_sent(connect):
    async def cookie(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(json_answer(b"[]", "200 OK", "Set-Cookie: sid=first; Path=/"))

    async with raw_server(cookie) as server:
        api = connect(server.url)
        await api.get_for_user("api")
        await api.get_for_user("api")
    assert b"cookie:" not in server.heads[1].lower()


async def test_a_claims_challenge_is_answered_on_the_same_connection(connect):
    async def challenge_once(connection: Connection) -> None:
        await connection.request()
        await connection.send(json_answer(b"{}", "401 Unauthorized", CHALLENGE))
        await answer_everything(connection)

    async with raw_server(challenge_once) as server:
        assert await connect(server.url).post_for_user("api", json=[1]) == {"n": 1}
    assert b"token-2" in server.heads[1]
    assert server.connections == 1


async def test_a_packed_answer_is_unpacked_once(connect):
    packed = gzip.compress(b'{"n": 1}')

    async def pack(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(json_answer(packed, "200 OK", "Content-Encoding: gzip"))

    async with raw_server(pack) as server:
        api = connect(server.url)
        assert await api.get_for_user("api") == {"n": 1}
        response = await api.call_api_for_user("api")
    assert response.json() == {"n": 1}
    assert "content-encoding" not in response.headers
    assert response.elapsed.total_seconds() >= 0


async def test_a_body_that_is_not_packed_as_it_says_is_unreadable(connect):
    async def lie(connection: Connection) -> None:
        await connection.request()
        await connection.send(json_answer(b"plain", "200 OK", "Content-Encoding: gzip"))

    async with raw_server(lie) as server:
        with pytest.raises(DownstreamApiError) as caught:
            await connect(server.url).get_for_user("api")
    assert caught.value.code == "unreadable_answer"
    assert caught.value.status_code == 200


async def test_a_cancelled_call_is_cancelled_and_gives_its_slot_back(connect):
    arrived = asyncio.Event()

    async def first_silent(connection: Connection) -> None:
        await connection.request()
        if not arrived.is_set():
            arrived.set()
            await asyncio.Event().wait()
        await connection.send(json_answer(b"[]"))

    async with raw_server(first_silent) as server:
        api = connect(server.url, max_connections=1)
        call = asyncio.create_task(api.get_for_user("api"))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await api.get_for_user("api", timeout=5) == []


async def test_one_failing_call_leaves_its_siblings_alone(connect):
    async def by_path(connection: Connection) -> None:
        head = await connection.request()
        ok = b"/good" in head
        await connection.send(json_answer(b"[]", "200 OK" if ok else "503 Service Unavailable"))

    async with raw_server(by_path) as server:
        api = connect(server.url)
        results = await asyncio.gather(
            *(api.get_for_user("api", path) for path in ("good", "bad", "good")),
            return_exceptions=True,
        )
    assert results[0] == results[2] == []
    assert isinstance(results[1], DownstreamApiError)
