"""Replay of the sockets of downstream.json: what arrived at two servers, and what came of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.connecting import connecting
from tests.support.raw_server import Connection, json_answer, raw_server

from msidweb import errors
from msidweb.errors import InvalidCallError
from msidweb.telemetry import HeaderDropped

ROWS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("downstream.json").read_text())[
    "sockets"
]
COOKIE = json_answer(b"{}", "200 OK", "Set-Cookie: sid=of-the-first-user; Path=/")


def rows(category: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in ROWS if row["category"] == category]


@pytest.fixture(params=["httpx", "aiohttp"])
async def connect(request):
    async with connecting(request.param) as connect:
        yield connect


class Arrivals:
    """A server that keeps what arrived in the form of the recording."""

    def __init__(self, *, location: str = "") -> None:
        self.seen: list[dict[str, Any]] = []
        self.fields: list[dict[str, str]] = []
        self._location = location

    async def __call__(self, connection: Connection) -> None:
        while True:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            line, *lines = head.decode().rstrip().split("\r\n")
            fields = {name.lower(): value for name, _, value in (f.partition(": ") for f in lines)}
            body = await connection.reader.readexactly(int(fields.get("content-length", 0)))
            method, path, _ = line.split()
            seen = {
                "method": method,
                "path": path,
                "authorization": "authorization" in fields,
                **({"body": body.decode()} if body else {}),
            }
            self.seen.append(seen)
            self.fields.append(fields)
            if not await self._answered(path, connection):
                return

    async def _answered(self, path: str, connection: Connection) -> bool:
        if path == "/abort":
            return False
        if path == "/cut":
            await connection.send(json_answer(b'{"x": 1}')[:-3])
            return False
        if path == "/slow":
            await asyncio.Event().wait()
        answer = COOKIE if path == "/cookie" else json_answer(b'{"Name": "a"}')
        if path.startswith("/redirect/"):
            status = f"{path.rpartition('/')[2]} Redirect"
            answer = json_answer(b"", status, f"Location: {self._location}")
        if self.seen[-1]["method"] == "HEAD":
            answer = answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        await connection.send(answer)
        return True


def recorded(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What arrived at the first server, less what is asked for elsewhere."""
    wanted = ("method", "path", "authorization", "body")
    return [
        {name: arrived[name] for name in wanted if name in arrived}
        for arrived in row["arrived"]
        if arrived["server"] == "A"
    ]


def as_verb(method: str):
    def edit(options):
        options.http_method = method

    return edit


def test_every_row_is_of_a_category_that_is_replayed():
    replayed = {"redirect", "cookies", "method", "header", "body", "answer", "failure"}
    assert {row["category"] for row in ROWS} == replayed


@pytest.mark.parametrize("row", rows("redirect"))
async def test_redirects(connect, row):
    verb, status, where = row["name"].split(", ")
    target = Arrivals()
    async with raw_server(target) as b:
        places = {
            "same host": "/target",
            "other port": f"{b.url}/target",
            "other host": f"{b.url.replace('127.0.0.1', 'localhost')}/target",
            "file": "file:///etc/passwd",
        }
        first = Arrivals(location=places[where])
        async with raw_server(first) as a:
            response = await connect(a.url).call_api(
                "api",
                f"redirect/{status}",
                options=as_verb(verb),
                json=None if verb == "GET" else {"x": 1},
            )
    assert response.status_code == int(status)
    assert first.seen == recorded(row)[:1]
    assert target.seen == []


async def test_cookies(connect):
    server = Arrivals()
    async with raw_server(server) as at:
        api = connect(at.url)
        for path in ("cookie", "echo", "echo"):
            await api.get_for_user("api", path)
        await connect(at.url).get_for_user("api", "echo")
    assert [seen["path"] for seen in server.seen] == [
        row["arrived"][0]["path"] for row in ROWS if row["category"] == "cookies"
    ]
    assert not any("cookie" in fields for fields in server.fields)


@pytest.mark.parametrize("row", rows("method"))
async def test_methods(connect, row):
    name, server = row["name"], Arrivals()
    options = None if name == "default" else as_verb("" if name == "(empty)" else name)
    async with raw_server(server) as at:
        api = connect(at.url)
        if row["result"] == 200:
            assert (await api.call_api("api", "echo", options=options)).status_code == 200
        else:
            with pytest.raises(InvalidCallError):
                await api.call_api("api", "echo", options=options)
    assert server.seen == recorded(row)


HEADERS = {
    "x-crlf": "a\r\nx-injected: 1",
    "x-lf": "a\nx-injected: 1",
    "x-nul": "a\0b",
    "x-space": " a ",
    "User-Agent": "me/1.0",
    "Content-Length": "7",
    "Transfer-Encoding": "chunked",
    "Expect": "100-continue",
    "Accept-Encoding": "gzip",
}


@pytest.mark.parametrize("row", rows("header"))
async def test_headers(connect, row):
    name, server, events = row["name"], Arrivals(), []
    async with raw_server(server) as at:
        api = connect(at.url, events=[events.append])
        call = api.get_for_user("api", "echo", headers={name: HEADERS[name]}, timeout=10)
        if "refused" in row.get("msidweb", ""):
            with pytest.raises(InvalidCallError):
                await call
            assert not server.seen
            return
        await call
    dropped = [event.header for event in events if isinstance(event, HeaderDropped)]
    if "dropped" in row.get("msidweb", ""):
        assert dropped == [name]
        assert server.fields[0].get(name.lower()) != HEADERS[name]
        return
    assert not dropped
    assert server.fields[0][name.lower()] == row["arrived"][0]["headers"][name]


@pytest.mark.parametrize("row", rows("body"))
async def test_bodies(connect, row):
    server = Arrivals()
    async with raw_server(server) as at:
        value = {"x": 1} if row["name"] == "POST object" else None
        result = await connect(at.url).post_for_user("api", "echo", json=value)
    assert row["result"] in (200, result)
    assert server.seen == recorded(row)
    for name, value in row["arrived"][0]["headers"].items():
        assert server.fields[0][name.lower()] == value


@pytest.mark.parametrize("row", [*rows("answer"), *rows("failure")])
async def test_answers_that_do_not_come(connect, row):
    server = Arrivals()
    expected = getattr(errors, row["msidweb"].partition(",")[0])
    async with raw_server(Arrivals()) as closed:
        pass
    async with raw_server(server) as at:
        elsewhere = {
            "no such host": "https://no-such-host.invalid",
            "connection refused, typed": closed.url,
        }
        limit = 0.5 if row["name"].startswith("timeout") else 20
        api = connect(elsewhere.get(row["name"], at.url), timeout=limit)
        path = row["arrived"][0]["path"] if row["arrived"] else "echo"
        if row["name"].endswith("POST"):
            call = api.post_for_user("api", path, json={"x": 1})
        else:
            call = api.get_for_user("api", path)
        with pytest.raises(expected) as caught:
            await call
    assert type(caught.value) is expected
    assert caught.value.status_code is None
    assert server.seen == recorded(row)
