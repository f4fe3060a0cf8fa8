import asyncio
import threading
from typing import Annotated

import anyio.to_thread
import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Security, WebSocket
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient, WebSocketDenialResponse
from tests.support.web_identity import CLIENT, TENANT, StubIdentity, bearer_of, principal

from msidweb.challenge import parse_challenges
from msidweb.errors import InvalidCallError, UserChallengeError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.principal import Principal, ambient_principal

LOGIN = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0"


@pytest.fixture
def identity() -> StubIdentity:
    return StubIdentity()


@pytest.fixture
def entra(identity) -> EntraAuth:
    return EntraAuth(identity)


@pytest.fixture
def app(entra) -> FastAPI:
    app = FastAPI()
    entra.install(app)
    return app


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


def whom() -> str | None:
    caller = ambient_principal()
    return caller.object_id if caller else None


async def test_security_gives_the_caller_who_has_all_scopes(entra, app, client):
    @app.get("/")
    async def read(
        user: Annotated[Principal, Security(entra, scopes=["a.read", "b.read"])],
    ) -> list[str | None]:
        return [user.object_id, whom()]

    both = await client.get("/", headers=bearer_of("alice", "b.read,a.read"))
    one = await client.get("/", headers=bearer_of("alice", "a.read"))
    nobody = await client.get("/")

    assert both.json() == ["alice", "alice"]
    assert (one.status_code, nobody.status_code) == (403, 401)
    (challenge,) = parse_challenges([one.headers["www-authenticate"]])
    assert challenge.parameters == {"error": "insufficient_scope", "scope": "b.read"}
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert whom() is None


async def test_without_scopes_any_valid_token_will_do(entra, app, client):
    @app.get("/", dependencies=[Depends(entra)])
    async def read() -> str | None:
        return whom()

    assert (await client.get("/", headers=bearer_of("alice"))).json() == "alice"
    assert (await client.get("/")).status_code == 401


async def test_scopes_of_router_and_route_add_up(entra, app, client):
    router = APIRouter(dependencies=[Security(entra, scopes=["a.read"])])

    @router.get("/", dependencies=[Security(entra, scopes=["b.read"])])
    async def read() -> str | None:
        return whom()

    app.include_router(router, prefix="/r")

    answers = [
        await client.get("/r/", headers=bearer_of("alice", scopes))
        for scopes in ("a.read", "b.read", "a.read,b.read")
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 200]


@pytest.mark.parametrize(
    "values", [["a.read", "b.read"], "a.read b.read", "a.read,b.read", ["a.read b.read"]]
)
async def test_require_lets_in_whoever_has_one_of_the_scopes_or_roles(entra, app, client, values):
    reader = entra.require(any_scope=values, any_role="R.All W.All")

    @app.get("/")
    async def read(user: Annotated[Principal, Depends(reader)]) -> list[str | None]:
        return [user.object_id, whom()]

    statuses = {
        (scopes, roles): (await client.get("/", headers=bearer_of("x", scopes, roles))).status_code
        for scopes, roles in [("b.read", ""), ("", "W.All"), ("c.read", "X"), ("R.All", "a.read")]
    }
    assert list(statuses.values()) == [200, 200, 403, 403]
    assert (await client.get("/")).status_code == 401
    assert (await client.get("/", headers=bearer_of("x", "a.read"))).json() == ["x", "x"]


async def test_require_can_want_all_scopes_as_well(entra, app, client):
    @app.get("/", dependencies=[Depends(entra.require(scopes="a", any_scope="b c"))])
    async def read() -> None:
        return None

    answers = [
        await client.get("/", headers=bearer_of("x", scopes)) for scopes in ("a", "b", "a,c")
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 200]


@pytest.mark.parametrize("empty", [{}, {"any_scope": []}, {"any_scope": " ", "any_role": ","}])
def test_a_requirement_of_nothing_is_refused_when_declared(entra, empty):
    with pytest.raises(InvalidCallError):
        entra.require(**empty)


