"""What both transports do, over real sockets."""

import asyncio
import contextlib
import gzip
import socket
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
import trustme
from tests.support.loopback import OK, Peer, answering, serve

REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"


async def test_the_answer_arrives_as_it_was_sent(client):
    sent = b"HTTP/1.1 299 Fine So\r\nX-Case: a\r\nX-Case: b\r\nContent-Length: 2\r\n\r\nok"
    async with serve(answering(sent)) as server:
        answer = await client.get(server.url())

    assert (answer.status_code, answer.reason_phrase, answer.content) == (299, "Fine So", b"ok")
    assert [pair for pair in answer.headers.raw if pair[0].lower() == b"x-case"] == [
        (b"X-Case", b"a"),
        (b"X-Case", b"b"),
    ]


async def test_the_request_is_ours_to_the_byte(client):
    seen: list[bytes] = []
    async with serve(answering(OK, seen=seen)) as server:
        await client.get(server.url("/a%2Fb/%C3%BC?q=%20a+b&e="), headers={"X-One": "1"})

    line, *fields = seen[0].decode().strip().split("\r\n")
    names = sorted(field.partition(":")[0] for field in fields)
    assert line == "GET /a%2Fb/%C3%BC?q=%20a+b&e= HTTP/1.1"
    assert names == ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent", "X-One"]
    assert any(field.startswith("User-Agent: msidweb/") for field in fields)


async def test_a_connection_is_used_again(client):
    async with serve(answering(OK)) as server:
        for _ in range(3):
            assert (await client.get(server.url())).text == "ok"
        assert server.connections == 1


async def test_no_connection_is_kept_where_none_is_wanted(make_client):
    client = make_client(max_keepalive_connections=0)
    async with serve(answering(OK)) as server:
        for _ in range(3):
            assert (await client.get(server.url())).text == "ok"
        assert server.connections == 3


async def test_redirects_are_not_followed(client):
    seen: list[bytes] = []
    async with serve(answering(REDIRECT, seen=seen)) as server:
        answer = await client.get(server.url())

    assert answer.status_code == 302
    assert len(seen) == 1


async def test_cookies_are_neither_kept_nor_sent(client):
    seen: list[bytes] = []
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: user=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with serve(answering(cookie, seen=seen)) as server:
        await client.get(server.url())
        client.cookies.set("mine", "2")
        client.cookies.update({"mine": "2"})
        client.cookies = {"mine": "2"}
        await client.get(server.url())

    assert not any(b"cookie" in head.lower() for head in seen)


async def test_proxies_of_the_environment_are_not_used(make_client, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serve(answering(OK)) as server:
        assert (await make_client().get(server.url())).text == "ok"


async def test_a_chunked_answer_is_put_together(client):
    parts = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2\r\nab\r\n",
        b"1\r\nc\r\n",
    )
    async with serve(answering(*parts, b"0\r\n\r\n")) as server:
        assert (await client.get(server.url())).text == "abc"


async def test_gzip_is_asked_for_and_undone(client):
    packed = gzip.compress(b"a" * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    seen: list[bytes] = []
    async with serve(answering(head.encode() + packed, seen=seen)) as server:
        assert (await client.get(server.url())).content == b"a" * 1000
    assert b"accept-encoding: gzip, deflate\r\n" in seen[0].lower()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_answers_without_a_body_end(client, method):
    async with serve(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        answer = await client.request(method, server.url())
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await client.request(method, server.url())).status_code == 204


async def test_long_headers_are_taken(client):
    value = b"c" * 20_000
    sent = b"HTTP/1.1 200 OK\r\nWWW-Authenticate: " + value + b"\r\nContent-Length: 0\r\n\r\n"
    async with serve(answering(sent)) as server:
        assert (await client.get(server.url())).headers["www-authenticate"] == value.decode()


@pytest.mark.parametrize("transport", ["aiohttp"])
@pytest.mark.parametrize(("size", "count"), [(40_000, 2), (10, 101)])
async def test_a_header_that_is_too_long_is_a_protocol_error(client, size, count):
    field = b"WWW-Authenticate: " + b"c" * size + b"\r\n"
    sent = b"HTTP/1.1 200 OK\r\n" + field * count + b"Content-Length: 0\r\n\r\n"
    async with serve(answering(sent)) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())


