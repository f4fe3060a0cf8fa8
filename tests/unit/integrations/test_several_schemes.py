"""Routes of several authentication schemes, in FastAPI and Starlette."""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Security
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.support.several_schemes import KEY, Service
from tests.support.signing import CLIENT, NOW, OTHER_TENANT, TENANT, user_claims

from msidweb.errors import ConfigurationError, InvalidCallError, UserChallengeError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.starlette import EntraBackend, EntraGuard, EntraMiddleware, install
from msidweb.principal import Principal, ambient_principal

OTHER_CLIENT = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
US = "https://login.microsoftonline.us"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


FIRST = bearer(KEY.token(user_claims()))
SECOND = bearer(
    KEY.token(user_claims(aud=OTHER_CLIENT, tid=OTHER_TENANT, iss=f"{US}/{OTHER_TENANT}/v2.0"))
)
NEITHER = bearer(KEY.token(user_claims(aud="https://elsewhere.example")))


@pytest.fixture
async def identity():
    service = Service(
        NOW,
        {
            "Bearer": {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": "one"},
            "Second": {
                "tenant_id": OTHER_TENANT,
                "client_id": OTHER_CLIENT,
                "client_secret": "two",
                "instance": US,
                "scopes": "c.read",
            },
        },
    )
    async with service.identity as identity:
        yield identity


async def whom(request: Request) -> PlainTextResponse:
    caller = ambient_principal()
    return PlainTextResponse(caller.scheme if caller else "nobody")


def client_of(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")


@pytest.fixture
def app(identity) -> FastAPI:
    first, second = EntraAuth(identity), EntraAuth(identity, scheme="Second")
    either = EntraAuth(identity, schemes=["Bearer", "Second"])
    app = FastAPI()
    for entra in (first, second, either):
        entra.install(app)

    @app.get("/first")
    async def of_first(user: Annotated[Principal, Depends(first)]) -> str:
        return user.scheme

    @app.get("/second")
    async def of_second(user: Annotated[Principal, Depends(second)]) -> str:
        return user.scheme

    @app.get("/either")
    async def of_either(
        user: Annotated[Principal, Security(either, scopes=["access_as_user"])],
    ) -> str:
        assert ambient_principal() is user
        return user.scheme

    @app.get("/consent")
    async def consent(user: Annotated[Principal, Depends(either)]) -> None:
        raise UserChallengeError("Consent is missing.", scopes=["a"], aadsts=65001)

    return app


@pytest.mark.parametrize(
    ("path", "headers", "status", "scheme"),
    [
        ("/first", FIRST, 200, "Bearer"),
        ("/first", SECOND, 401, None),
        ("/second", FIRST, 401, None),
        ("/second", SECOND, 200, "Second"),
        ("/either", FIRST, 200, "Bearer"),
        ("/either", SECOND, 200, "Second"),
        ("/either", NEITHER, 401, None),
        ("/either", {}, 401, None),
    ],
)
async def test_a_route_takes_the_callers_of_its_schemes(app, path, headers, status, scheme):
    async with client_of(app) as client:
        answer = await client.get(path, headers=headers)

    assert answer.status_code == status
    if scheme:
        assert answer.json() == scheme


async def test_refusals_of_several_schemes_are_one_challenge(app):
    async with client_of(app) as client:
        answer = await client.get("/either", headers=NEITHER)

    text = "The access token is invalid."
    assert answer.headers.get_list("www-authenticate") == [
        f'Bearer error="invalid_token", error_description="{text}"'
    ]
    assert answer.json() == {"error": "invalid_token", "error_description": text}


@pytest.mark.parametrize(
    ("headers", "authority"),
    [(FIRST, f"https://login.microsoftonline.com/{TENANT}"), (SECOND, f"{US}/{OTHER_TENANT}")],
)
async def test_a_challenge_names_the_authority_of_the_callers_scheme(app, headers, authority):
    async with client_of(app) as client:
        answer = await client.get("/consent", headers=headers)

    uri = f'authorization_uri="{authority}/oauth2/v2.0/authorize"'
    assert uri in answer.headers["www-authenticate"]


def test_installed_by_every_scheme_the_middleware_stands_once(app):
    assert [item.cls for item in app.user_middleware] == [EntraMiddleware]


def test_the_docs_show_every_scheme_and_either_as_alternatives(app):
    app.openapi()
    schema = app.openapi()

    assert list(schema["components"]["securitySchemes"]) == ["Bearer", "Second"]
    second = schema["components"]["securitySchemes"]["Second"]["flows"]["authorizationCode"]
    assert second["authorizationUrl"] == f"{US}/{OTHER_TENANT}/oauth2/v2.0/authorize"
    assert second["scopes"] == {f"api://{OTHER_CLIENT}/c.read": "c.read"} | {
        f"api://{OTHER_CLIENT}/access_as_user": "access_as_user"
    }
    assert schema["paths"]["/second"]["get"]["security"] == [{"Second": []}]
    assert schema["paths"]["/either"]["get"]["security"] == [
        {"Bearer": [f"api://{CLIENT}/access_as_user"]},
        {"Second": [f"api://{OTHER_CLIENT}/access_as_user"]},
    ]


@pytest.mark.parametrize("make", [EntraAuth, EntraBackend, lambda i, **k: EntraGuard(whom, i, **k)])
@pytest.mark.parametrize(
    "given",
    [
        {"scheme": "Secnd"},
        {"schemes": ["Bearer", "Nope"]},
        {"schemes": []},
        {"schemes": [None]},
        {"schemes": ["Bearer", 3]},
        {"schemes": ["Bearer"], "scheme": "Second"},
    ],
)
def test_schemes_that_cannot_be_meant_are_refused_where_they_stand(identity, make, given):
    with pytest.raises(InvalidCallError):
        make(identity, **given)


async def test_guards_and_backends_take_schemes_too(identity):
    second = Middleware(EntraGuard, identity, scheme="Second", any_scope="access_as_user")
    either = Middleware(EntraGuard, identity, schemes=["Second", "Bearer"])
    app = Starlette(
        routes=[
            Route("/second", whom, middleware=[second]),
            Route("/either", whom, middleware=[either]),
        ]
    )
    install(app, identity)
    by_backend = Starlette(routes=[Route("/", whom)])
    backend = EntraBackend(identity, schemes=["Bearer", "Second"])
    by_backend.add_middleware(AuthenticationMiddleware, backend=backend)
    install(by_backend, identity)

    async with client_of(app) as client:
        seen = [
            (await client.get(path, headers=headers)).text
            for path in ("/second", "/either")
            for headers in (FIRST, SECOND)
        ]
    async with client_of(by_backend) as client:
        backed = [(await client.get("/", headers=headers)).text for headers in ({}, FIRST, SECOND)]

    assert seen[1:] == ["Second", "Bearer", "Second"]
    assert "invalid_token" in seen[0]
    assert backed == ["nobody", "Bearer", "Second"]


def test_a_guard_reads_names_from_the_configuration(identity):
    with pytest.raises(ConfigurationError, match="AzureAd:Scopes"):
        EntraGuard(whom, identity, required_scopes_configuration_key="AzureAd:Scopes")
