import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.loopback import answering, serve

from msidweb.http import BodyTooLargeError, read_bounded, read_excerpt


def _answer(body: bytes, **headers: str) -> bytes:
    fields = {
        "Content-Length": str(len(body)),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


async def _read(client: httpx.AsyncClient, sent: bytes, limit: int) -> bytes:
    async with serve(answering(sent)) as server, client.stream("GET", server.url()) as response:
        return await read_bounded(response, limit=limit)


@pytest.mark.parametrize("size", [0, 1, 9, 10])
async def test_a_body_within_the_limit_is_read(client, size):
    assert await _read(client, _answer(b"a" * size), 10) == b"a" * size


@pytest.mark.parametrize("size", [11, 1_000_000])
async def test_a_body_past_the_limit_is_refused(client, size):
    with pytest.raises(BodyTooLargeError, match="longer than 10 bytes"):
        await _read(client, _answer(b"a" * size), 10)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("deflate", zlib.compress)],
)
async def test_packed_bodies_are_unpacked(client, coding, pack):
    sent = _answer(pack(b"a" * 5000), Content_Encoding=coding)
    assert await _read(client, sent, 5000) == b"a" * 5000
    with pytest.raises(BodyTooLargeError):
        await _read(client, sent, 4999)


async def test_a_bomb_is_unpacked_no_further_than_the_limit():
    largest = 0
    bomb = gzip.compress(bytes(50_000_000))

    class Watched(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal largest
            for start in range(0, len(bomb), 1024):
                largest = start
                yield bomb[start : start + 1024]

    response = httpx.Response(
        200,
        headers={"Content-Encoding": "gzip"},
        stream=Watched(),
        request=httpx.Request("GET", "https://api.example"),
    )
    with pytest.raises(BodyTooLargeError):
        await read_bounded(response, limit=1_000_000)
    assert largest <= 2048
    assert response.is_closed


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"not packed"),
        ("gzip", gzip.compress(b"a" * 99, mtime=0)[:-9]),
        ("br", b"x"),
        ("gzip, gzip", b"x"),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_a_decoding_error(client, coding, body):
    with pytest.raises(httpx.DecodingError):
        await _read(client, _answer(body, Content_Encoding=coding), 1000)


async def test_an_empty_body_needs_no_unpacking(client):
    assert await _read(client, _answer(b"", Content_Encoding="gzip"), 1000) == b""


async def test_a_body_that_was_read_before_is_bounded_as_well():
    response = httpx.Response(200, content=b"abc", request=httpx.Request("GET", "https://a"))
    assert await read_bounded(response, limit=3) == b"abc"
    with pytest.raises(BodyTooLargeError):
        await read_bounded(response, limit=2)


async def test_a_refused_body_gives_its_connection_back(make_client):
    client = make_client(max_connections=1, pool_timeout=2.0)
    for _ in range(2):
        with pytest.raises(BodyTooLargeError):
            await _read(client, _answer(b"a" * 100_000), 10)


@pytest.mark.parametrize(
    ("body", "content_type", "excerpt"),
    [
        (b"abc", "text/plain", ("abc", False)),
        (b"a" * 8, "text/plain", ("a" * 8, False)),
        (b"a" * 9, "text/plain", ("a" * 8, True)),
        ("ü".encode() * 8, "text/plain; charset=utf-8", ("ü" * 8, False)),
        ("𝄞".encode() * 9, "text/plain", ("𝄞" * 8, True)),
        (b"\xfc", "text/plain; charset=latin-1", ("ü", False)),
        (b"\xff", "text/plain", ("\ufffd", False)),
        (b"abc", "text/plain; charset=nonsense", ("abc", False)),
        (b"abc", "text/plain; charset=zlib_codec", ("abc", False)),
    ],
)
async def test_an_excerpt_is_text_of_bounded_length(client, body, content_type, excerpt):
    sent = _answer(body, Content_Type=content_type)
    async with serve(answering(sent)) as server, client.stream("GET", server.url()) as response:
        assert await read_excerpt(response, characters=8) == excerpt