async def _echo(peer: Peer) -> None:
    head = (await peer.head()).lower()
    if b"transfer-encoding: chunked" in head:
        body = b""
        while size := int(await peer.reader.readline(), 16):
            body += await peer.reader.readexactly(size)
            await peer.reader.readline()
    else:
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = await peer.reader.readexactly(length)
    framing = b"chunked" if b"chunked" in head else b"length"
    answer = b"HTTP/1.1 200 OK\r\nX-Framing: %b\r\nContent-Length: %d\r\n\r\n"
    await peer.send(answer % (framing, len(body)), body)


async def _pieces() -> AsyncIterator[bytes]:
    for piece in (b"one ", b"", b"two ", b"three"):
        yield piece


async def test_a_streamed_request_body_arrives_in_chunks(client):
    async with serve(_echo) as server:
        answer = await client.post(server.url(), content=_pieces())
    assert (answer.headers["x-framing"], answer.text) == ("chunked", "one two three")


async def test_a_streamed_body_of_known_length_keeps_it(client):
    async with serve(_echo) as server:
        headers = {"Content-Length": "13"}
        answer = await client.post(server.url(), content=_pieces(), headers=headers)
    assert (answer.headers["x-framing"], answer.text) == ("length", "one two three")


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
async def test_a_body_of_any_size_arrives_whole(client, size):
    body = bytes(range(256)) * (size // 256 + 1)
    async with serve(_echo) as server:
        answer = await client.post(server.url(), content=body[:size])
    assert answer.content == body[:size]
    assert answer.headers["x-framing"] == "length"


async def test_a_failing_request_body_fails_with_its_own_error(client):
    async def failing() -> AsyncIterator[bytes]:
        yield b"begun"
        raise LookupError("row is gone")

    async with serve(_echo) as server:
        with pytest.raises(LookupError, match="row is gone"):
            await client.post(server.url(), content=failing())


async def test_a_timeout_in_the_request_body_is_not_taken_for_ours(client):
    async def failing() -> AsyncIterator[bytes]:
        yield b"begun"
        raise TimeoutError("a queue")

    async with serve(_echo) as server:
        with pytest.raises(TimeoutError, match="a queue"):
            await client.post(server.url(), content=failing())


async def test_an_answer_before_the_body_was_sent_is_taken(client):
    answered = asyncio.Event()

    async def refuse(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        answered.set()
        await peer.reader.read()

    async def slow() -> AsyncIterator[bytes]:
        yield b"begun"
        await answered.wait()
        yield b"ended"

    async with serve(refuse) as server:
        assert (await client.post(server.url(), content=slow())).status_code == 413


@pytest.mark.parametrize("declared", ["200", "5", "x", "+13", "13, 13"])
@pytest.mark.parametrize("body", [_pieces, lambda: b"one two three", lambda: b"", bytes(70_000)])
async def test_a_body_of_another_length_never_reaches_the_next_request(client, body, declared):
    content = body() if callable(body) else body
    stored: list[bytes] = []

    async def store(peer: Peer) -> None:
        head = (await peer.head()).lower()
        if head.startswith(b"get"):
            await peer.send(OK)
        else:
            await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            stored.append(await peer.reader.read())

    async with serve(store) as server:
        with contextlib.suppress(httpx.LocalProtocolError):
            headers = {"Content-Length": declared}
            await client.post(server.url(), content=content, headers=headers)
        assert (await client.get(server.url("/next"))).text == "ok"
        assert not any(b"next" in body for body in stored)


@pytest.mark.parametrize("declared", ["200", "5"])
async def test_a_body_of_another_length_is_a_local_protocol_error(client, declared):
    async with serve(_silent) as server:
        headers = {"Content-Length": declared}
        with pytest.raises(httpx.LocalProtocolError):
            await client.post(server.url(), content=_pieces(), headers=headers)


async def test_after_an_early_answer_the_next_request_is_not_taken_for_the_rest_of_the_body(client):
    stored: list[bytes] = []

    async def refuse(peer: Peer) -> None:
        while not (await peer.head()).startswith(b"GET"):
            await peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
            stored.append(await peer.reader.readexactly(10))
        await peer.send(OK)

    async def slow() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.sleep(0.05)
        yield b"ended"

    async with serve(refuse) as server:
        headers = {"Content-Length": "10"}
        answer = await client.post(server.url(), content=slow(), headers=headers)
        assert answer.status_code == 401
        assert (await client.get(server.url())).text == "ok"
    assert stored in ([], [b"begunended"])


async def test_a_body_without_a_write_timeout_arrives(client):
    async with serve(_echo) as server:
        answer = await client.post(server.url(), content=_pieces(), timeout=None)
    assert answer.text == "one two three"


async def test_a_peer_that_closes_while_the_body_is_sent_is_a_transport_error(client):
    async with serve(_close_unanswered) as server:
        with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
            await client.post(server.url(), content=bytes(8_000_000))
        assert server.connections == 1


async def test_refused_is_a_connect_error(client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{taken.getsockname()[1]}/?secret=canary")


async def test_an_unknown_host_is_a_connect_error(client):
    with pytest.raises(httpx.ConnectError):
        await client.get("http://nowhere.invalid/")


async def _silent(peer: Peer) -> None:
    await peer.reader.read()


async def test_a_silent_tls_handshake_is_a_connect_timeout(make_client):
    client = make_client(connect_timeout=0.1)
    async with serve(_silent) as server:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get(server.url().replace("http://", "https://"))


async def test_silence_is_a_read_timeout(make_client):
    async def hang(peer: Peer) -> None:
        await peer.head()
        await peer.reader.read()

    client = make_client(read_timeout=0.1)
    async with serve(hang) as server:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url())


async def test_silence_in_the_body_is_a_read_timeout(make_client):
    async def hang(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await peer.reader.read()

    client = make_client(read_timeout=0.1)
    async with serve(hang) as server:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url())


async def test_a_timeout_of_one_request_counts(client):
    async def hang(peer: Peer) -> None:
        await peer.head()
        await peer.reader.read()

    async with serve(hang) as server:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url(), timeout=httpx.Timeout(5.0, read=0.1))


async def test_a_peer_that_takes_no_data_is_a_write_timeout(make_client):
    taking = asyncio.Event()

    async def deaf(peer: Peer) -> None:
        await taking.wait()

    client = make_client(write_timeout=0.2)
    async with serve(deaf) as server:
        with pytest.raises(httpx.WriteTimeout):
            await client.post(server.url(), content=bytes(32 * 1024 * 1024))
        taking.set()


async def test_no_free_connection_is_a_pool_timeout(make_client):
    client = make_client(max_connections=1, pool_timeout=0.1)
    async with serve(answering(OK)) as server:
        async with client.stream("GET", server.url()):
            with pytest.raises(httpx.PoolTimeout):
                await client.get(server.url())
        assert (await client.get(server.url())).text == "ok"


async def test_who_waits_for_a_connection_gets_it(make_client):
    client = make_client(max_connections=1)
    async with serve(answering(OK)) as server:
        answers = await asyncio.gather(*(client.get(server.url()) for _ in range(20)))
        assert {answer.text for answer in answers} == {"ok"}
        assert server.connections == 1


async def _close_unanswered(peer: Peer) -> None:
    await peer.head()


async def test_a_peer_that_closes_unanswered_is_asked_once(client):
    async with serve(_close_unanswered) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url("/?secret=canary"))
        assert server.connections == 1


