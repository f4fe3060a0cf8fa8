"""Error handling: what a downstream API's failure looks like to the endpoint, and to its caller."""

import logging
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Security

from msidweb import DownstreamApiError, Identity, NamedDownstreamApi, Principal
from msidweb.errors import DownstreamConnectionError
from msidweb.integrations.fastapi import EntraAuth

logger = logging.getLogger("guide.failures")

VERBS = ("get", "post", "put", "patch", "delete")


def data_controller(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    @app.get("/api/data")
    async def get_data(
        caller: Annotated[Principal, Security(entra)],
        partner: Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))],
    ) -> dict[str, list[str]]:
        try:
            return await partner.get_for_user("api/data")
        except DownstreamApiError as error:
            if error.status_code == 404:
                raise HTTPException(404, "Resource not found in downstream service") from error
            if error.status_code == 400:
                raise HTTPException(400, "Invalid request to downstream service") from error
            logger.exception("downstream API returned %s", error.status_code)
            raise HTTPException(502, "Downstream service error") from error

    return app


@pytest.mark.parametrize(
    ("downstream", "status", "text"),
    [
        (404, 404, "Resource not found in downstream service"),
        (400, 400, "Invalid request to downstream service"),
        (401, 502, "Downstream service error"),
        (403, 502, "Downstream service error"),
        (409, 502, "Downstream service error"),
        (429, 502, "Downstream service error"),
        (500, 502, "Downstream service error"),
        (503, 502, "Downstream service error"),
    ],
)
async def test_the_guides_endpoint_tells_its_caller_what_went_wrong(
    stage, downstream, status, text
):
    client = await stage.client(data_controller(stage.identity()))

    with stage.partner.answering(downstream, {"error": "of the partner"}):
        response = await client.get("/api/data", headers=stage.signed_in(stage.alice))

    assert response.status_code == status
    assert response.json() == {"detail": text}


async def test_an_api_that_is_not_there_is_a_failure_without_a_status(stage):
    stage.settings["DownstreamApis"]["PartnerAPI"]["BaseUrl"] = "https://localhost:9"
    client = await stage.client(data_controller(stage.identity()))

    response = await client.get("/api/data", headers=stage.signed_in(stage.alice))

    assert response.status_code == 502


@pytest.fixture
async def call(stage):
    async with stage.identity() as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        api = identity.downstream_api

        async def call(verb: str, **arguments: object) -> object:
            return await getattr(api, f"{verb}_for_user")(
                "PartnerAPI", "api/data", user=user, **arguments
            )

        yield call


@pytest.mark.parametrize("verb", VERBS)
async def test_the_error_carries_status_headers_and_body(stage, call, verb):
    document = {"detail": f"no such {verb}"}
    with (
        stage.partner.answering(404, document, X_Request_Id="42", Retry_After="7"),
        pytest.raises(DownstreamApiError) as caught,
    ):
        await call(verb)

    error = caught.value
    assert stage.partner.calls[-1].request.method == verb.upper()
    assert (error.service_name, error.status_code) == ("PartnerAPI", 404)
    assert error.headers["x-request-id"] == "42"
    assert error.retry_after == 7
    assert f"no such {verb}" in error.body
    assert not error.truncated


@pytest.mark.parametrize("verb", VERBS)
async def test_a_redirect_is_an_error_and_is_not_followed(stage, call, verb):
    with (
        stage.partner.answering(307, None, Location="https://elsewhere.example/"),
        pytest.raises(DownstreamApiError) as caught,
    ):
        await call(verb)

    assert caught.value.status_code == 307
    assert len(stage.partner.calls) == 1


async def test_neither_message_nor_log_holds_the_body_or_the_token(stage, call, caplog):
    caplog.set_level(logging.DEBUG)
    with (
        stage.partner.answering(500, {"password": "hunter2"}),
        pytest.raises(DownstreamApiError) as caught,
    ):
        await call("post", json={"ask": "CANARY"})

    shown = f"{caught.value} {caught.value!r} {caplog.text}"
    for private in ("hunter2", "CANARY", "eyJ"):
        assert private not in shown


async def test_a_long_body_is_cut(stage, call):
    with (
        stage.partner.answering(500, {"noise": "x" * 10_000}),
        pytest.raises(DownstreamApiError) as caught,
    ):
        await call("get")

    assert len(caught.value.body) == 4096
    assert caught.value.truncated


async def test_a_body_that_is_no_json_is_an_error_of_the_same_kind(stage, call):
    with (
        stage.partner.answering(200, {"not": "a list"}),
        pytest.raises(DownstreamApiError) as caught,
    ):
        await call("get", response_model=list[int])

    assert caught.value.code == "unreadable_answer"
    assert caught.value.status_code == 200


async def test_a_refused_connection_is_told_from_an_answer(stage):
    stage.settings["DownstreamApis"]["PartnerAPI"]["BaseUrl"] = "https://localhost:9"
    async with stage.identity() as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        with pytest.raises(DownstreamConnectionError) as caught:
            await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)

    assert caught.value.status_code is None
    assert caught.value.retryable


async def test_a_claims_challenge_of_the_downstream_api_is_answered_once(stage, call):
    stage.partner.challenge_next('{"access_token":{"nbf":{"essential":true,"value":"1"}}}')

    assert await call("get") == {"rows": ["first", "second"]}
    assert len(stage.exchanges) == 2
    assert "claims" in stage.exchanges[-1].form


async def test_an_api_that_challenges_for_ever_is_an_error_in_the_end(stage, call):
    stage.partner.challenge_next('{"access_token":{"nbf":{"essential":true}}}', times=9)

    with pytest.raises(DownstreamApiError) as caught:
        await call("get")

    assert caught.value.status_code == 401
    assert len(stage.exchanges) == 2
