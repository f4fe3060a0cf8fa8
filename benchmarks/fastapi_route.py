"""What does protection add to a FastAPI route that also takes a downstream token?"""

from __future__ import annotations

import functools
from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI, Security

from msidweb import Identity, Principal
from msidweb.integrations.fastapi import EntraAuth

from .measure import Row, awaited, best_of
from .stage import Stage

AIM = 100.0
"""Microseconds that protection may add; the real .NET adds 190 to its bare route."""


async def rows(*, number: int = 300, rounds: int = 15) -> list[Row]:
    stage = Stage()
    async with stage.identity(stage.entra.transport()) as identity:
        ours = functools.partial(_get, _guarded(identity, stage.scope), stage.token())
        theirs = functools.partial(_get, _bare(), stage.token())
        assert await ours() == await theirs() == (200, b'"alice"')
        guarded, bare = await best_of(
            awaited(ours, number=number), awaited(theirs, number=number), rounds=rounds
        )
    route = "a route that validates and takes a token"
    return [
        Row(route, guarded, bare, "the bare route"),
        Row(route, guarded, bare, "the bare route", AIM, difference=True),
    ]


def _guarded(identity: Identity, scope: str) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI()
    entra.install(app)
    acquirer = identity.token_acquirer
    user = Security(entra, scopes=["access_as_user"])

    @app.get("/me")
    async def me(caller: Principal = user) -> str:
        await acquirer.get_token_for_user([scope])
        return str(caller.claims["name"])

    return app


def _bare() -> FastAPI:
    app = FastAPI()

    @app.get("/me")
    async def me() -> str:
        return "alice"

    return app


async def _get(app: FastAPI, token: str) -> tuple[int, bytes]:
    """The answer of *app*, called as a server calls it."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/me",
        "raw_path": b"/me",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"api"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return int(sent[0]["status"]), body
