"""Bodies that are read while they are sent, on both transports."""

import asyncio
import io
import tempfile

import httpx
import pytest
from tests.support.downstream import Script, downstream
from tests.support.raw_server import Connection, json_answer, raw_server

from msidweb.errors import DownstreamApiError, InvalidCallError

CHALLENGE = 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'
CHALLENGED = json_answer(b"{}", "401 Unauthorized", f"WWW-Authenticate: {CHALLENGE}")


class Bodies:
    """A server that keeps every request's head and body, and answers as it is told."""

    def __init__(self, *answers: bytes) -> None:
        self.seen: list[tuple[bytes, bytes]] = []
        self._answers = list(answers)

    async def __call__(self, connection: Connection) -> None:
        while True:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            self.seen.append((head.lower(), await body_of(head.lower(), connection)))
            await connection.send(self._answers.pop(0) if self._answers else json_answer(b"[]"))

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, body in self.seen]


async def body_of(head: bytes, connection: Connection) -> bytes:
    if b"transfer-encoding: chunked" not in head:
        _, found, rest = head.partition(b"content-length: ")
        return await connection.reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b""
    body = b""
    while size := int(await connection.reader.readline(), 16):
        body += await connection.reader.readexactly(size)
        await connection.reader.readline()
    await connection.reader.readline()
    return body


async def pieces():
    yield b"one "
    await asyncio.sleep(0)
    yield b"two"


class Again:
    """Begins anew each time."""

    def __aiter__(self):
        return pieces()


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as file:
        file.write(b"before:" + b"x" * 200_000)
        file.seek(len(b"before:"))
        yield file


async def test_an_iterator_is_sent_in_chunks(connect):
    server = Bodies()
    async with raw_server(server) as at:
        await connect(at.url).post_for_user("api", content=pieces(), content_type="text/plain")
    [(head, body)] = server.seen
    assert body == b"one two"
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert b"content-type: text/plain\r\n" in head


async def test_a_file_is_sent_from_where_it_stands_with_its_length(connect, file):
    server = Bodies()
    async with raw_server(server) as at:
        await connect(at.url).put_for_app("api", content=file)
    [(head, body)] = server.seen
    assert body == b"x" * 200_000
    assert b"content-length: 200000\r\n" in head
    assert b"transfer-encoding" not in head


REPEATABLE = {
    "bytes in memory": lambda _: io.BytesIO(b"one two"),
    "function": lambda _: pieces,
    "async function": lambda _: made_later,
    "function of bytes": lambda _: lambda: b"one two",
    "iterable": lambda _: Again(),
    "file": lambda file: file,
    "function of a file": lambda _: lambda: io.BufferedReader(io.BytesIO(b"one two")),
}


async def made_later():
    await asyncio.sleep(0)
    return pieces()


@pytest.mark.parametrize("kind", REPEATABLE)
async def test_what_can_be_made_anew_is_sent_again_after_a_challenge(connect, kind, file):
    server = Bodies(CHALLENGED)
    async with raw_server(server) as at:
        assert await connect(at.url).post_for_user("api", content=REPEATABLE[kind](file)) == []
    first, second = server.bodies
    assert first == second
    assert first in (b"one two", b"x" * 200_000)


class Pipe(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self) -> None:
        self._left = [b"one ", b"two"]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._left.pop(0) if self._left else b""


class AsyncFile:
    """As the asynchronous file libraries have it."""

    def __init__(self) -> None:
        self._left = [b"one ", b"two"]

    async def read(self, size: int) -> bytes:
        return self._left.pop(0) if self._left else b""


@pytest.mark.parametrize("make", [pieces, Pipe, AsyncFile])
async def test_what_can_be_read_once_is_never_sent_again(connect, make):
    server = Bodies(CHALLENGED)
    async with raw_server(server) as at:
        api = connect(at.url)
        with pytest.raises(DownstreamApiError) as caught:
            await api.post_for_user("api", content=make())
    assert server.bodies == [b"one two"]
    assert (caught.value.status_code, caught.value.code) == (401, "body_not_repeatable")
    assert "a function that makes it" in str(caught.value)


async def test_a_raw_call_gives_the_challenge_that_cannot_be_answered():
    service = Script(httpx.Response(401, headers={"www-authenticate": CHALLENGE}))
    response = await downstream(service).call_api("api", content=pieces())
    assert (response.status_code, len(service.requests)) == (401, 1)


async def test_what_the_iterator_raises_passes_as_it_is(connect):
    for mine in (RuntimeError("mine"), TimeoutError("mine"), httpx.ReadError("mine")):

        async def fails(mine=mine):
            yield b"one"
            raise mine

        async with raw_server(Bodies()) as at:
            with pytest.raises(type(mine)) as caught:
                await connect(at.url).post_for_user("api", content=fails())
        assert caught.value is mine


@pytest.mark.parametrize(
    "content", [5, ["x"], iter([b"x"]), {"a": 1}, bytes, io.StringIO("x"), object()]
)
async def test_other_content_is_refused(content):
    service = Script(httpx.Response(200))
    with pytest.raises(InvalidCallError):
        await downstream(service).post_for_user("api", content=content)
    assert not service.requests