def test_an_unknown_scheme_is_refused_when_declared(identity):
    assert EntraAuth(identity, scheme="Bearer").scheme_name == "Bearer"
    with pytest.raises(InvalidCallError, match="Second"):
        EntraAuth(identity, scheme="Second")


async def test_a_named_api_is_one_dependency_and_acts_for_the_caller(entra, app, client):
    @app.get("/")
    async def read(
        user: Annotated[Principal, Security(entra)],
        partner: Annotated[object, Depends(entra.api("PartnerAPI"))],
        apis: Annotated[object, Depends(entra.downstream_api)],
    ) -> list[str | None]:
        return [partner.name, await partner.whom(), await apis.named("GraphAPI").whom()]

    answer = await client.get("/", headers=bearer_of("alice"))

    assert answer.json() == ["PartnerAPI", "alice", "alice"]
    assert entra.api("PartnerAPI") is entra.api("PartnerAPI")
    assert entra.api("PartnerAPI") is not entra.api("GraphAPI")


def test_an_unknown_api_is_refused_when_declared(entra):
    with pytest.raises(InvalidCallError, match="PartnerAPI"):
        entra.api("PartnerApi")


async def test_overriding_the_one_object_replaces_every_caller(entra, app, client):
    @app.get("/user")
    async def user(user: Annotated[Principal, Security(entra, scopes=["a.read"])]) -> str | None:
        return user.object_id

    @app.get("/reader")
    async def reader(
        user: Annotated[Principal, Depends(entra.require(any_scope="a.read"))],
    ) -> str | None:
        return user.object_id

    @app.get("/api")
    async def api(
        partner: Annotated[object, Depends(entra.api("PartnerAPI"))],
        apis: Annotated[object, Depends(entra.downstream_api)],
    ) -> list[str]:
        return [partner, apis]

    app.dependency_overrides[entra] = lambda: principal("tester", scopes=["a.read"])
    app.dependency_overrides[entra.api("PartnerAPI")] = lambda: "fake"
    app.dependency_overrides[entra.downstream_api] = lambda: "fakes"

    assert (await client.get("/user")).json() == "tester"
    assert (await client.get("/reader")).json() == "tester"
    assert (await client.get("/api")).json() == ["fake", "fakes"]
    app.dependency_overrides[entra] = lambda: principal("tester")
    assert (await client.get("/reader")).status_code == 403


async def test_no_dependency_touches_the_thread_pool(entra, app, client):
    @app.get("/")
    async def read(
        user: Annotated[Principal, Security(entra, scopes=["a"])],
        reader: Annotated[Principal, Depends(entra.require(any_scope="a"))],
        partner: Annotated[object, Depends(entra.api("PartnerAPI"))],
        apis: Annotated[object, Depends(entra.downstream_api)],
    ) -> int:
        return threading.get_ident()

    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    async with limiter, asyncio.timeout(5):
        good = await client.get("/", headers=bearer_of("alice", "a"))
        refused = await client.get("/", headers={"Authorization": "Bearer forged"})

    assert (good.status_code, refused.status_code) == (200, 401)


async def test_endpoints_in_the_thread_pool_streams_and_background_tasks_see_the_caller(
    entra, app, client
):
    seen = []

    @app.get("/threaded", dependencies=[Security(entra)])
    def threaded(background: BackgroundTasks) -> str | None:
        background.add_task(lambda: seen.append(whom()))
        return whom()

    @app.get("/streamed", dependencies=[Security(entra)])
    async def streamed() -> StreamingResponse:
        return StreamingResponse(f"{whom()} " for _ in range(3))

    assert (await client.get("/threaded", headers=bearer_of("alice"))).json() == "alice"
    assert (await client.get("/streamed", headers=bearer_of("bob"))).text == "bob bob bob "
    assert seen == ["alice"]


