"""Error handling: the challenge for the user, and the client that answers it."""

import asyncio
import base64
import json
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Security

from msidweb import DownstreamApi, Identity, Principal, UserChallengeError
from msidweb.challenge import parse_challenges
from msidweb.client import ConsentRequiredError, raise_for_challenge
from msidweb.integrations.fastapi import EntraAuth


def service(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Api = Annotated[DownstreamApi, Depends(entra.downstream_api)]

    @app.get("/api/data")
    async def get_data(caller: Caller, api: Api) -> dict[str, list[str]]:
        return await api.get_for_user("PartnerAPI", "api/data")

    @app.get("/api/data/as-the-guide")
    async def get_data_as_the_guide(caller: Caller, api: Api) -> dict[str, list[str]]:
        try:
            return await api.get_for_user("PartnerAPI", "api/data")
        except UserChallengeError as error:
            raise HTTPException(
                401,
                {
                    "error": "consent_required",
                    "error_description": "Additional user consent required",
                    "scopes": error.scopes,
                    "claims": error.claims,
                },
            ) from error

    @app.get("/api/gather")
    async def gather(caller: Caller, api: Api) -> list[object]:
        return await asyncio.gather(
            api.get_for_user("PartnerAPI", "api/data"), api.get_for_user("GraphAPI", "me")
        )

    @app.get("/api/group")
    async def group(caller: Caller, api: Api) -> list[object]:
        async with asyncio.TaskGroup() as tasks:
            data = tasks.create_task(api.get_for_user("PartnerAPI", "api/data"))
            me = tasks.create_task(api.get_for_user("GraphAPI", "me"))
        return [data.result(), me.result()]

    @app.get("/api/all")
    async def all_of_them(caller: Caller, api: Api) -> list[object]:
        results = await asyncio.gather(
            api.get_for_user("PartnerAPI", "api/data"),
            api.get_for_user("GraphAPI", "me"),
            return_exceptions=True,
        )
        if errors := [result for result in results if isinstance(result, Exception)]:
            raise ExceptionGroup("calls failed", errors)
        return results

    return app


@pytest.fixture
async def client(stage):
    return await stage.client(service(stage.identity()))


def challenge_of(response) -> dict[str, str]:
    [challenge] = parse_challenges(response.headers.get_list("www-authenticate"))
    assert challenge.scheme == "bearer"
    return dict(challenge.parameters)


async def test_a_missing_consent_is_answered_with_the_guides_body(stage, client):
    response = await client.get("/api/data", headers=stage.signed_in(stage.carol))

    assert response.status_code == 401
    assert response.json() == {
        "error": "consent_required",
        "error_description": "Additional user consent required",
        "scopes": [stage.partner.scope],
        "claims": None,
    }


async def test_the_challenge_is_in_the_header_too(stage, client):
    response = await client.get("/api/data", headers=stage.signed_in(stage.carol))

    challenge = challenge_of(response)
    assert challenge["error"] == "consent_required"
    assert challenge["scope"] == stage.partner.scope
    assert challenge["authorization_uri"] == f"{stage.entra.authority()}/oauth2/v2.0/authorize"


async def test_an_endpoint_may_answer_by_itself_as_the_guide_does(stage, client):
    response = await client.get("/api/data/as-the-guide", headers=stage.signed_in(stage.carol))

    assert response.status_code == 401
    assert response.json()["detail"] == {
        "error": "consent_required",
        "error_description": "Additional user consent required",
        "scopes": [stage.partner.scope],
        "claims": None,
    }


async def test_a_policy_is_relayed_with_the_claims_that_satisfy_it(stage, client):
    policy = stage.entra.require_mfa(stage.partner.resource)

    response = await client.get("/api/data", headers=stage.signed_in(stage.alice))

    assert response.status_code == 401
    assert response.json()["error"] == "interaction_required"
    assert json.loads(response.json()["claims"]) == json.loads(policy.challenge)
    challenge = challenge_of(response)
    assert challenge["error"] == "insufficient_claims"
    assert base64.b64decode(challenge["claims"]).decode() == policy.challenge


async def test_the_user_gets_in_after_the_second_factor(stage, client):
    stage.entra.require_mfa(stage.partner.resource)
    refused = await client.get("/api/data", headers=stage.signed_in(stage.alice))

    served = await client.get("/api/data", headers=stage.sign_in_again(stage.alice, mfa=True))

    assert (refused.status_code, served.status_code) == (401, 200)


async def test_the_message_names_neither_user_nor_token(stage):
    async with stage.identity() as identity:
        headers = stage.signed_in(stage.carol)
        user = await identity.token_validator.validate_authorization([headers["Authorization"]])
        with pytest.raises(UserChallengeError) as caught:
            await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)

    error = caught.value
    assert (error.aadsts, error.suberror) == (65001, "consent_required")
    assert error.scopes == (stage.partner.scope,)
    assert error.correlation_id == stage.exchanges[0].correlation_id
    for private in ("Carol", stage.carol.oid, headers["Authorization"], "eyJ"):
        assert private not in f"{error} {error!r}"


async def read_data(client, headers, path="/api/data") -> object:
    """The guide's client code."""
    response = await client.get(path, headers=headers)
    raise_for_challenge(response)
    return response.raise_for_status().json()


async def test_the_client_asks_for_consent_and_is_served_with_the_same_token(stage, client):
    headers = stage.signed_in(stage.carol)

    with pytest.raises(ConsentRequiredError) as caught:
        await read_data(client, headers)
    assert caught.value.code == "consent_required"
    assert caught.value.description == "Additional user consent required"
    assert caught.value.scopes == (stage.partner.scope,)
    stage.entra.consent(client=stage.api, resource=stage.partner.resource, user=stage.carol)

    assert await read_data(client, headers) == {"rows": ["first", "second"]}


async def test_a_consent_that_was_taken_back_is_asked_for_again(stage, client):
    await read_data(client, stage.signed_in(stage.alice))
    stage.entra.revoke_consent(client=stage.api, resource=stage.partner.resource, user=stage.alice)

    with pytest.raises(ConsentRequiredError):
        await read_data(client, stage.sign_in_again(stage.alice))


async def test_the_client_understands_an_endpoint_that_answers_by_itself(stage, client):
    with pytest.raises(ConsentRequiredError) as caught:
        await read_data(client, stage.signed_in(stage.carol), "/api/data/as-the-guide")

    assert caught.value.scopes == (stage.partner.scope,)


@pytest.mark.parametrize("path", ["/api/gather", "/api/group"])
async def test_one_challenge_among_parallel_calls_is_answered_as_alone(stage, client, path):
    response = await client.get(path, headers=stage.signed_in(stage.carol))

    assert response.status_code == 401
    assert response.json()["error"] == "consent_required"
    assert response.json()["scopes"] == [stage.partner.scope]


async def test_several_challenges_are_answered_as_one(stage, client):
    stage.entra.require_mfa(stage.partner.resource)
    stage.entra.require_mfa(stage.entra.graph)

    response = await client.get("/api/all", headers=stage.signed_in(stage.alice))

    assert response.status_code == 401
    assert response.json()["error"] == "interaction_required"
    assert response.json()["scopes"] == [
        stage.partner.scope,
        "https://graph.microsoft.com/.default",
    ]
    assert "capolids" in response.json()["claims"]