async def test_a_closed_file_is_refused(file):
    file.close()
    with pytest.raises(InvalidCallError) as caught:
        await downstream(Script(httpx.Response(200))).post_for_user("api", content=file)
    assert caught.value.code == "content_input"


async def test_a_function_that_makes_something_else_is_refused():
    with pytest.raises(InvalidCallError) as caught:
        await downstream(consume).post_for_user("api", content=lambda: 5)
    assert "a function that makes a int" in str(caught.value)


async def consume(request: httpx.Request) -> httpx.Response:
    await request.aread()
    return httpx.Response(200)


async def test_fields_alone_are_sent_urlencoded(connect):
    server = Bodies()
    async with raw_server(server) as at:
        await connect(at.url).post_for_user("api", data={"a": "1 2", "b": ["x", "y"], "c": None})
    [(head, body)] = server.seen
    assert body == b"a=1+2&b=x&b=y&c="
    assert b"content-type: application/x-www-form-urlencoded\r\n" in head


async def test_files_are_sent_as_a_multipart_form_and_again_after_a_challenge(connect, file):
    server = Bodies(CHALLENGED)
    file.seek(0)
    async with raw_server(server) as at:
        await connect(at.url).post_for_user(
            "api",
            data={"name": "report"},
            files={"upload": ("r.txt", file, "text/plain"), "small": b"in memory"},
        )
    assert server.bodies[0] == server.bodies[1]
    head, body = server.seen[0]
    assert b"content-type: multipart/form-data; boundary=" in head
    assert f"content-length: {len(body)}\r\n".encode() in head
    assert b'name="upload"; filename="r.txt"\r\nContent-Type: text/plain\r\n\r\nbefore:x' in body
    assert b'name="name"\r\n\r\nreport\r\n' in body


async def test_files_in_memory_are_sent_too(connect):
    server = Bodies(CHALLENGED)
    async with raw_server(server) as at:
        await connect(at.url).post_for_app("api", files=[("a", b"1"), ("a", ("n", "2"))])
    assert server.bodies[0] == server.bodies[1]
    assert server.bodies[0].count(b'name="a"') == 2


async def test_a_multipart_form_that_can_be_read_once_is_never_sent_again(connect):
    server = Bodies(CHALLENGED)
    async with raw_server(server) as at:
        with pytest.raises(DownstreamApiError) as caught:
            await connect(at.url).post_for_user("api", files={"a": Pipe()})
    assert caught.value.code == "body_not_repeatable"
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "form",
    [
        {"data": {"a": object()}, "files": {"a": b""}},
        {"files": {"a": io.StringIO("secret")}},
        {"files": {"a": 5}},
        {"files": 5},
        {"files": ["a"]},
        {"files": {"a": ("n",)}},
        {"files": {"a": ("n", b"", "text/plain\r\nX: 1")}},
        {"files": {"a": ("n", b"", None, {"X": "1\r\nY: 2"})}},
        {"data": "a=1"},
        {"files": {"a": b""}, "headers": {"Content-Type": "multipart/form-data"}},
        {"data": {"a": 1}, "content_type": "text/plain"},
    ],
    ids="".join,
)
async def test_what_no_form_can_hold_is_refused(form):
    service = Script(httpx.Response(200))
    with pytest.raises(InvalidCallError) as caught:
        await downstream(service).post_for_user("api", **form)
    assert not service.requests
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "bodies",
    [{"json": 1, "content": b""}, {"json": 1, "data": {}}, {"content": "x", "files": {"a": b""}}],
    ids=str,
)
async def test_a_call_has_one_body(bodies):
    with pytest.raises(InvalidCallError) as caught:
        await downstream(Script(httpx.Response(200))).post_for_user("api", **bodies)
    assert caught.value.code == "two_bodies"


async def test_an_empty_form_is_no_body():
    service = Script(httpx.Response(200))
    await downstream(service).post_for_user("api", data={})
    assert service.requests[0].content == b""
    assert "content-type" not in service.requests[0].headers


@pytest.mark.parametrize("size", [7, 100_000, 300_000])
async def test_a_file_that_is_cut_or_grows_is_an_error_and_not_the_next_requests_head(
    connect, file, size
):
    def resized(request: httpx.Request) -> None:
        file.truncate(size)

    stored = []

    async def throttle(connection: Connection) -> None:
        head = await connection.reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            await connection.send(json_answer(b"[]"))
        else:
            stored.append(await connection.reader.read())

    async with raw_server(throttle) as server:
        api = connect(server.url)
        with pytest.raises(InvalidCallError) as caught:
            await api.put_for_user("api", content=file, customize_request=resized)
        assert await api.get_for_user("api") == []
    assert caught.value.code == "content_resized"
    assert all(b"GET" not in body for body in stored)


async def test_a_transport_of_ones_own_learns_of_a_file_that_is_cut(file):
    def cut(request: httpx.Request) -> None:
        file.truncate(7)

    with pytest.raises(InvalidCallError):
        await downstream(Script()).put_for_user("api", content=file, customize_request=cut)
