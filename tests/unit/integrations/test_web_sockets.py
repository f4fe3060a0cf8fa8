"""How a WebSocket's handshake is refused, and how a page brings its token."""

import contextlib

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect
from tests.support.web_identity import StubIdentity, bearer_of

from msidweb.errors import ExpiredTokenError, MetadataUnavailableError
from msidweb.integrations.starlette import EntraGuard, EntraMiddleware, install
from msidweb.principal import ambient_principal

TOKEN = "alice;a.read;"  # no subprotocol of RFC 6455, which TestClient does not mind


@pytest.fixture
def identity() -> StubIdentity:
    return StubIdentity()


async def greet(websocket):
    await websocket.accept()
    caller = ambient_principal()
    fields = [websocket.headers.get(name) for name in ("authorization", "sec-websocket-protocol")]
    await websocket.send_json([caller.object_id, websocket.scope["subprotocols"], fields[1]])
    await websocket.close()


def app_of(identity, endpoint=greet) -> Starlette:
    guard = Middleware(EntraGuard, identity, any_scope="a.read")
    app = Starlette(routes=[WebSocketRoute("/", endpoint, middleware=[guard])])
    install(app, identity)
    return app


def connected(app, subprotocols=None, headers=None):
    return TestClient(app).websocket_connect("/", subprotocols=subprotocols, headers=headers or {})


def without_denial(app):
    """A server that can only close."""

    async def served(scope, receive, send):
        await app({**scope, "extensions": {}}, receive, send)

    return served


REFUSED = [
    ({}, 401, "missing_token"),
    (bearer_of("alice"), 403, "insufficient_scope"),
    ({"Authorization": "Bearer forged"}, 401, "invalid_token"),
    ({"Authorization": "Bearer expired"}, 401, "invalid_token"),
]


@pytest.mark.parametrize(("headers", "status", "error"), REFUSED)
def test_a_web_socket_is_refused_as_a_request_is(identity, headers, status, error):
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        connected(app_of(identity), headers=headers),
    ):
        pass

    answer = refused.value
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("headers", "status", "error"), REFUSED)
def test_a_server_that_can_only_close_closes_with_1008(identity, headers, status, error):
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        connected(without_denial(app_of(identity)), headers=headers),
    ):
        pass

    assert (refused.value.code, refused.value.reason) == (1008, error)


def test_keys_that_never_came_are_a_503(identity):
    async def fails(fields, *, query_string):
        raise MetadataUnavailableError("not yet", retry_after=5)

    identity.token_validator.validate_authorization = fails
    with pytest.raises(WebSocketDenialResponse) as refused, connected(app_of(identity)):
        pass

    assert (refused.value.status_code, refused.value.headers["retry-after"]) == (503, "5")


def test_plain_asgi_is_refused_by_the_middleware(identity):
    async def never(scope, receive, send):
        raise AssertionError

    app = EntraMiddleware(EntraGuard(never, identity), identity)
    with pytest.raises(WebSocketDenialResponse) as refused, connected(app):
        pass

    assert refused.value.status_code == 401


@pytest.mark.parametrize("says", [[], ["hello"]], ids=["silent", "after a message"])
def test_an_open_socket_of_plain_asgi_is_closed_by_the_middleware(identity, says):
    async def expires(scope, receive, send):
        await send({"type": "websocket.accept"})
        for text in says:
            await send({"type": "websocket.send", "text": text})
        raise ExpiredTokenError("over", rule="C3")

    app = EntraMiddleware(EntraGuard(expires, identity), identity)
    with connected(app, headers=bearer_of("alice")) as session:
        assert [session.receive_text() for _ in says] == says
        with pytest.raises(WebSocketDisconnect) as closed:
            session.receive_text()

    assert (closed.value.code, closed.value.reason) == (1008, "invalid_token")


