"""ASP.NET Core 4: the guide's DataController, with its answers to consent and to failure."""

import json
import logging
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Security
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from msidweb import (
    DownstreamApiError,
    Identity,
    NamedDownstreamApi,
    Principal,
    UserChallengeError,
)
from msidweb.integrations.fastapi import EntraAuth

logger = logging.getLogger("guide.data")


class UserData(BaseModel):
    name: str
    tenant_id: str = Field(alias="tenantId")


class DataRequest(BaseModel):
    items: list[str]


class ProcessResult(BaseModel):
    accepted: int


def data_controller(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @app.get("/api/data/userdata")
    async def get_user_data(caller: Caller, partner: Partner) -> UserData:
        try:
            return await partner.get_for_user("api/users/me", response_model=UserData)
        except UserChallengeError as error:
            logger.warning("user consent required for downstream API", exc_info=error)
            body = {"error": "consent_required", "scopes": list(error.scopes)}
            return JSONResponse(body, 401)
        except DownstreamApiError:
            logger.exception("downstream API call failed")
            body = "Failed to retrieve data from downstream service"
            return JSONResponse(body, 500)

    @app.post("/api/data/process")
    async def process_data(request: DataRequest, caller: Caller, partner: Partner) -> ProcessResult:
        return await partner.post_for_user(
            "api/process", json=request, response_model=ProcessResult
        )

    return app


@pytest.fixture
async def client(stage):
    return await stage.client(data_controller(stage.identity()))


async def test_the_callers_token_is_used_without_being_passed(stage, client):
    response = await client.get("/api/data/userdata", headers=stage.signed_in(stage.alice))

    assert response.json() == {"name": "Alice", "tenantId": stage.alice.tid}
    [call] = stage.partner.calls
    assert (call.request.method, call.request.path) == ("GET", "/api/users/me")
    assert call.request.headers["accept"] == "application/json"


async def test_a_body_is_posted_and_the_answer_read_into_a_model(stage, client):
    response = await client.post(
        "/api/data/process", json={"items": ["a", "b"]}, headers=stage.signed_in(stage.alice)
    )

    assert response.json() == {"accepted": 2}
    [call] = stage.partner.calls
    assert call.request.headers["content-type"].startswith("application/json")
    assert json.loads(call.request.body) == {"items": ["a", "b"]}


async def test_a_missing_consent_is_answered_with_the_scopes(stage, client, caplog):
    response = await client.get("/api/data/userdata", headers=stage.signed_in(stage.carol))

    assert response.status_code == 401
    assert response.json() == {"error": "consent_required", "scopes": [stage.partner.scope]}
    assert "user consent required" in caplog.text


async def test_an_endpoint_that_catches_nothing_answers_a_missing_consent_too(stage, client):
    response = await client.post(
        "/api/data/process", json={"items": []}, headers=stage.signed_in(stage.carol)
    )

    assert response.status_code == 401
    assert response.json()["error"] == "consent_required"
    assert response.json()["scopes"] == [stage.partner.scope]


async def test_a_failing_downstream_api_is_answered_with_the_guides_text(stage, client, caplog):
    with stage.partner.answering(503, {"secret": "of the partner"}):
        response = await client.get("/api/data/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 500
    assert response.json() == "Failed to retrieve data from downstream service"
    assert "'PartnerAPI' answered 503" in caplog.text
    assert "of the partner" not in caplog.text


async def test_an_endpoint_that_catches_nothing_answers_502_without_the_cause(stage, client):
    with stage.partner.answering(503, {"secret": "of the partner"}):
        response = await client.post(
            "/api/data/process", json={"items": []}, headers=stage.signed_in(stage.alice)
        )

    assert response.status_code == 502
    assert "of the partner" not in response.text
    assert "PartnerAPI" not in response.text


async def test_an_answer_that_does_not_fit_the_model_is_a_failure_of_the_downstream_api(
    stage, client
):
    with stage.partner.answering(200, {"unexpected": True}):
        response = await client.get("/api/data/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 500


async def test_a_request_that_fastapi_refuses_never_reaches_the_partner(stage, client):
    response = await client.post(
        "/api/data/process", json={"things": 1}, headers=stage.signed_in(stage.alice)
    )

    assert response.status_code == 422
    assert stage.partner.calls == []


async def test_options_of_one_call_win_and_are_forgotten_after_it(stage):
    async with stage.identity() as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        partner = identity.downstream_api.named("PartnerAPI")

        def override(options):
            options.relative_path = "api/data"
            options.extra_header_parameters = {"X-Once": "1"}

        assert await partner.get_for_user(options=override, user=user) == {
            "rows": ["first", "second"]
        }
        await partner.get_for_user("api/settings", user=user)

    first, second = stage.partner.calls
    assert first.request.headers["x-once"] == "1"
    assert "x-once" not in second.request.headers


async def test_the_application_calls_without_a_user(stage):
    stage.entra.assign(client=stage.api, resource=stage.partner.resource, roles=["Read.All"])
    scope = stage.partner.resource.default_scope
    stage.settings["DownstreamApis"]["PartnerAPI"]["Scopes"] = [scope]

    async with stage.identity() as identity:
        data = await identity.downstream_api.get_for_app("PartnerAPI", "api/data")

    assert data == {"rows": ["first", "second"]}
    [call] = stage.partner.calls
    assert call.claims["roles"] == ["Read.All"]
    assert "scp" not in call.claims
    assert stage.exchanges[0].form["grant_type"] == "client_credentials"


async def test_a_raw_response_and_an_authorization_header_are_to_be_had(stage):
    async with stage.identity() as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        header = await identity.authorization_header_provider.create_authorization_header_for_user(
            [stage.partner.scope], user=user
        )
        with stage.partner.answering(418, {"tea": "pot"}):
            response = await identity.downstream_api.call_api_for_user(
                "PartnerAPI", "api/data", user=user
            )

    assert header.startswith("Bearer ")
    assert (response.status_code, response.json()) == (418, {"tea": "pot"})
    assert stage.partner.calls[0].request.headers["authorization"] == header