async def test_a_reused_connection_that_closes_unanswered_is_not_tried_again(client):
    async def once(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK)
        await peer.head()

    async with serve(once) as server:
        assert (await client.get(server.url())).text == "ok"
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())
        assert server.connections == 1


async def test_a_reset_before_the_answer_is_a_read_error(client):
    async def reset(peer: Peer) -> None:
        await peer.head()
        peer.reset()

    async with serve(reset) as server:
        with pytest.raises(httpx.ReadError):
            await client.get(server.url())
        assert server.connections == 1


BEGUN = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
]


@pytest.mark.parametrize("begun", BEGUN)
async def test_a_body_that_is_cut_is_never_an_answer(client, begun):
    async def cut(peer: Peer) -> None:
        await peer.head()
        await peer.send(begun)

    async with serve(cut) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())


@pytest.mark.parametrize("begun", BEGUN)
async def test_a_reset_in_the_body_is_never_an_answer(client, begun):
    async def reset(peer: Peer) -> None:
        await peer.head()
        await peer.send(begun)
        peer.reset()

    async with serve(reset) as server:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(server.url())


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01 no http\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_garbage_is_a_protocol_error(client, garbage):
    async with serve(answering(garbage)) as server:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await client.get(server.url("/?secret=canary"), headers={"Authorization": "canary"})
        assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