async def test_a_socket_that_was_closed_is_not_closed_again(identity):
    sent = []

    async def late(scope, receive, send):
        for kind in ("websocket.accept", "websocket.close"):
            await send({"type": kind})
        raise ExpiredTokenError("over", rule="C3")

    async def receive():
        raise AssertionError

    async def send(message):
        sent.append(message["type"])

    headers = [(b"authorization", b"Bearer alice")]
    app = EntraMiddleware(EntraGuard(late, identity), identity)
    with pytest.raises(ExpiredTokenError):
        await app({"type": "websocket", "headers": headers}, receive, send)

    assert sent == ["websocket.accept", "websocket.close"]


def test_a_page_brings_its_token_as_the_subprotocol_after_bearer(identity):
    with connected(app_of(identity), ["bearer", TOKEN]) as session:
        assert session.accepted_subprotocol == "bearer"
        assert session.receive_json() == ["alice", [], None]


@pytest.mark.parametrize(
    "offered", [["v2", "v1", "bearer", TOKEN], ["bearer", TOKEN, "v2", "v1"]], ids=str
)
def test_the_application_sees_its_own_subprotocols_and_never_the_token(identity, offered):
    async def choosing(websocket):
        await websocket.accept(subprotocol="v1")
        await websocket.send_json(websocket.scope["subprotocols"])
        await websocket.send_json(websocket.headers["sec-websocket-protocol"])
        await websocket.close()

    with connected(app_of(identity, choosing), offered) as session:
        assert session.accepted_subprotocol == "v1"
        assert session.receive_json() == ["v2", "v1"]
        assert session.receive_json() == "v2, v1"


@pytest.mark.parametrize(
    ("offered", "headers"),
    [
        (["bearer", TOKEN], bearer_of("alice", "a.read")),
        (["bearer", TOKEN, "bearer", TOKEN], {}),
    ],
)
def test_a_second_token_is_a_reason_to_refuse(identity, offered, headers):
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        connected(app_of(identity), offered, headers),
    ):
        pass

    assert refused.value.status_code == 401
    assert len(identity.token_validator.seen[0]) == 3


@pytest.mark.parametrize("offered", [["bearer"], ["v1", TOKEN], ["Bearer", TOKEN], [TOKEN]])
def test_nothing_else_among_the_subprotocols_is_a_token(identity, offered):
    with pytest.raises(WebSocketDenialResponse) as refused, connected(app_of(identity), offered):
        pass

    assert refused.value.status_code == 401


async def test_signs_that_no_field_has_are_refused_like_any_other(identity):
    scope = {"type": "websocket", "headers": [], "subprotocols": ["€", "bearer", "to€ken"]}
    sent = []

    async def send(message):
        sent.append(message)

    await app_of(identity)({**scope, "path": "/"}, None, send)

    assert sent[0]["type"] == "websocket.close"
    assert identity.token_validator.seen == [(b"Bearer to?ken", b"")]


def test_a_token_in_the_query_is_none(identity):
    app = app_of(identity)
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        TestClient(app).websocket_connect(f"/?access_token={TOKEN}"),
    ):
        pass

    assert refused.value.json()["error"] == "missing_token"


def test_a_mounted_application_of_another_identity_finds_the_token_too(identity):
    other = StubIdentity()
    app = Starlette(routes=[Mount("/", app_of(other))])
    install(app, identity)

    with connected(app, ["bearer", TOKEN]) as session:
        assert session.accepted_subprotocol == "bearer"
        assert session.receive_json()[0] == "alice"


def test_the_requests_own_scope_stays_as_the_server_made_it(identity):
    scopes = []

    async def served(scope, receive, send):
        scopes.append(scope)
        await app_of(identity)(scope, receive, send)

    with contextlib.suppress(WebSocketDisconnect), connected(served, ["bearer", TOKEN]):
        pass

    [scope] = scopes
    assert scope["subprotocols"] == ["bearer", TOKEN]
    assert "msidweb.seat" not in scope
