"""WebSockets and server-sent events on real sockets: who gets in, and how they end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Security, WebSocket
from fastapi.responses import StreamingResponse
from tests.support.stage import Stage
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from msidweb import NamedDownstreamApi, Principal
from msidweb.integrations import long_lived
from msidweb.integrations.fastapi import EntraAuth

ENDED = 3_600 * 24 * 2


@pytest.fixture
async def stage(tmp_path, monkeypatch) -> AsyncIterator[Stage]:
    # The clock of the test moves by leaps, which a nap of seconds would notice late.
    monkeypatch.setattr(long_lived, "_LONGEST_NAP", 0.01)
    async with Stage.raised(tmp_path) as stage:
        yield stage


def service(stage) -> FastAPI:
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)
    User = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @app.websocket("/calls")
    async def calls(websocket: WebSocket, user: User, partner: Partner) -> None:
        await websocket.accept()
        async with entra.until_expiry(user):
            async for path in websocket.iter_text():
                await websocket.send_json(await partner.get_for_user(path, user=user))

    @app.websocket("/messages")
    async def messages(websocket: WebSocket, user: User) -> None:
        await websocket.accept()
        async for message in entra.while_valid(user, websocket.iter_text()):
            await websocket.send_text(message)
        await websocket.close(1008, "over")

    async def changes() -> AsyncIterator[str]:
        yield "data: first\n\n"
        await asyncio.Event().wait()

    @app.get("/changes")
    async def streamed(user: User) -> StreamingResponse:
        return StreamingResponse(entra.while_valid(user, changes()), media_type="text/event-stream")

    return app


@pytest.fixture
async def connected(stage):
    """Connects to a path of the service."""
    server = await stage.serve(service(stage))
    address = server.base_url.replace("https", "wss")

    def to(path, **how):
        return connect(address + path, ssl=stage.trust, proxy=None, **how)

    return to


def token_of(headers):
    return headers["Authorization"].removeprefix("Bearer ")


async def test_a_socket_acts_for_its_user_whom_it_names(stage, connected):
    headers = stage.signed_in(stage.alice)
    async with connected("/calls", additional_headers=headers) as socket:
        for _ in range(3):
            await socket.send("api/users/me")
            assert (await _json(socket))["name"] == "Alice"

    assert len(stage.exchanges) == 1
    assert stage.partner.calls[0].claims["oid"] == stage.alice.oid


async def test_a_page_brings_the_token_as_a_subprotocol_which_is_not_sent_back(stage, connected):
    offered = ["bearer", token_of(stage.signed_in(stage.alice))]
    async with connected("/calls", subprotocols=offered) as socket:
        assert socket.subprotocol == "bearer"
        assert token_of(stage.signed_in(stage.alice)) not in str(socket.response.headers)
        await socket.send("api/users/me")
        assert (await _json(socket))["name"] == "Alice"


async def test_who_may_not_is_refused_before_the_socket_opens(stage, connected):
    headers = stage.signed_in(stage.alice)
    forged = {"Authorization": headers["Authorization"][:-8] + "AAAAAAAA"}

    answers = []
    for how in (
        {},
        {"additional_headers": forged},
        {"subprotocols": ["bearer", token_of(forged)]},
        {"additional_headers": headers, "subprotocols": ["bearer", token_of(headers)]},
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connected("/calls", **how)
        answers.append(refused.value.response)

    assert [answer.status_code for answer in answers] == [401] * 4
    missing, *invalid = [answer.headers["WWW-Authenticate"] for answer in answers]
    assert missing == "Bearer"
    assert all("invalid_token" in challenge for challenge in invalid)


async def test_a_token_in_the_query_beside_the_field_is_a_bad_request(stage, connected):
    headers = stage.signed_in(stage.alice)
    with pytest.raises(InvalidStatus) as refused:
        await connected(f"/calls?access_token={token_of(headers)}", additional_headers=headers)

    assert refused.value.response.status_code == 400


async def test_a_missing_consent_closes_the_socket_and_says_so(stage, connected):
    async with connected("/calls", additional_headers=stage.signed_in(stage.carol)) as socket:
        await socket.send("api/users/me")
        assert await _closed(socket) == (1008, "consent_required")


async def test_a_silent_socket_is_closed_when_the_token_ends(stage, connected):
    async with connected("/calls", additional_headers=stage.signed_in(stage.alice)) as socket:
        stage.clock.advance(ENDED)
        assert await _closed(socket) == (1008, "invalid_token")


async def test_messages_end_with_the_token(stage, connected):
    async with connected("/messages", additional_headers=stage.signed_in(stage.alice)) as socket:
        await socket.send("one")
        assert await socket.recv() == "one"
        stage.clock.advance(ENDED)
        assert await _closed(socket) == (1008, "over")


async def test_server_sent_events_end_with_the_token_and_do_not_begin_again(stage):
    client = await stage.client(service(stage))
    headers = stage.signed_in(stage.alice)

    async with client.stream("GET", "/changes", headers=headers) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        assert await anext(lines) == "data: first"
        stage.clock.advance(ENDED)
        assert [line async for line in lines] == [""]

    refused = await client.get("/changes", headers=headers)
    assert (refused.status_code, refused.json()["error_description"]) == (
        401,
        "The access token expired.",
    )


async def _json(socket):
    return json.loads(await socket.recv())


async def _closed(socket):
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(10):
            await socket.recv()
    return closed.value.rcvd.code, closed.value.rcvd.reason
