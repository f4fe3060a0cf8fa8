"""schemes.json: two schemes in one application, which accepts what, whose client is taken."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from tests.support.several_schemes import KEY, Service
from tests.support.signing import NOW, user_claims
from tests.support.token_endpoint import Asked

from msidweb import AcquireTokenOptions, DownstreamApiOptions, InvalidCallError, Principal
from msidweb.integrations.fastapi import EntraAuth
from msidweb.principal import Assertion

TEXT = (Path(__file__).parent / "schemes.json").read_text()
IDS: dict[str, str] = json.loads(TEXT)["ids"]
for name, value in IDS.items():
    TEXT = TEXT.replace(f"{{{name}}}", value)
GOLDEN: dict[str, Any] = json.loads(TEXT)

LATER = "session"
"""later: the calls with a session key."""
ROWS = [row for row in GOLDEN["rows"] if LATER not in row["call"]]
CATEGORIES = list(dict.fromkeys(row["category"] for row in ROWS))

SECRETS = {"of Bearer": "the first secret", "of Bearer2": "the second secret"}
SCOPE, APP = "https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/.default"
ENDPOINTS = {"/one": ["Bearer"], "/two": ["Bearer2"], "/both": ["Bearer", "Bearer2"]}


def test_every_row_is_replayed_or_waits_for_sessions() -> None:
    waiting = [row for row in GOLDEN["rows"] if LATER in row["call"]]
    assert (len(ROWS), len(waiting)) == (110, 12)
    assert set(GOLDEN) == {"versions", "ids", "settings", "tokens", "order", "rows"}


def service_of(category: str) -> Service:
    settings = GOLDEN["settings"].get(category)
    if isinstance(settings, str):  # "as the first, but …"
        settings = GOLDEN["settings"]["other client, other tenant"]
    second = settings["Bearer2"]
    return Service(
        NOW,
        {
            "Bearer": {
                "tenant_id": IDS["t1"],
                "client_id": IDS["client"],
                "client_secret": SECRETS["of Bearer"],
            },
            "Bearer2": {
                "tenant_id": second["TenantId"],
                "client_id": second["ClientId"],
                "client_secret": SECRETS["of Bearer2"],
            },
        },
        acquiring={"Bearer2": "without EnableTokenAcquisition" not in category},
        P={"base_url": "https://p.example", "scopes": [SCOPE]},
    )


def app_of(service: Service) -> FastAPI:
    """An endpoint for every list of schemes; its ``call`` is made by what the request says."""
    app = FastAPI()
    EntraAuth(service.identity).install(app)
    for path, schemes in ENDPOINTS.items():
        entra = EntraAuth(service.identity, schemes=schemes)

        @app.get(path)
        async def endpoint(
            request: Request, user: Annotated[Principal, Depends(entra)]
        ) -> dict[str, str]:
            call = request.headers["call"]
            if call != "none":
                try:
                    await CALLS[call](service, request.headers.get("scheme"))
                except InvalidCallError as error:
                    return {"scheme": user.scheme, "refused": str(error)}
            return {"scheme": user.scheme}

    return app


async def acquire_for_user(service: Service, scheme: str | None) -> None:
    options = AcquireTokenOptions(authentication_options_name=scheme)
    await service.identity.token_acquirer.get_token_for_user([SCOPE], options=options)


async def acquire_for_app(service: Service, scheme: str | None) -> None:
    options = AcquireTokenOptions(authentication_options_name=scheme)
    await service.identity.token_acquirer.get_token_for_app(APP, options=options)


async def call_for_user(service: Service, scheme: str | None) -> None:
    def edit(options: DownstreamApiOptions) -> None:
        options.acquire_token_options.authentication_options_name = scheme

    await service.identity.downstream_api.get_for_user("P", options=edit)


async def header_for_user(service: Service, scheme: str | None) -> None:
    options = AcquireTokenOptions(authentication_options_name=scheme)
    provider = service.identity.authorization_header_provider
    await provider.create_authorization_header_for_user([SCOPE], options=options)


CALLS: dict[str, Callable[[Service, str | None], Awaitable[None]]] = {
    "ITokenAcquisition, user": acquire_for_user,
    "ITokenAcquisition, app": acquire_for_app,
    "IDownstreamApi, user": call_for_user,
    "IAuthorizationHeaderProvider, user": header_for_user,
}


def token_of(row: dict[str, Any], number: int) -> str:
    """Every row has a user of its own; those of user 2 share one token."""
    second = "API 2" in row["token"]
    settings = GOLDEN["settings"].get(row["category"])
    own = IDS["client_b"] if isinstance(settings, str) else settings["Bearer2"]["ClientId"]
    tenant = IDS["t2"] if second and "tenant of API 1" not in row["token"] else IDS["t1"]
    user = 999 if "user 2" in row["token"] else number
    return KEY.token(
        user_claims(
            aud=own if second else IDS["client"],
            iss=f"https://login.microsoftonline.com/{tenant}/v2.0",
            tid=tenant,
            oid=f"00000000-0000-0000-0000-{user:012}",
        )
    )


def shown(asked: Asked) -> dict[str, str]:
    secrets = {secret: name for name, secret in SECRETS.items()}
    return {
        "tenant": asked.url.split("/")[3],
        "client_id": asked.form["client_id"],
        "secret": secrets[asked.form["client_secret"]],
    }


@pytest.mark.parametrize("category", CATEGORIES)
async def test_the_rows_of_a_category_follow_each_other(category: str) -> None:
    service = service_of(category)
    transport = httpx.ASGITransport(app_of(service))
    rows = [row for row in ROWS if row["category"] == category]
    async with (
        service.identity,
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        for number, row in enumerate(rows):
            before = len(service.hosts.asked)
            headers = {"Authorization": f"Bearer {token_of(row, number)}", "call": row["call"]}
            if row["scheme"]:
                headers["scheme"] = row["scheme"]
            assert row["name"].split(",")[0] in ENDPOINTS
            assert ENDPOINTS[row["name"].split(",")[0]] == row["endpoint_accepts"]
            answer = await client.get(row["name"].split(",")[0], headers=headers)
            compare(row, answer, [shown(asked) for asked in service.hosts.asked[before:]])
            if "cache_after" in row:
                digest = Assertion(token_of(row, number)).digest
                assert stored(service, digest) == recorded_entries(row), row["name"]


def stored(service: Service, digest: str) -> list[tuple[str, str]]:
    """Client and tenant of each token in the partition of *digest*."""
    entries = service.identity.container.token_cache()._partitions[digest]._entries
    return [(entry.key[1], entry.key[2]) for entry in entries]


def recorded_entries(row: dict[str, Any]) -> list[tuple[str, str]]:
    """What the row left, without the tokens of another client than the assertion's (39)."""
    [entries] = row["cache_after"].values()
    own = [entry for entry in entries if entry["client_id"] == IDS["client"]]
    return [(entry["client_id"], entry["realm"]) for entry in own]


def compare(row: dict[str, Any], answer: httpx.Response, requests: list[dict[str, str]]) -> None:
    name = row["name"]
    assert answer.status_code == row["status"], name
    expected = row.get("requests", [])
    match row.get("msidweb"):
        case None:
            assert "refused" not in answer.json(), name
        case "InvalidCallError that lists the schemes":
            assert "known: 'Bearer', 'Bearer2'" in answer.json()["refused"], name
        case "the credentials of Bearer2, which validated the caller (39)":
            client_id = GOLDEN["settings"][row["category"]]["Bearer2"]["ClientId"]
            expected = [{**expected[0], "client_id": client_id, "secret": "of Bearer2"}]
        case "InvalidCallError that names the scheme, no request (39)":
            assert "Bearer2" in answer.json()["refused"], name
            expected = []
        case other:
            assert other is not None
            assert "InvalidCallError, no request" in other, name
            assert "another one" in answer.json()["refused"], name
            expected = []
    assert requests == expected, name
