"""Faults, the wire log, the directory's refusals, Graph, and the echoing downstream API."""

import asyncio
import base64

import httpx
import pytest

from msidweb.errors import InvalidCallError
from msidweb.testing import DownstreamEcho, EntraEmulator, ManualClock


async def test_the_next_request_fails_and_the_one_after_does_not(obo, entra):
    entra.fail_next("token", status=503, retry_after=2)

    failed, good = await obo(), await obo()

    assert failed.status_code == 503
    assert failed.headers["retry-after"] == "2"
    assert failed.json()["error"] == "temporarily_unavailable"
    assert good.status_code == 200


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"status": 429}, (429, 90055, "temporarily_unavailable")),
        ({"status": 400}, (400, 9002313, "invalid_request")),
        ({"code": 50196}, (400, 50196, "invalid_grant")),
        ({"code": 53003, "error": "interaction_required"}, (400, 53003, "interaction_required")),
        ({"code": 123456, "status": 418}, (418, 123456, "invalid_request")),
    ],
)
async def test_a_fault_answers_in_entras_words(obo, entra, details, expected):
    entra.fail_next("token", **details)

    response = await obo()

    body = response.json()
    assert (response.status_code, body["error_codes"][0], body["error"]) == expected


async def test_a_fault_may_carry_suberror_claims_and_headers(obo, entra):
    entra.fail_next(
        "token", code=50158, suberror="additional_action", claims="{}", headers={"x-extra": "1"}
    )

    response = await obo()

    assert response.json()["suberror"] == "additional_action"
    assert response.json()["claims"] == "{}"
    assert response.headers["x-extra"] == "1"


@pytest.mark.parametrize(
    ("damage", "body"),
    [
        ("html", b"<html><body>Our services aren't available right now</body></html>"),
        ("empty", b""),
        ("array", b"[]"),
        ("garbage", b"\x00\xff{not json"),
    ],
)
async def test_a_body_can_be_damaged(obo, entra, damage, body):
    entra.fail_next("token", damage=damage)

    response = await obo()

    assert (response.status_code, response.content) == (200, body)


async def test_a_body_can_be_cut_short(obo, entra):
    entra.fail_next("token", damage="truncated")

    with pytest.raises(ValueError, match="Unterminated"):
        (await obo()).json()


async def test_a_good_answer_can_ask_to_wait(obo, entra):
    entra.fail_next("token", status=200, retry_after=60)

    response = await obo()

    assert "access_token" in response.json()
    assert response.headers["retry-after"] == "60"


async def test_members_of_an_answer_can_be_missing_or_wrong(obo, entra):
    entra.fail_next("token", leave_out=["token_type"], put={"expires_in": "soon"})

    body = (await obo()).json()

    assert "token_type" not in body
    assert body["expires_in"] == "soon"


async def test_a_fault_is_for_one_user_app_scope_or_grant(obo, ask, entra, sample):
    bobs = entra.user_token(sample.bob, resource=sample.api)
    app = {"grant_type": "client_credentials", "scope": sample.api.default_scope}
    entra.fail_next("token", status=429, user=sample.alice, times=None)

    assert (await obo()).status_code == 429
    assert (await obo(assertion=bobs)).status_code == 200

    entra.faults.clear()
    entra.fail_next("token", status=429, app=sample.daemon, times=2)
    assert (await obo()).status_code == 200
    assert [(await ask(sample.daemon, **app)).status_code for _ in range(3)] == [429, 429, 200]

    entra.fail_next("token", status=503, scope=sample.partner.scope("write"))
    assert (await obo()).status_code == 200
    assert (await obo(scope=sample.partner.scope("write"))).status_code == 503

    entra.fail_next("token", status=503, grant_type="client_credentials")
    assert (await obo()).status_code == 200
    assert (await ask(sample.daemon, **app)).status_code == 503


async def test_a_users_fault_meets_their_password_and_refresh_too(ask, entra, sample):
    form = {"scope": f"{sample.api.scope('access_as_user')} offline_access"}
    password = {"username": sample.alice.upn, "password": sample.alice.password}
    signed_in = await ask(sample.spa, grant_type="password", **password, **form)
    entra.fail_next("token", status=429, user=sample.alice, times=None)

    again = await ask(sample.spa, grant_type="password", **password, **form)
    token = signed_in.json()["refresh_token"]
    renewed = await ask(sample.spa, grant_type="refresh_token", refresh_token=token, **form)

    assert (again.status_code, renewed.status_code) == (429, 429)


