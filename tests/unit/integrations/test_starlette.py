import asyncio
import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tests.support.web_identity import TENANT, StubIdentity, StubValidator, bearer_of

from msidweb.challenge import parse_challenges
from msidweb.errors import (
    AuthorizationError,
    CredentialError,
    ExpiredTokenError,
    InvalidCallError,
    MetadataUnavailableError,
    ThrottledError,
    UserChallengeError,
)
from msidweb.integrations.starlette import (
    EntraBackend,
    EntraGuard,
    EntraMiddleware,
    authenticate,
    install,
)
from msidweb.principal import ambient_principal
from msidweb.telemetry import RequestFailed, RequestRefused, current_correlation_id


class FailingValidator(StubValidator):
    async def validate_authorization(self, fields, *, query_string=b""):
        raise MetadataUnavailableError("The keys are not known yet.", retry_after=1)


@pytest.fixture
def identity() -> StubIdentity:
    return StubIdentity()


def client_of(app, **options) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, **options)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


def whom() -> str | None:
    caller = ambient_principal()
    return caller.object_id if caller else None


async def tell(request) -> JSONResponse:
    return JSONResponse(whom())


def guarded(identity, endpoint=tell, **requirement) -> Starlette:
    guard = Middleware(EntraGuard, identity, **requirement)
    app = Starlette(routes=[Route("/", endpoint, middleware=[guard])])
    install(app, identity)
    return app


def raising(identity, error) -> Starlette:
    async def endpoint(request):
        raise error

    return guarded(identity, endpoint)


async def test_a_valid_token_makes_its_caller_ambient_in_the_request_only(identity):
    async with client_of(guarded(identity)) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert (answer.status_code, answer.json()) == (200, "alice")
    assert whom() is None
    assert current_correlation_id() is None


async def test_the_validator_gets_all_fields_and_the_query_as_they_came(identity):
    async with client_of(guarded(identity)) as client:
        fields = [("authorization", "Bearer a"), ("Authorization", "")]
        answer = await client.get("/?q=1", headers=fields)

    assert answer.status_code == 401
    assert identity.token_validator.seen == [(b"Bearer a", b"", b"q=1")]


async def test_no_token_is_401_with_a_bare_challenge(identity):
    async with client_of(guarded(identity)) as client:
        answer = await client.get("/")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_in_the_query_beside_the_field_is_a_bad_request(identity):
    async with client_of(guarded(identity)) as client:
        answer = await client.get("/?access_token=alice", headers=bearer_of("alice"))

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