async def test_challenges_of_a_task_group_and_of_gather_are_answered(entra, app, client):
    async def fail(scope: str) -> None:
        raise UserChallengeError("no", scopes=[scope], aadsts=65001)

    @app.get("/group", dependencies=[Security(entra)])
    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail("a"))
            tasks.create_task(fail("b"))

    @app.get("/gather", dependencies=[Security(entra)])
    async def gather() -> None:
        await asyncio.gather(fail("a"), fail("b"))

    grouped = await client.get("/group", headers=bearer_of("alice"))
    gathered = await client.get("/gather", headers=bearer_of("alice"))

    assert (grouped.status_code, sorted(grouped.json()["scopes"])) == (401, ["a", "b"])
    assert (gathered.status_code, gathered.json()["scopes"]) == (401, ["a"])


async def test_a_challenge_from_a_dependency_is_answered(entra, app, client):
    async def dependency() -> None:
        raise UserChallengeError("no", scopes=["a"])

    @app.get("/", dependencies=[Security(entra), Depends(dependency)])
    async def read() -> None:
        return None

    assert (await client.get("/", headers=bearer_of("alice"))).json()["scopes"] == ["a"]


async def test_a_mounted_application_works_with_an_install_of_its_own(entra, app, client):
    inside = FastAPI()
    entra.install(inside)

    @inside.get("/", dependencies=[Security(entra, scopes=["a"])])
    async def read() -> str | None:
        return whom()

    app.mount("/sub", inside)

    assert (await client.get("/sub/", headers=bearer_of("alice", "a"))).json() == "alice"
    assert (await client.get("/sub/", headers=bearer_of("alice"))).status_code == 403
    assert (await client.get("/sub/")).status_code == 401


async def test_a_mounted_application_without_it_lets_nobody_in(entra, app):
    inside = FastAPI()

    @inside.get("/", dependencies=[Security(entra)])
    async def read() -> None:
        return None

    app.mount("/sub", inside)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert (await client.get("/sub/")).status_code == 500


def test_a_web_socket_is_guarded_by_the_same_object(entra, app):
    @app.websocket("/")
    async def greet(
        websocket: WebSocket, user: Annotated[Principal, Security(entra, scopes=["a"])]
    ) -> None:
        await websocket.accept()
        await websocket.send_json([user.object_id, whom()])
        await websocket.close()

    client = TestClient(app)
    with client.websocket_connect("/", headers=bearer_of("alice", "a")) as session:
        assert session.receive_json() == ["alice", "alice"]
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/", headers=bearer_of("alice")),
    ):
        pass
    assert refused.value.status_code == 403


async def test_the_openapi_scheme_is_pkce_with_full_scope_names(entra, app, client):
    reader = entra.require(any_scope="b.read", any_role="R.All")

    @app.get("/user", dependencies=[Security(entra, scopes=["access_as_user"])])
    async def user() -> None:
        return None

    @app.get("/reader", dependencies=[Depends(reader)])
    async def read() -> None:
        return None

    @app.get("/open")
    async def open_to_all() -> None:
        return None

    first, schema = [(await client.get("/openapi.json")).json() for _ in range(2)]

    assert schema == first
    assert schema["components"]["securitySchemes"] == {
        "Bearer": {
            "type": "oauth2",
            "description": "Microsoft Entra ID",
            "flows": {
                "authorizationCode": {
                    "authorizationUrl": f"{LOGIN}/authorize",
                    "tokenUrl": f"{LOGIN}/token",
                    "scopes": {
                        f"api://{CLIENT}/b.read": "b.read",
                        f"api://{CLIENT}/access_as_user": "access_as_user",
                    },
                }
            },
        }
    }
    paths = schema["paths"]
    assert paths["/user"]["get"]["security"] == [{"Bearer": [f"api://{CLIENT}/access_as_user"]}]
    assert paths["/reader"]["get"]["security"] == [{"Bearer": []}]
    assert "security" not in paths["/open"]["get"]


