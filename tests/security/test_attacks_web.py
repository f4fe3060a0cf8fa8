"""Ways around a guard, and what its answers tell about why they failed."""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Security
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.support.signing import NOW, OTHER_TENANT, KeyPair, app_claims, user_claims
from tests.support.validating import KEY, Bench
from tests.support.web_identity import StubIdentity

from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.starlette import EntraGuard, install
from msidweb.principal import Principal, ambient_principal


@pytest.fixture
def identity():
    """An identity with a real validator."""
    identity = StubIdentity()
    identity.token_validator = Bench().validator
    return identity


def client(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://api.example")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


REFUSED = {
    "no token at all": "junk",
    "unsigned": KEY.token(user_claims(), alg="none").rpartition(".")[0] + ".",
    "encrypted": "a.b.c.d.e",
    "of an unknown key": KEY.token(user_claims(), kid="unknown"),
    "of a stranger's key": KeyPair(KEY.kid).token(user_claims()),
    "for another audience": KEY.token(user_claims(aud="other")),
    "of another tenant": KEY.token(user_claims(tid=OTHER_TENANT)),
    "an ID token": KEY.token(user_claims(scp=None, azp=None)),
    "an ID token with roles": KEY.token(user_claims(scp=None, roles=["Things.Read.All"])),
    "an application's without roles": KEY.token(app_claims(roles=None)),
    "bound to a key": KEY.token(user_claims(cnf={"kid": "x"})),
    "not valid yet": KEY.token(user_claims(nbf=int(NOW) + 1_000, exp=int(NOW) + 9_000)),
    "of the future, and expired for a stranger": KeyPair(KEY.kid).token(user_claims(exp=1)),
    "too long": "a" * 70_000,
}


async def test_325_refusals_are_equal_to_the_byte(identity):
    app = FastAPI()
    entra = EntraAuth(identity)
    entra.install(app)
    app.get("/")(_enter(entra))
    async with client(app) as calls:
        assert (await calls.get("/", headers=bearer(KEY.token(user_claims())))).text == '"in"'
        answers = [await calls.get("/", headers=bearer(token)) for token in REFUSED.values()]
    assert len({(a.status_code, a.content, tuple(a.headers.multi_items())) for a in answers}) == 1
    assert answers[0].status_code == 401


def _enter(entra: EntraAuth):
    async def enter(_: Annotated[Principal, Depends(entra)]) -> str:
        return "in"

    return enter


async def test_scopes_reach_the_dependencies_of_a_dependency(identity):
    app = FastAPI()
    entra = EntraAuth(identity)
    entra.install(app)

    async def tenant_of(caller: Annotated[Principal, Depends(entra)]) -> str:
        return caller.tenant_id

    @app.get("/")
    async def admin(_: Annotated[str, Security(tenant_of, scopes=["admin"])]) -> str:
        return "in"

    async with client(app) as calls:
        assert (await calls.get("/", headers=bearer(KEY.token(user_claims())))).status_code == 403
        with_scope = bearer(KEY.token(user_claims(scp="admin")))
        assert (await calls.get("/", headers=with_scope)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_no_method_passes_a_guard(identity, method):
    async def inside(_: object) -> PlainTextResponse:
        return PlainTextResponse("in")

    guard = [Middleware(EntraGuard, identity, any_scope="access_as_user")]
    app = Starlette(routes=[Route("/", inside, methods=["GET", "OPTIONS"], middleware=guard)])
    install(app, identity)
    async with client(app) as calls:
        assert (await calls.request(method, "/")).status_code == 401
        headers = bearer(KEY.token(user_claims(scp="other")))
        assert (await calls.request(method, "/", headers=headers)).status_code == 403


async def test_a_token_that_nobody_judged_makes_nobody_ambient(identity):
    app = FastAPI()
    EntraAuth(identity).install(app)

    @app.get("/")
    async def unguarded() -> bool:
        return ambient_principal() is None

    async with client(app) as calls:
        assert (await calls.get("/", headers=bearer(KEY.token(user_claims())))).json() is True
