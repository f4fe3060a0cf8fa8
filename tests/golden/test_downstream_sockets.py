"""downstream.json, ``sockets``: downstream calls over real HTTP/1.1, and what arrives where."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.downstream import SCOPE, Tokens
from tests.support.loopback import Loopback, Peer, serve
from tests.support.token_endpoint import principal

from msidweb.configuration.options import DownstreamApiOptions, HttpClientOptions
from msidweb.downstream import DownstreamApi
from msidweb.errors import (
    DownstreamApiError,
    DownstreamConnectionError,
    DownstreamTimeoutError,
    InvalidCallError,
)
from msidweb.http import HttpClients
from msidweb.principal import Principal
from msidweb.telemetry import Event, HeaderDropped, Telemetry

ROWS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("downstream.json").read_text())[
    "sockets"
]
NOT_FOLLOWED = "not followed: nothing arrives at the target (47)"
NO_COOKIE = "no cookie is kept or sent (48)"
REFUSED = "refused, 3.16 (33)"
DROPPED = "dropped with a warning, 3.16"
FAILED = "DownstreamConnectionError, status_code None"


class Stage:
    """Two servers, A and B, the calls that arrived there, and an API on A."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.arrived: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.a: Loopback
        self.b: Loopback
        self._stack = contextlib.AsyncExitStack()

    def api(
        self, *, base_url: str | None = None, timeout: float = 10.0, **options: Any
    ) -> DownstreamApi:
        telemetry = Telemetry([self.events.append])
        names = ("api", "other")
        client = HttpClientOptions(transport=self.transport, timeout=timeout)
        clients = HttpClients(dict.fromkeys(names, client), telemetry=telemetry)
        clients.open()
        self._stack.push_async_callback(clients.aclose)
        base = base_url or self.a.url("")
        made = DownstreamApiOptions(base_url=base, scopes=[SCOPE], **options)
        apis = dict.fromkeys(names, made)
        return DownstreamApi(apis, acquirer=Tokens(), clients=clients, telemetry=telemetry)

    @contextlib.asynccontextmanager
    async def raised(self) -> AsyncIterator[Stage]:
        async with self._stack:
            self.a = await self._stack.enter_async_context(serve(self._handler("A")))
            self.b = await self._stack.enter_async_context(serve(self._handler("B")))
            yield self

    def _handler(self, name: str) -> Any:
        async def handler(peer: Peer) -> None:
            while True:
                await self._answer(name, peer)

        return handler

    async def _answer(self, name: str, peer: Peer) -> None:
        lines = (await peer.head()).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = httpx.Headers([tuple(line.split(": ", 1)) for line in lines[1:] if line])
        body = await peer.reader.readexactly(int(fields.get("content-length", 0)))
        path, _, where = target.partition("?to=")
        call = {"server": name, "method": method, "path": path, "headers": fields}
        self.arrived.append(call | {"body": body.decode()})
        match path.split("/")[1:]:
            case ["redirect", status]:
                location = {
                    "same-host": "/target",
                    "other-port": self.b.url("/target"),
                    "other-host": self.b.url("/target", host="localhost"),
                    "file": "file:///etc/hostname",
                }[where]
                await peer.send(answer(status, f"Location: {location}"))
            case ["cookie"]:
                await peer.send(answer("200 OK", "Set-Cookie: sid=of-the-first-user; Path=/"))
            case ["cut"]:
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99"
                await peer.send(head + b'\r\n\r\n{"Name":')
                peer.writer.close()
                raise ConnectionResetError
            case ["abort"]:
                peer.writer.close()
                raise ConnectionResetError
            case ["slow"]:
                await peer.reader.read()
            case _:
                await peer.send(answer("200 OK", body=b"" if method == "HEAD" else b'{"Name":"a"}'))


def answer(status: str, *fields: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *fields, "", ""]).encode() + body