async def test_refusals_have_at_most_three_bodies_and_no_detail(identity):
    async with client_of(guarded(identity)) as client:
        answers = [
            await client.get("/", headers=headers)
            for headers in (
                {},
                {"Authorization": "Bearer expired"},
                {"Authorization": "Bearer forged"},
                {"Authorization": "Basic YQ=="},
            )
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 3
    assert not any("CANARY" in f"{answer.text}{answer.headers}" for answer in answers)


async def test_a_guard_wants_what_it_names(identity):
    app = guarded(identity, any_scope="a.read b.read", any_role=["R.All"])
    async with client_of(app) as client:
        in_by_scope = await client.get("/", headers=bearer_of("alice", "b.read"))
        in_by_role = await client.get("/", headers=bearer_of("job", "", "R.All"))
        out = await client.get("/", headers=bearer_of("alice", "c.read"))

    assert (in_by_scope.status_code, in_by_role.status_code) == (200, 200)
    assert out.status_code == 403
    (challenge,) = parse_challenges([out.headers["www-authenticate"]])
    assert challenge.parameters == {"error": "insufficient_scope", "scope": "a.read b.read"}


def test_a_guard_that_requires_nothing_by_mistake_is_refused(identity):
    with pytest.raises(InvalidCallError):
        EntraGuard(tell, identity, any_scope=[])


async def test_without_the_middleware_nobody_gets_in_and_the_error_says_what_to_call(identity):
    async def endpoint(request):
        return JSONResponse((await authenticate(request, identity)).object_id)

    async with client_of(Starlette(routes=[Route("/", endpoint)])) as client:
        with pytest.raises(InvalidCallError, match="call install"):
            await client.get("/", headers=bearer_of("alice"))


async def test_an_endpoint_in_the_thread_pool_sees_the_caller(identity):
    def endpoint(request):
        return JSONResponse(whom())

    async with client_of(guarded(identity, endpoint)) as client:
        assert (await client.get("/", headers=bearer_of("alice"))).json() == "alice"


async def test_the_caller_stays_while_the_body_streams_and_in_background_work(identity):
    seen = []

    async def endpoint(request):
        async def body():
            for _ in range(3):
                await asyncio.sleep(0)
                yield f"{whom()} "

        return StreamingResponse(body(), background=BackgroundTask(lambda: seen.append(whom())))

    async with client_of(guarded(identity, endpoint)) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.text == "alice alice alice "
    assert seen == ["alice"]


async def test_a_task_started_in_the_request_keeps_its_caller_after_the_answer(identity):
    gate, tasks = asyncio.Event(), []

    async def later():
        await gate.wait()
        return whom()

    async def endpoint(request):
        tasks.append(asyncio.create_task(later()))
        return JSONResponse(None)

    async with client_of(guarded(identity, endpoint)) as client:
        await client.get("/", headers=bearer_of("alice"))
        await client.get("/", headers=bearer_of("bob"))
    gate.set()

    assert await asyncio.gather(*tasks) == ["alice", "bob"]


async def test_a_middleware_of_the_application_between_changes_nothing(identity):
    class Between(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            response.headers["x-caller"] = str(whom())
            return response

    app = Starlette(
        routes=[Route("/", tell, middleware=[Middleware(EntraGuard, identity)])],
        middleware=[Middleware(EntraMiddleware, identity), Middleware(Between)],
    )
    async with client_of(app) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert (answer.json(), answer.headers["x-caller"]) == ("alice", "alice")


async def test_each_request_has_a_correlation_id_of_its_own(identity):
    async def endpoint(request):
        return JSONResponse(current_correlation_id())

    async with client_of(guarded(identity, endpoint)) as client:
        first, second = [
            (await client.get("/", headers=bearer_of("alice"))).json() for _ in range(2)
        ]

    assert first
    assert second
    assert first != second


async def test_lifespan_passes_through(identity):
    started = []

    async def app(scope, receive, send):
        started.append(scope["type"])

    await EntraMiddleware(app, identity)({"type": "lifespan"}, None, None)
    await EntraGuard(app, identity)({"type": "lifespan"}, None, None)

    assert started == ["lifespan", "lifespan"]


async def test_a_mounted_application_with_the_same_identity_shares_the_seat(identity):
    app = Starlette(routes=[Mount("/sub", guarded(identity))])
    install(app, identity)

    async with client_of(app) as client:
        assert (await client.get("/sub/", headers=bearer_of("alice"))).json() == "alice"
        assert (await client.get("/sub/")).status_code == 401


async def test_a_mounted_application_with_another_identity_has_its_own_caller(identity):
    other = StubIdentity()
    inner = Starlette(routes=[Route("/", tell)])
    install(inner, other)
    outer_sees = []

    async def outer(scope, receive, send):
        await inner(scope, receive, send)
        outer_sees.append(whom())

    app = EntraMiddleware(EntraGuard(outer, identity), identity)
    async with client_of(app) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.json() is None
    assert outer_sees == ["alice"]


async def test_a_challenge_is_answered_as_the_guide_does(identity):
    error = UserChallengeError("CANARY", scopes=["api://partner/read"], aadsts=65001)
    async with client_of(raising(identity, error)) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.status_code == 401
    assert answer.json() == {
        "error": "consent_required",
        "error_description": "Additional user consent required",
        "scopes": ["api://partner/read"],
        "claims": None,
    }
    (challenge,) = parse_challenges([answer.headers["www-authenticate"]])
    assert challenge.parameters == {
        "error": "consent_required",
        "scope": "api://partner/read",
        "authorization_uri": f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/authorize",
    }


async def test_challenges_in_a_task_group_are_one_answer(identity):
    async def fail(scope):
        raise UserChallengeError("no", scopes=[scope], aadsts=65001)

    async def endpoint(request):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail("a"))
            group.create_task(fail("b"))

    async with client_of(guarded(identity, endpoint)) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.status_code == 401
    assert sorted(answer.json()["scopes"]) == ["a", "b"]


async def test_gather_raises_the_first_and_that_is_answered(identity):
    async def fail(scope):
        raise UserChallengeError("no", scopes=[scope])

    async def endpoint(request):
        await asyncio.gather(fail("a"), fail("b"))

    async with client_of(guarded(identity, endpoint)) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.json()["scopes"] == ["a"]


async def test_a_failure_behind_the_api_is_502_logged_and_without_detail(identity, caplog):
    cause = CredentialError("AADSTS1.", remedy="renew it", correlation_id="cid")
    error = ExceptionGroup("", [UserChallengeError("no"), cause])
    with caplog.at_level(logging.WARNING, "msidweb"):
        async with client_of(raising(identity, error)) as client:
            answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.status_code == 502
    assert "AADSTS" not in answer.text
    assert identity.events == [
        RequestFailed(
            correlation_id="cid",
            status=502,
            code="credential_rejected",
            detail="AADSTS1. (renew it)",
            tenant_id=TENANT,
            object_id="alice",
            user_name="alice@example.com",
        )
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "msidweb.request_failed correlation_id=cid" in caplog.text
    assert "detail=AADSTS1. (renew it)" in caplog.text


async def test_a_refusal_for_want_of_permission_is_told_to_the_log(identity, caplog):
    ids = []

    async def endpoint(request):
        ids.append(current_correlation_id())
        raise AuthorizationError("The caller lacks a scope.", missing_scopes=["a.read"])

    with caplog.at_level(logging.INFO, "msidweb.integrations"):
        async with client_of(guarded(identity, endpoint)) as client:
            assert (await client.get("/", headers=bearer_of("alice"))).status_code == 403

    (event,) = identity.events
    assert isinstance(event, RequestRefused)
    assert (event.status, event.code, event.user_name) == (
        403,
        "insufficient_scope",
        "alice@example.com",
    )
    assert [event.correlation_id] == ids
    assert f"msidweb.request_refused correlation_id={ids[0]}" in caplog.text


async def test_a_token_in_an_error_of_the_application_is_hidden_from_log_and_hooks(
    identity, caplog
):
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln"
    error = AuthorizationError(f"{token} is not enough.", missing_scopes=["a.read"])
    with caplog.at_level(logging.INFO, "msidweb.integrations"):
        async with client_of(raising(identity, error)) as client:
            await client.get("/", headers=bearer_of("alice"))

    assert [event.detail for event in identity.events] == ["[hidden] is not enough."]
    assert "eyJ" not in caplog.text


async def test_a_failure_before_the_caller_is_known_names_nobody(identity):
    identity.token_validator = FailingValidator()
    async with client_of(guarded(identity)) as client:
        assert (await client.get("/", headers=bearer_of("alice"))).status_code == 503

    (event,) = identity.events
    assert isinstance(event, RequestFailed)
    assert (event.tenant_id, event.object_id, event.user_name) == (None, None, None)


async def test_a_wait_that_entra_asks_for_is_passed_on(identity):
    async with client_of(raising(identity, ThrottledError("wait", retry_after=7))) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("CANARY"),
        InvalidCallError("CANARY"),
        ExceptionGroup("", [UserChallengeError("no"), ValueError("CANARY")]),
    ],
)
async def test_what_is_not_ours_or_a_mistake_goes_on_to_the_framework(identity, error):
    app = raising(identity, error)
    async with client_of(app) as client:
        with pytest.raises(type(error)) as caught:
            await client.get("/", headers=bearer_of("alice"))
    async with client_of(app, raise_app_exceptions=False) as client:
        answer = await client.get("/", headers=bearer_of("alice"))

    assert caught.value is error
    assert answer.status_code == 500
    assert "CANARY" not in answer.text