@pytest.mark.parametrize(
    ("audience", "resource"),
    [
        ("https://contoso/api", "https://contoso/api"),
        (CLIENT, f"api://{CLIENT}"),
        (None, f"api://{CLIENT}"),
    ],
)
def test_scopes_belong_to_the_configured_audience(identity, audience, resource):
    identity.options.web_api.audience = audience
    entra, app = EntraAuth(identity), FastAPI()
    entra.install(app)

    @app.get("/", dependencies=[Security(entra)])
    async def read() -> None:
        return None

    flow = app.openapi()["components"]["securitySchemes"]["Bearer"]["flows"]["authorizationCode"]
    assert flow["scopes"] == {f"{resource}/.default": ".default"}


def test_an_application_without_guarded_routes_documents_no_scheme(app):
    assert "components" not in app.openapi()


@pytest.mark.parametrize(("given", "shown"), [(None, CLIENT), ("docs-client", "docs-client")])
async def test_the_docs_page_signs_in_with_pkce(identity, given, shown):
    app = FastAPI()
    EntraAuth(identity).install(app, docs_client_id=given)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api"
    ) as client:
        page = (await client.get("/docs")).text

    assert '"usePkceWithAuthorizationCodeGrant": true' in page
    assert f'"clientId": "{shown}"' in page


def test_settings_of_the_docs_page_that_the_application_made_are_kept(identity):
    app = FastAPI(swagger_ui_init_oauth={"clientId": "mine", "appName": "App"})
    EntraAuth(identity).install(app)

    assert app.swagger_ui_init_oauth == {
        "usePkceWithAuthorizationCodeGrant": True,
        "clientId": "mine",
        "appName": "App",
    }


async def test_a_test_can_put_a_caller_in_place_of_tokens(entra, app, client):
    @app.get("/me")
    async def me(caller: Annotated[Principal, Security(entra, scopes=["a.read"])]):
        return [caller.object_id, ambient_principal() is caller]

    @app.get("/admin", dependencies=[Security(entra, scopes=["a.admin"])])
    async def admin(): ...

    with entra.override(app, principal("alice", scopes=["a.read"])):
        assert (await client.get("/me")).json() == ["alice", True]
        assert (await client.get("/admin")).status_code == 403
    assert (await client.get("/me")).status_code == 401


@pytest.fixture
def open_to_all(entra, app):
    @app.get("/orders")
    async def orders(
        caller: Annotated[Principal | None, Security(entra.optional, scopes=["a.read"])],
    ) -> list[str | None]:
        return [caller.object_id if caller else None, whom()]


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({}, 200, [None, None]),
        (bearer_of("alice", "a.read"), 200, ["alice", "alice"]),
        (bearer_of("alice"), 403, None),
        ({"Authorization": "Bearer forged"}, 401, None),
        ({"Authorization": "Bearer expired"}, 401, None),
    ],
)
async def test_a_caller_may_be_optional_but_never_a_bad_token(
    open_to_all, client, headers, status, body
):
    answer = await client.get("/orders", headers=headers)

    assert answer.status_code == status
    assert body is None or answer.json() == body


async def test_optional_authentication_is_documented_as_such(open_to_all, entra, app):
    @app.get("/mine", dependencies=[Security(entra, scopes=["a.read"])])
    async def mine() -> None:
        return None

    @app.get("/both", dependencies=[Security(entra), Security(entra.optional)])
    async def both() -> None:
        return None

    schema = app.openapi()
    wanted = {"Bearer": [f"api://{CLIENT}/a.read"]}

    assert schema["paths"]["/orders"]["get"]["security"] == [wanted, {}]
    assert schema["paths"]["/mine"]["get"]["security"] == [wanted]
    assert {} not in schema["paths"]["/both"]["get"]["security"]
    assert list(schema["components"]["securitySchemes"]) == ["Bearer"]


async def test_a_test_puts_its_caller_in_place_of_an_optional_one_too(
    open_to_all, entra, app, client
):
    with entra.override(app, principal("alice", scopes=["a.read"])):
        assert (await client.get("/orders")).json() == ["alice", "alice"]
    assert (await client.get("/orders")).json() == [None, None]
    app.dependency_overrides[entra.optional] = lambda: None
    assert (await client.get("/orders", headers=bearer_of("bob", "a.read"))).json()[0] is None