async def test_throttling_ends_by_the_clock_or_when_it_is_lifted(obo, entra, clock: ManualClock):
    entra.fail_next("token", status=429, retry_after=10, for_seconds=10)
    assert [(await obo()).status_code for _ in range(3)] == [429, 429, 429]
    clock.advance(10)
    assert (await obo()).status_code == 200

    lasting = entra.fail_next("token", status=429, times=None)
    assert (await obo()).status_code == 429
    lasting.lift()
    assert (await obo()).status_code == 200


async def test_an_answer_can_be_held_back(obo, entra):
    release = asyncio.Event()
    fault = entra.fail_next("token", hold=release, latency=0.001)
    asked = asyncio.create_task(obo())
    while fault.times:  # noqa: ASYNC110 - the request itself is the event
        await asyncio.sleep(0)
    other = await obo()

    assert other.status_code == 200
    assert not asked.done()
    release.set()
    assert (await asked).status_code == 200


async def test_documents_can_fail_too(client, entra):
    entra.fail_next("keys", status=500)

    response = await client.get(f"{entra.authority()}/discovery/v2.0/keys")

    assert response.status_code == 500


async def test_the_wire_shows_what_was_asked_without_secrets(obo, client, entra, sample):
    token = entra.user_token(sample.alice, resource=sample.api)
    await obo(assertion=token)
    await obo(assertion=token, client_secret="hunter2")
    await client.get(f"{entra.authority()}/v2.0/.well-known/openid-configuration?x=1")

    good, bad = entra.wire.token_requests
    shown = repr(entra.wire.requests)
    assert (good.status, good.code, bad.status, bad.code) == (200, None, 401, 7000215)
    assert good.scopes == (sample.partner.scope("read"),)
    assert good.tenant == entra.tenant.id
    assert good.form["client_id"] == sample.api.client_id
    assert good.form["assertion"] == bad.form["assertion"]
    assert good.form["assertion"].startswith("sha256:")
    assert token not in shown
    assert sample.api.client_secret not in shown
    assert "hunter2" not in shown
    assert entra.wire.to("metadata")[0].query == {"x": "1"}
    assert (entra.wire.count("token"), len(entra.wire)) == (2, 3)
    entra.wire.clear()
    assert (entra.wire.requests, len(entra.wire)) == ([], 0)


async def test_credentials_in_headers_are_not_shown(client, entra):
    await client.get(f"{entra.base_url}/v1.0/me", headers={"Authorization": "Bearer canary"})

    assert "canary" not in repr(entra.wire.requests)


def test_secrets_are_in_no_repr(entra, sample):
    shown = repr((sample, entra.keys))

    assert sample.api.client_secret not in shown
    assert sample.alice.password not in shown


def test_what_cannot_be_is_refused_at_once(entra, sample):
    fabrikam = entra.add_tenant("fabrikam")
    with pytest.raises(InvalidCallError, match="exposes no scope 'destroy'"):
        entra.consent(client=sample.api, resource=sample.partner, scopes=["destroy"])
    with pytest.raises(InvalidCallError, match="exposes no role"):
        entra.assign(client=sample.api, resource=sample.partner, roles=["Owner"])
    with pytest.raises(InvalidCallError, match="name one"):
        entra.assign(resource=sample.partner, roles=[])
    with pytest.raises(InvalidCallError, match="another app"):
        entra.add_app("orders-api")
    with pytest.raises(InvalidCallError, match="exists already"):
        entra.add_user("alice")
    with pytest.raises(InvalidCallError, match="no client secret"):
        _ = sample.spa.client_secret
    with pytest.raises(InvalidCallError, match="guest"):
        entra.user_token(sample.alice, resource=sample.api, tenant=fabrikam)


def test_ids_are_the_same_in_every_run(sample):
    again = EntraEmulator()

    assert again.add_app("orders-api").client_id == sample.api.client_id
    assert again.add_user("alice").oid == sample.alice.oid


def test_the_emulator_writes_the_apis_configuration(entra, sample):
    assert entra.azure_ad(sample.api) == {
        "Instance": "https://login.microsoftonline.com/",
        "TenantId": entra.tenant.id,
        "ClientId": sample.api.client_id,
        "ClientCredentials": [
            {"SourceType": "ClientSecret", "ClientSecret": sample.api.client_secret}
        ],
    }
    assert "ClientCredentials" not in entra.azure_ad(sample.spa)