async def test_an_error_in_a_middleware_inside_is_answered_too(identity):
    class Failing(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            async with asyncio.TaskGroup() as group:
                group.create_task(self.fail())

        async def fail(self):
            raise UserChallengeError("no", scopes=["a"])

    app = Starlette(
        routes=[Route("/", tell)],
        middleware=[Middleware(EntraMiddleware, identity), Middleware(Failing)],
    )
    async with client_of(app) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.json()["scopes"]) == (401, ["a"])


async def test_an_error_after_the_answer_began_is_not_answered_twice(identity):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise UserChallengeError("late")

    async with client_of(EntraMiddleware(app, identity)) as client:
        with pytest.raises(UserChallengeError):
            await client.get("/")


def with_backend(identity) -> Starlette:
    @requires("a.read")
    async def reader(request):
        return JSONResponse(
            [
                whom(),
                request.user.is_authenticated,
                request.user.display_name,
                request.user.identity,
            ]
        )

    @requires("authenticated")
    async def member(request):
        return JSONResponse(request.user.principal.object_id)

    async def anyone(request):
        return JSONResponse([whom(), request.user.is_authenticated])

    routes = [Route("/reader", reader), Route("/member", member), Route("/anyone", anyone)]
    backend = Middleware(AuthenticationMiddleware, backend=EntraBackend(identity))
    app = Starlette(routes=routes, middleware=[backend])
    install(app, identity)
    return app


