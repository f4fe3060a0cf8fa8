"""authorization.json: how an endpoint is guarded, and which callers get what."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Security
from tests.support.several_schemes import KEY, LoginHosts
from tests.support.signing import CLIENT, NOW, TENANT, app_claims, user_claims

from msidweb import ConfigurationError, Identity, IdentityBuilder, InvalidCallError, Principal
from msidweb.configuration import Configuration
from msidweb.errors import MsidwebError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.testing import ManualClock

GOLDEN: dict[str, Any] = json.loads(
    Path(__file__).with_name("authorization.json").read_text(encoding="utf-8")
)
ROWS = {row["name"]: row for row in GOLDEN["endpoints"]}
EVERYBODY = [
    caller for callers in ROWS["RequireScope(a.read)"]["statuses"].values() for caller in callers
]

Guard = Callable[[EntraAuth], list[Any]]
SCOPES_AT, ROLES_AT = (
    "required_scopes_configuration_key",
    "required_app_permissions_configuration_key",
)


def one(**requirement: Any) -> Guard:
    return lambda entra: [Depends(entra.require(**requirement))]


def two(first: Mapping[str, Any], second: Mapping[str, Any]) -> Guard:
    return lambda entra: [Depends(entra.require(**first)), Depends(entra.require(**second))]


GUARDS: dict[str, Guard] = {
    "RequireScope(a.read)": lambda entra: [Security(entra, scopes=["a.read"])],
    "RequireScope(a.read) without RequireAuthorization": one(any_scope="a.read"),
    "[RequiredScope()] with nothing": one(),
    "key, 'a.read b.read'": one(**{SCOPES_AT: "AzureAd:Spaced"}),
    "key, 'a.read,b.read'": one(**{SCOPES_AT: "AzureAd:Comma"}),
    "key, list": one(**{SCOPES_AT: "AzureAd:List"}),
    "key and values (c.read)": one(any_scope="c.read", **{SCOPES_AT: "AzureAd:Spaced"}),
    "RequireScopeOrAppPermission(a.read | R.All)": one(any_scope="a.read", any_role="R.All"),
    "[RequiredScopeOrAppPermission] keys": one(
        **{SCOPES_AT: "AzureAd:Spaced", ROLES_AT: "AzureAd:Roles"}
    ),
    "[RequiredScopeOrAppPermission] missing keys": one(
        **{SCOPES_AT: "AzureAd:Missing", ROLES_AT: "AzureAd:MissingToo"}
    ),
    "[RequiredScopeOrAppPermission] with nothing": one(any_scope=[], any_role=[]),
    "RequireScope(a.read) and RequireScopeOrAppPermission(c.read | R.All)": two(
        {"any_scope": "a.read"}, {"any_scope": "c.read", "any_role": "R.All"}
    ),
    "Roles = R.All": one(any_role="R.All"),
    "Roles = R.All and RequireScope(a.read)": one(scopes="a.read", any_role="R.All"),
    "policy with RequireScope(a.read)": one(any_scope="a.read"),
    "policy with RequireScopeOrAppPermission(a.read | R.All)": one(
        any_scope="a.read", any_role="R.All"
    ),
    "default policy and policy with RequireScope(a.read), endpoint RequireScope(b.read)": two(
        {"any_scope": "a.read"}, {"any_scope": "b.read"}
    ),
    "VerifyUserHasAnyAcceptedScope(a.read), anonymous endpoint": one(any_scope="a.read"),
    "ValidateAppRole(R.All, W.All)": one(any_role=["R.All", "W.All"]),
    "ValidateAppRole(R.All), anonymous endpoint": one(any_role="R.All"),
}

# Where a row says in words what ours gives: what the row of the same rule recorded.
AS_ANOTHER = {
    "RequireScope(a.read) without RequireAuthorization": "RequireScope(a.read)",  # 43
    "key, 'a.read,b.read'": "key, 'a.read b.read'",  # 43
    "key, list": "key, 'a.read b.read'",  # 43
    "VerifyUserHasAnyAcceptedScope(a.read), anonymous endpoint": "RequireScope(a.read)",  # 43
    "ValidateAppRole(R.All), anonymous endpoint": "Roles = R.All",  # 43
}
STOPS_THE_BUILD = {
    "[RequiredScope()] with nothing": InvalidCallError,  # 43
    "[RequiredScopeOrAppPermission] with nothing": InvalidCallError,  # 43
    "[RequiredScopeOrAppPermission] missing keys": ConfigurationError,  # 8
    "key and values (c.read)": ConfigurationError,  # 43
}
BOTH_ENFORCED = "Roles = R.All and RequireScope(a.read)"  # 8
CALLERS_IN_MSIDWEB = {
    "app, scp a.read": 401,
    "app, scp c.read, role R.All": 401,
    "user, no scp, role R.All": 401,
}
NO_ROLE = {"app, role R.All and X in one string", "user, role claim R.All"}


def test_every_row_and_every_caller_is_accounted_for() -> None:
    assert list(GUARDS) == list(ROWS)
    described = set(GOLDEN["callers_in_msidweb"])
    assert described == CALLERS_IN_MSIDWEB.keys() | NO_ROLE
    words = {name for name, row in ROWS.items() if "msidweb" in row}
    assert words == AS_ANOTHER.keys() | STOPS_THE_BUILD.keys() | {BOTH_ENFORCED, "Roles = R.All"}


def identity_of() -> Identity:
    settings = {
        f"AzureAd__{name.partition(':')[2]}": value
        for name, value in GOLDEN["configuration"].items()
        if isinstance(value, str)
    }
    listed = {
        f"AzureAd__List__{index}": value
        for index, value in enumerate(GOLDEN["configuration"]["AzureAd:List"])
    }
    configuration = Configuration.of_environment(environ=settings | listed)
    return (
        IdentityBuilder(configuration)
        .add_microsoft_identity_web_api(None, tenant_id=TENANT, client_id=CLIENT)
        .add_http_client("Entra", transport=httpx.MockTransport(LoginHosts()))
        .override(clock=ManualClock(NOW))
        .build()
    )


def claims_of(caller: str) -> dict[str, Any]:
    """What the name of a caller says: ``user, scp a.read, role X``."""
    special: dict[str, dict[str, Any]] = {
        "user, scope claim a.read": user_claims(scp="c.read", scope="a.read"),
        "user, role claim R.All": user_claims(scp="c.read", role="R.All"),
        "app, role R.All and X in one string": app_claims(roles=["X R.All"]),
        "app, no roles": app_claims(roles=None),
        "app, roles X and R.All": app_claims(roles=["X", "R.All"]),
        "app, role named a.read": app_claims(roles=["a.read"]),
        "user, no scp, role R.All": user_claims(scp=None, roles=["R.All"]),
    }
    if caller in special:
        return special[caller]
    kind, *parts = caller.split(", ")
    changes: dict[str, Any] = {"roles": None} if kind == "app" else {}
    for part in parts:
        name, _, value = part.partition(" ")
        changes |= {"scp": value} if name == "scp" else {"roles": [value]}
    return (app_claims if kind == "app" else user_claims)(**changes)


async def statuses(guard: Guard) -> dict[str, int]:
    identity = identity_of()
    entra = EntraAuth(identity)
    app = FastAPI(dependencies=guard(entra))
    entra.install(app)

    @app.get("/")
    async def endpoint() -> None:
        return None

    async with (
        identity,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client,
    ):
        found = {"nobody": (await client.get("/")).status_code}
        for caller in set(EVERYBODY) - {"nobody"}:
            token = KEY.token(claims_of(caller))
            answer = await client.get("/", headers={"Authorization": f"Bearer {token}"})
            found[caller] = answer.status_code
    return found


def expected(name: str) -> dict[str, int]:
    recorded = ROWS[AS_ANOTHER.get(name, name)]["statuses"]
    wanted = {caller: int(status) for status, callers in recorded.items() for caller in callers}
    if name == BOTH_ENFORCED:
        with_scope = expected("RequireScope(a.read)")
        wanted = {c: max(status, with_scope[c]) for c, status in wanted.items()}
    wanted |= {caller: 403 for caller in NO_ROLE if wanted[caller] == httpx.codes.OK}
    return wanted | CALLERS_IN_MSIDWEB


@pytest.mark.parametrize("name", [name for name in GUARDS if name not in STOPS_THE_BUILD])
async def test_who_gets_in(name: str) -> None:
    assert await statuses(GUARDS[name]) == expected(name)


@pytest.mark.parametrize("name", STOPS_THE_BUILD)
def test_what_cannot_be_meant_is_an_error_where_it_is_declared(name: str) -> None:
    with pytest.raises(MsidwebError) as caught:
        GUARDS[name](EntraAuth(identity_of()))
    assert type(caught.value) is STOPS_THE_BUILD[name]


def test_an_empty_value_in_the_configuration_is_one_too() -> None:
    with pytest.raises(ConfigurationError, match="is empty, so nothing would be required"):
        one(**{SCOPES_AT: "AzureAd:Empty"})(EntraAuth(identity_of()))


async def test_a_403_says_what_is_missing() -> None:
    identity = identity_of()
    entra = EntraAuth(identity)
    app = FastAPI()
    entra.install(app)

    @app.get("/")
    async def endpoint(user: Annotated[Principal, Depends(entra.require(any_scope="b"))]) -> None:
        del user

    headers = {"Authorization": f"Bearer {KEY.token(user_claims())}"}
    async with (
        identity,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client,
    ):
        answer = await client.get("/", headers=headers)
    challenge = 'Bearer error="insufficient_scope", scope="b"'
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, challenge)  # 9
