"""Overview and prerequisites: the seven arrows of the diagram, and what each of them rests on."""

import httpx
import pytest
from tests.guide.service import user_data_api
from tests.support.stage import Stage, bearer

from msidweb.telemetry import TokenAcquired
from msidweb.testing.entra.wire import fingerprint


@pytest.fixture
async def client(stage: Stage) -> httpx.AsyncClient:
    return await stage.client(user_data_api(stage.identity()))


async def test_the_client_gets_the_users_data_through_both_apis(stage, client):
    response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 200
    assert response.json() == {"name": "Alice", "tenantId": stage.alice.tid}


async def test_the_users_token_goes_to_entra_id_in_an_on_behalf_of_request(stage, client):
    headers = stage.signed_in(stage.alice)

    await client.get("/api/userdata", headers=headers)

    [request] = stage.exchanges
    form = request.form
    assert request.path == f"/{stage.alice.tid}/oauth2/v2.0/token"
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert form["requested_token_use"] == "on_behalf_of"
    assert form["assertion"] == fingerprint(headers["Authorization"].removeprefix("Bearer "))
    assert form["client_id"] == stage.api.client_id
    assert stage.partner.scope in request.scopes


async def test_the_partner_gets_a_new_token_for_itself_that_still_names_the_user(stage, client):
    headers = stage.signed_in(stage.alice)

    await client.get("/api/userdata", headers=headers)

    [call] = stage.partner.calls
    assert call.request.headers["authorization"] != headers["Authorization"]
    assert call.claims["aud"] == stage.partner.resource.client_id
    assert call.claims["oid"] == stage.alice.oid
    assert call.claims["azp"] == stage.api.client_id
    assert call.claims["scp"] == "read"


async def test_the_token_is_cached_for_the_user(stage, client):
    for _ in range(2):
        response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
        assert response.status_code == 200

    assert len(stage.exchanges) == 1
    assert [event.source for event in stage.heard(TokenAcquired)] == ["identity_provider", "cache"]
    assert len(stage.partner.calls) == 2


async def test_another_users_call_is_made_with_that_users_token(stage, client):
    stage.entra.consent(client=stage.api, resource=stage.partner.resource, user=stage.carol)

    for user in (stage.alice, stage.carol, stage.alice):
        response = await client.get("/api/userdata", headers=stage.signed_in(user))
        assert response.json()["name"] == user.name

    assert len(stage.exchanges) == 2
    assert [call.claims["oid"] for call in stage.partner.calls] == [
        stage.alice.oid,
        stage.carol.oid,
        stage.alice.oid,
    ]


async def test_without_a_token_nothing_is_exchanged(stage, client):
    response = await client.get("/api/userdata")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert stage.exchanges == []


async def test_a_token_for_another_api_is_refused_before_it_is_exchanged(stage, client):
    foreign = stage.entra.user_token(stage.alice, resource=stage.partner.resource)

    response = await client.get("/api/userdata", headers=bearer(foreign))

    assert response.status_code == 401
    assert response.json()["error"] == "invalid_token"
    assert stage.exchanges == []


async def test_a_client_without_the_permission_to_call_the_api_is_refused(stage, client):
    other = stage.sign_in_again(stage.alice, scopes=["something_else"])

    response = await client.get("/api/userdata", headers=other)

    assert response.status_code == 403
    assert response.json()["scopes"] == ["access_as_user"]
    assert stage.exchanges == []


async def test_a_user_who_has_not_consented_is_asked_to(stage, client):
    response = await client.get("/api/userdata", headers=stage.signed_in(stage.carol))

    assert response.status_code == 401
    assert response.json()["error"] == "consent_required"
    assert [request.code for request in stage.exchanges] == [65001]
    assert stage.partner.calls == []


async def test_an_administrators_consent_serves_every_user(stage, client):
    stage.entra.consent(client=stage.api, resource=stage.partner.resource)

    response = await client.get("/api/userdata", headers=stage.signed_in(stage.carol))

    assert response.json()["name"] == "Carol"