async def test_the_backend_serves_requires_from_the_scopes_of_the_token(identity):
    async with client_of(with_backend(identity)) as client:
        reader = await client.get("/reader", headers=bearer_of("alice", "a.read"))
        stranger = await client.get("/reader", headers=bearer_of("alice", "b.read"))
        member = await client.get("/member", headers=bearer_of("alice", "b.read"))
        nobody = await client.get("/member")

    assert reader.json() == ["alice", True, "Alice", f"{TENANT}/alice"]
    assert stranger.status_code == 403
    assert member.json() == "alice"
    assert nobody.status_code == 403


async def test_the_backend_lets_anonymous_requests_pass_and_refuses_bad_tokens(identity):
    async with client_of(with_backend(identity)) as client:
        nobody = await client.get("/anyone")
        forged = await client.get("/anyone", headers={"Authorization": "Bearer forged"})
        twice = await client.get("/anyone", headers=[("Authorization", "Bearer alice")] * 2)

    assert nobody.json() == [None, False]
    assert (forged.status_code, twice.status_code) == (401, 401)
    assert 'error="invalid_token"' in forged.headers["www-authenticate"]


async def test_a_backend_outside_of_the_middleware_is_a_mistake_that_lets_nobody_in(identity):
    app = guarded(identity)
    app.add_middleware(AuthenticationMiddleware, backend=EntraBackend(identity))

    async with client_of(app) as client:
        with pytest.raises(InvalidCallError, match="install"):
            await client.get("/", headers=bearer_of("alice"))


def with_socket(identity, endpoint) -> TestClient:
    guard = Middleware(EntraGuard, identity, any_scope="a.read")
    app = Starlette(routes=[WebSocketRoute("/", endpoint, middleware=[guard])])
    install(app, identity)
    return TestClient(app)


async def greet(websocket):
    await websocket.accept()
    await websocket.send_json(whom())
    await websocket.close()


def test_a_web_socket_sees_its_caller(identity):
    with with_socket(identity, greet).websocket_connect(
        "/", headers=bearer_of("alice", "a.read")
    ) as session:
        assert session.receive_json() == "alice"


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (UserChallengeError("no", aadsts=65001), 1008, "consent_required"),
        (ExpiredTokenError("no", rule="C3"), 1008, "invalid_token"),
        (CredentialError("no"), 1011, "upstream_failed"),
    ],
)
def test_an_error_on_an_open_web_socket_closes_it_and_says_which(identity, error, code, reason):
    async def endpoint(websocket):
        await websocket.accept()
        raise error

    with (
        with_socket(identity, endpoint).websocket_connect(
            "/", headers=bearer_of("alice", "a.read")
        ) as session,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        session.receive_text()

    assert (closed.value.code, closed.value.reason) == (code, reason)


def test_an_error_after_a_web_socket_closed_is_answered_by_nothing_more(identity):
    async def endpoint(websocket):
        await websocket.accept()
        await websocket.close()
        raise UserChallengeError("late")

    with (
        with_socket(identity, endpoint).websocket_connect(
            "/", headers=bearer_of("alice", "a.read")
        ) as session,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        session.receive_text()

    assert closed.value.code == 1000