async def test_a_header_that_cannot_be_written_is_a_local_protocol_error(client):
    async with serve(answering(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError):
            await client.get(server.url(), headers={"X-A": "a\r\nX-Injected: 1"})


async def test_a_method_that_is_no_token_is_a_local_protocol_error(client):
    async with serve(answering(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError):
            await client.request("G ET", server.url())


async def test_an_answer_closed_twice_gives_one_slot_back(make_client):
    client = make_client(max_connections=1, pool_timeout=0.05)
    async with serve(answering(OK)) as server:
        first = await client.send(client.build_request("GET", server.url()), stream=True)
        held = first.stream
        await first.aclose()
        await held.aclose()
        async with client.stream("GET", server.url()):
            with pytest.raises(httpx.PoolTimeout):
                await client.get(server.url())


async def test_a_cancelled_call_gives_its_connection_back(make_client):
    asked = asyncio.Event()

    async def hang(peer: Peer) -> None:
        head = await peer.head()
        if b"/hang" in head:
            asked.set()
            await peer.reader.read()
        await peer.send(OK)

    client = make_client(max_connections=1, pool_timeout=2.0)
    async with serve(hang) as server:
        call = asyncio.create_task(client.get(server.url("/hang")))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.get(server.url())).text == "ok"


async def test_an_answer_left_unread_gives_its_connection_back(make_client):
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000)
    client = make_client(max_connections=1, pool_timeout=2.0)
    async with serve(answering(endless)) as server:
        for _ in range(3):
            async with client.stream("GET", server.url()) as answer:
                assert answer.status_code == 200
        assert server.connections == 3


async def test_many_cancelled_calls_leave_no_slot_taken(make_client):
    client = make_client(max_connections=2, pool_timeout=5.0)
    async with serve(answering(OK)) as server:
        for steps in range(40):
            call = asyncio.create_task(client.get(server.url()))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        answers = await asyncio.gather(*(client.get(server.url()) for _ in range(4)))
        assert [answer.text for answer in answers] == ["ok"] * 4


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def _server_context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context


async def test_tls_with_a_trusted_authority(make_client, authority, ca_file):
    client = make_client(ca_file=ca_file)
    async with serve(answering(OK), tls=_server_context(authority, "127.0.0.1")) as server:
        assert (await client.get(server.url())).text == "ok"


async def test_tls_of_another_host_is_a_connect_error(make_client, authority, ca_file):
    client = make_client(ca_file=ca_file)
    seen: list[bytes] = []
    tls = _server_context(authority, "other.example")
    async with serve(answering(OK, seen=seen), tls=tls) as server:
        with pytest.raises(httpx.ConnectError):
            await client.get(server.url())
    assert not seen


async def test_tls_of_an_unknown_authority_is_a_connect_error(make_client, ca_file):
    client = make_client(ca_file=ca_file)
    seen: list[bytes] = []
    tls = _server_context(trustme.CA(), "127.0.0.1")
    async with serve(answering(OK, seen=seen), tls=tls) as server:
        with pytest.raises(httpx.ConnectError):
            await client.get(server.url())
    assert not seen


async def test_a_client_certificate_is_shown(make_client, authority, ca_file, tmp_path):
    mine = authority.issue_cert("client.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    mine.cert_chain_pems[0].write_to_path(certificate)
    mine.private_key_pem.write_to_path(key)
    tls = _server_context(authority, "127.0.0.1")
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    shown: list[object] = []

    async def look(peer: Peer) -> None:
        await peer.head()
        shown.append(peer.writer.get_extra_info("peercert")["subjectAltName"])
        await peer.send(OK)

    files = {"client_certificate_file": str(certificate), "client_key_file": str(key)}
    async with serve(look, tls=tls) as server:
        await make_client(ca_file=ca_file, **files).get(server.url())
    assert shown == [(("DNS", "client.example"),)]


async def test_an_http_proxy_gets_the_whole_url_and_its_own_credentials(make_client):
    seen: list[bytes] = []
    async with serve(answering(OK, seen=seen)) as proxy:
        client = make_client(proxy=f"http://user:pass@127.0.0.1:{proxy.port}")
        assert (await client.get("http://api.example/v1?x=1")).text == "ok"
    assert seen[0].startswith(b"GET http://api.example/v1?x=1 HTTP/1.1\r\n")
    assert b"proxy-authorization: basic dxnlcjpwyxnz" in seen[0].lower()


async def test_a_proxy_that_refuses_is_a_proxy_error(make_client):
    seen: list[bytes] = []
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with serve(answering(refusal, seen=seen)) as proxy:
        client = make_client(proxy=f"http://user:pass@127.0.0.1:{proxy.port}")
        with pytest.raises(httpx.ProxyError) as caught:
            await client.get("https://api.example/v1", headers={"Authorization": "canary"})
    assert seen[0].startswith(b"CONNECT api.example:443 HTTP/1.1\r\n")
    assert b"canary" not in seen[0]
    assert "pass" not in f"{caught.value!r}"


async def test_a_proxy_that_is_down_is_a_connect_error(make_client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = make_client(proxy=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(httpx.ConnectError):
            await client.get("https://api.example/v1")