async def test_graph_knows_the_bearer(client, entra, sample, clock: ManualClock):
    async def me(token: str | None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await client.get("https://graph.microsoft.com/v1.0/me", headers=headers)

    token = entra.user_token(sample.alice, resource=entra.graph)
    weak = entra.user_token(sample.alice, resource=entra.graph, scopes=["Mail.Read"])
    foreign = entra.user_token(sample.alice, resource=sample.api)

    good = await me(token)
    assert good.json()["id"] == sample.alice.oid
    assert good.json()["userPrincipalName"] == sample.alice.upn
    assert (await me(None)).json()["error"]["message"] == "Access token is empty."
    assert (await me(foreign)).status_code == 401
    assert (await me(weak)).json()["error"]["code"] == "Authorization_RequestDenied"
    clock.advance(3600)
    assert (await me(token)).json()["error"]["code"] == "InvalidAuthenticationToken"


async def test_userinfo_knows_the_bearer(client, entra, sample):
    url = f"{entra.base_url}/oidc/userinfo"
    token = entra.user_token(sample.alice, resource=entra.graph)

    good = await client.post(url, headers={"Authorization": f"Bearer {token}"})

    assert good.json()["email"] == sample.alice.upn
    assert (await client.get(url)).status_code == 401


async def test_only_http_and_lifespans_are_served(entra):
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message["type"])

    await entra({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(ValueError, match="websocket"):
        await entra({"type": "websocket"}, receive, send)


@pytest.fixture
def echo(entra, sample):
    return DownstreamEcho(entra, sample.partner, scope="read", latency=0.0001)


@pytest.fixture
async def caller(echo):
    transport = httpx.ASGITransport(app=echo)
    async with httpx.AsyncClient(transport=transport, base_url="https://partner") as caller:
        yield caller


async def test_the_echo_tells_whose_token_arrived(caller, echo, entra, sample):
    token = entra.user_token(sample.alice, resource=sample.partner, client=sample.api)

    response = await caller.post(
        "/api/x?y=1", content=b"body", headers={"Authorization": f"Bearer {token}"}
    )

    seen = response.json()
    assert seen["oid"] == sample.alice.oid
    assert seen["client"] == sample.api.client_id
    assert seen["scp"] == "read write"
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/api/x", {"y": "1"})
    assert seen["body"] == "body"
    assert echo.count == 1


async def test_the_echo_refuses_what_is_not_for_it(caller, entra, sample, clock: ManualClock):
    async def status(token: str) -> tuple[int, str]:
        response = await caller.get("/", headers={"Authorization": f"Bearer {token}"})
        return response.status_code, response.headers["www-authenticate"]

    good = entra.user_token(sample.alice, resource=sample.partner)
    weak = entra.user_token(sample.alice, resource=sample.partner, scopes=["write"])
    app = entra.app_token(client=sample.api, resource=sample.partner)

    assert (await caller.get("/")).headers["www-authenticate"] == "Bearer"
    assert (await status(entra.user_token(sample.alice, resource=sample.api)))[0] == 401
    assert await status(weak) == (403, 'Bearer error="insufficient_scope"')
    ok = await caller.get("/", headers={"Authorization": f"Bearer {app}"})
    assert ok.json()["roles"] == ["Partner.Read.All"]
    clock.advance(3600)
    assert await status(good) == (401, 'Bearer error="invalid_token"')


async def test_the_echo_challenges_once(caller, echo, entra, sample):
    headers = {"Authorization": f"Bearer {entra.user_token(sample.alice, resource=sample.partner)}"}
    echo.challenge_next('{"access_token":{}}')

    challenged, good = [await caller.get("/", headers=headers) for _ in range(2)]

    encoded = base64.b64encode(b'{"access_token":{}}').decode()
    assert challenged.headers["www-authenticate"].endswith(f'claims="{encoded}"')
    assert good.status_code == 200


@pytest.mark.parametrize(("endpoint", "details"), [("tokens", {}), ("token", {"aadsts": 65001})])
def test_a_fault_that_does_not_exist_is_refused_instead_of_proving_nothing(endpoint, details):
    with pytest.raises(InvalidCallError, match="knows no"):
        EntraEmulator().fail_next(endpoint, **details)


def test_a_principal_is_what_an_api_would_see():
    entra = EntraEmulator()
    api = entra.add_app("api", scopes=["read"])
    alice = entra.add_user("alice")

    principal = entra.principal(alice, resource=api, scopes=["read"])

    assert (principal.object_id, principal.tenant_id) == (alice.oid, alice.tid)
    assert principal.scopes == {"read"}
    assert principal.assertion is not None