@pytest.fixture(params=["httpx", "aiohttp"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with Stage(request.param).raised() as stage:
        yield stage


def rows(category: str, *names: str) -> Any:
    chosen = [r for r in ROWS if r["category"] == category and (not names or r["name"] in names)]
    return pytest.mark.parametrize("row", chosen, ids=lambda row: row["name"])


def user(number: int = 1) -> Principal:
    return principal(f"user.{number}.token")


def seen(stage: Stage) -> list[dict[str, Any]]:
    """What arrived, as the rows say it."""
    return [
        {
            "server": call["server"],
            "method": call["method"],
            "path": call["path"],
            "authorization": "authorization" in call["headers"],
            **({"body": call["body"]} if call["body"] else {}),
        }
        for call in stage.arrived
    ]


def plain(arrived: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in a.items() if k not in ("headers", "cookie")} for a in arrived]


def test_every_row_is_replayed() -> None:
    categories = {"redirect", "cookies", "method", "header", "body", "answer", "failure"}
    assert {row["category"] for row in ROWS} == categories
    words = {NOT_FOLLOWED, NO_COOKIE, REFUSED, DROPPED, FAILED, "free", None}
    words |= {"InvalidCallError", "DownstreamTimeoutError"}
    assert {row.get("msidweb") for row in ROWS} == words


@rows("redirect")
async def test_redirects(stage: Stage, row: dict[str, Any]) -> None:
    assert row["msidweb"] == NOT_FOLLOWED
    method, status, where = row["name"].split(", ")
    verb = getattr(stage.api(), f"{method.lower()}_for_user")
    body = {} if method == "GET" else {"json": {"x": 1}}
    with pytest.raises(DownstreamApiError) as refused:
        await verb("api", f"redirect/{status}?to={where.replace(' ', '-')}", user=user(), **body)

    assert refused.value.status_code == int(status)
    assert seen(stage) == plain(row["arrived"][:1])


async def test_cookies(stage: Stage) -> None:
    steps = [row for row in ROWS if row["category"] == "cookies"]
    assert {row["msidweb"] for row in steps} == {NO_COOKIE}
    api = stage.api()
    for row in steps:
        name = "other" if "other API name" in row["name"] else "api"
        who = user(2 if row["name"].startswith("user 2") else 1)
        response = await api.call_api_for_user(name, row["arrived"][0]["path"][1:], user=who)
        assert response.status_code == row["result"]

    assert seen(stage) == [call for row in steps for call in plain(row["arrived"])]
    assert not any("cookie" in call["headers"] for call in stage.arrived)


@rows("method")
async def test_methods(stage: Stage, row: dict[str, Any]) -> None:
    given = {"default": {}, "(empty)": {"http_method": ""}}
    options = given.get(row["name"], {"http_method": row["name"]})
    if row.get("msidweb"):
        with pytest.raises(InvalidCallError):
            stage.api(**options)
        return
    response = await stage.api(**options).call_api_for_user("api", "echo", user=user())

    assert response.status_code == row["result"]
    assert seen(stage) == row["arrived"]


HEADERS = {
    "x-crlf": "a\r\nx-injected: 1",
    "x-lf": "a\nx-injected: 1",
    "x-nul": "a\0b",
    "x-space": " a ",
    "User-Agent": "me/1.0",
    "Content-Length": "5",
    "Transfer-Encoding": "chunked",
    "Expect": "100-continue",
    "Accept-Encoding": "gzip",
}


@rows("header")
async def test_headers(stage: Stage, row: dict[str, Any]) -> None:
    name, word = row["name"], row.get("msidweb")
    given = {"extra_header_parameters": {name: HEADERS[name]}}
    if word == REFUSED:
        with pytest.raises(InvalidCallError):
            stage.api(**given)
        return
    response = await stage.api(**given).call_api_for_user("api", "echo", user=user())

    assert response.status_code == httpx.codes.OK
    dropped = [event.header for event in stage.events if isinstance(event, HeaderDropped)]
    if word == DROPPED:
        assert name.lower() in {header.lower() for header in dropped}
        assert stage.arrived[0]["headers"].get(name) in (None, "0")
    elif word is None:
        assert not dropped
        for field, value in row["arrived"][0]["headers"].items():
            assert stage.arrived[0]["headers"][field] == value


@rows("body")
async def test_bodies(stage: Stage, row: dict[str, Any]) -> None:
    body = {"json": {"x": 1}} if row["name"] == "POST object" else {}
    result = await stage.api().post_for_user("api", "echo", user=user(), **body)

    assert result == {"Name": "a"}
    assert seen(stage) == plain(row["arrived"])
    for field, value in row["arrived"][0]["headers"].items():
        assert stage.arrived[0]["headers"][field] == value


@rows("answer")
async def test_broken_answers(stage: Stage, row: dict[str, Any]) -> None:
    assert row["msidweb"] == FAILED
    posts = row["name"].endswith("POST")
    verb = stage.api().post_for_user if posts else stage.api().get_for_user
    body = {"json": {"x": 1}} if posts else {}
    with pytest.raises(DownstreamConnectionError) as failure:
        await verb("api", row["arrived"][0]["path"][1:], user=user(), **body)

    assert failure.value.status_code is None
    assert seen(stage) == plain(row["arrived"])


@rows("failure", "connection refused, typed", "no such host")
async def test_no_connection(stage: Stage, row: dict[str, Any]) -> None:
    assert row["msidweb"] == FAILED
    with socket.socket() as taken:  # bound and not listening: whoever comes is refused
        taken.bind(("127.0.0.1", 0))
        refusing = f"http://127.0.0.1:{taken.getsockname()[1]}"
        base = refusing if "refused" in row["name"] else "https://no-such-host.invalid"
        with pytest.raises(DownstreamConnectionError) as failure:
            await stage.api(base_url=base).get_for_user("api", "echo", user=user())

    assert failure.value.status_code is None


@rows("failure", "timeout of the named client")
async def test_the_timeout_of_the_named_client(stage: Stage, row: dict[str, Any]) -> None:
    assert row["msidweb"] == "DownstreamTimeoutError"
    api = stage.api(timeout=0.5)
    await api.get_for_user(
        "api", "echo", user=user(), timeout=30
    )  # connects, however long it takes
    with pytest.raises(DownstreamTimeoutError):
        await api.get_for_user("api", "slow", user=user())

    assert seen(stage)[1:] == plain(row["arrived"])
