"""A user is stopped by a policy, hears what to do, does it, and gets in; all over TLS."""

import asyncio
import json
from typing import Annotated

import aiohttp
import httpx
import pytest
import requests
from fastapi import Depends, FastAPI, Security
from tests.support.desktop import Desktop
from tests.support.stage import Stage, bearer

from msidweb import DownstreamApi, Identity, Principal
from msidweb.client import ConsentRequiredError, find_challenge, raise_for_challenge
from msidweb.errors import InvalidCallError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.telemetry import ChallengeAnswered
from msidweb.testing import DownstreamEcho

ROWS = {"rows": ["first", "second"]}


def service(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Api = Annotated[DownstreamApi, Depends(entra.downstream_api)]

    @app.get("/api/data")
    async def data(caller: Caller, api: Api) -> object:
        return await api.get_for_user("PartnerAPI", "api/data")

    @app.get("/api/group")
    async def group(caller: Caller, api: Api) -> list[object]:
        async with asyncio.TaskGroup() as tasks:
            data = tasks.create_task(api.get_for_user("PartnerAPI", "api/data"))
            me = tasks.create_task(api.get_for_user("GraphAPI", "me"))
        return [data.result(), me.result()["displayName"]]

    @app.get("/api/vault")
    async def vault(caller: Caller, api: Api) -> object:
        return await api.get_for_user("VaultAPI", "secret")

    return app


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        stage.settings["AzureAd"]["ClientCapabilities"] = ["cp1"]
        yield stage


@pytest.fixture
def start(stage):
    """Serves the API and lets Alice sign in on her desktop."""

    async def start() -> Desktop:
        identity = stage.identity(stage.builder().override(clock=stage.clock))
        desktop = Desktop(stage, await stage.client(service(identity)))
        await desktop.sign_in()
        return desktop

    return start


async def challenged(desktop: Desktop, path: str) -> ConsentRequiredError:
    with pytest.raises(ConsentRequiredError) as caught:
        await desktop.get(path)
    return caught.value


def answer_of(path: str) -> object:
    return ROWS if path == "/api/data" else [ROWS, "Alice"]


PATHS = pytest.mark.parametrize("path", ["/api/data", "/api/group"])


@PATHS
@pytest.mark.parametrize("registered", [True, False])
async def test_a_second_factor_is_demanded_and_the_user_gets_in(stage, start, path, registered):
    desktop = await start()
    assert await desktop.get(path) == answer_of(path)
    await desktop.sign_in()
    for resource in (stage.partner.resource, stage.entra.graph):
        stage.entra.require_mfa(resource, registered=registered)

    challenge = await challenged(desktop, path)
    await desktop.sign_in(challenge.claims)

    assert challenge.code == "interaction_required"
    assert await desktop.get(path) == answer_of(path)
    assert stage.partner.calls[-1].claims["amr"] == ["pwd", "mfa"]
    assert stage.entra.recognize(desktop.token)["amr"] == ["pwd", "mfa"]


async def test_the_client_hears_the_scopes_and_the_very_claims_of_the_policy(stage, start):
    desktop = await start()
    policy = stage.entra.require_mfa(stage.partner.resource)

    challenge = await challenged(desktop, "/api/data")

    assert challenge.scopes == (stage.partner.scope,)
    assert json.loads(challenge.claims) == json.loads(policy.challenge)


async def test_several_policies_are_satisfied_by_one_sign_in(stage, start):
    desktop = await start()
    stage.entra.require_mfa(stage.partner.resource)
    stage.entra.require_mfa(stage.entra.graph)

    challenge = await challenged(desktop, "/api/group")
    await desktop.sign_in(challenge.claims)

    assert await desktop.get("/api/group") == [ROWS, "Alice"]


async def test_a_block_is_told_and_no_sign_in_helps(stage, start):
    desktop = await start()
    stage.entra.block_access(stage.partner.resource)

    challenge = await challenged(desktop, "/api/data")

    with pytest.raises(InvalidCallError, match="AADSTS53003"):
        await desktop.sign_in(challenge.claims)


@PATHS
async def test_a_revocation_is_felt_at_once_and_ends_with_a_new_sign_in(stage, start, path):
    desktop = await start()
    assert await desktop.get(path) == answer_of(path)
    exchanges = len(stage.exchanges)
    stage.entra.revoke_sessions(stage.alice)
    stage.clock.advance(1)

    challenge = await challenged(desktop, path)
    await desktop.sign_in(challenge.claims)

    assert list(json.loads(challenge.claims)["access_token"]) == ["nbf"]
    assert {request.code for request in stage.exchanges[exchanges:]} == {50173, None}
    assert await desktop.get(path) == answer_of(path)


async def test_the_downstream_challenge_goes_to_entra_id_with_the_capabilities(stage, start):
    desktop = await start()
    await desktop.get("/api/data")
    stage.entra.revoke_sessions(stage.alice)
    stage.clock.advance(1)

    await challenged(desktop, "/api/data")

    first, second = (json.loads(exchange.form["claims"]) for exchange in _on_behalf(stage))
    assert first == {"access_token": {"xms_cc": {"values": ["cp1"]}}}
    assert set(second["access_token"]) == {"xms_cc", "nbf"}
    assert stage.partner.calls[0].claims["xms_cc"] == ["CP1"]


async def test_without_the_capability_a_token_is_good_until_its_end(stage, start):
    del stage.settings["AzureAd"]["ClientCapabilities"]
    desktop = await start()
    await desktop.get("/api/data")
    stage.entra.revoke_sessions(stage.alice)
    stage.clock.advance(1)

    assert await desktop.get("/api/data") == ROWS
    assert [request.code for request in _on_behalf(stage)] == [None]


async def test_an_authentication_context_is_stepped_up_to(stage, start):
    vault = stage.entra.add_app("vault", scopes=["open"])
    stage.entra.consent(client=stage.api, resource=vault)
    served = await stage.serve(DownstreamEcho(stage.entra, vault, authentication_context="c1"))
    stage.settings["DownstreamApis"]["VaultAPI"] = {
        "BaseUrl": served.base_url,
        "Scopes": [vault.scope("open")],
    }
    stage.settings["HttpClients"]["VaultAPI"] = {"CaFile": stage.ca_file}
    desktop = await start()

    challenge = await challenged(desktop, "/api/vault")
    await desktop.sign_in(challenge.claims)

    assert "c1" in challenge.claims
    assert (await desktop.get("/api/vault"))["acrs"] == ["c1"]
    assert stage.heard(ChallengeAnswered) == []


async def test_a_downstream_challenge_that_entra_id_satisfies_is_not_relayed(stage, start):
    desktop = await start()
    stage.partner.challenge_next('{"access_token":{"nbf":{"essential":true,"value":"1"}}}')

    assert await desktop.get("/api/data") == ROWS
    assert len(stage.heard(ChallengeAnswered)) == 1


@pytest.fixture
async def refusing(stage, start):
    """An address that answers Alice with a challenge, and what goes with a request to it."""
    desktop = await start()
    stage.entra.require_mfa(stage.partner.resource)
    return f"{desktop.http.base_url}/api/data", bearer(desktop.token)


async def test_requests_reads_the_challenge(stage, refusing):
    url, headers = refusing
    response = await asyncio.to_thread(requests.get, url, headers=headers, verify=stage.ca_file)

    with response, pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(response)

    assert caught.value.scopes == (stage.partner.scope,)


async def test_aiohttp_reads_the_challenge(stage, refusing):
    url, headers = refusing
    trust = stage.trust
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers, ssl=trust) as response,
    ):
        error = find_challenge(response.status, response.headers, await response.read())

    assert error.scopes == (stage.partner.scope,)
    assert "capolids" in error.claims


async def test_a_streamed_answer_of_httpx_is_read_by_its_header(stage, refusing):
    url, headers = refusing
    async with (
        httpx.AsyncClient(verify=stage.trust, trust_env=False) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        with pytest.raises(ConsentRequiredError) as caught:
            raise_for_challenge(response)

    assert "capolids" in caught.value.claims


async def test_a_challenge_goes_through_a_chain_of_apis(stage, start):
    desktop = await start()
    front = stage.entra.add_app("front", scopes=["access_as_user"])
    stage.entra.consent(client=stage.spa, resource=front)
    stage.entra.consent(client=front, resource=stage.api)
    back = str(desktop.http.base_url)
    stage.settings["AzureAd"] = stage.entra.azure_ad(front) | {"ClientCapabilities": ["cp1"]}
    scopes = [stage.api.scope("access_as_user")]
    stage.settings["DownstreamApis"]["PartnerAPI"] = {"BaseUrl": back, "Scopes": scopes}
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    client = await stage.client(service(identity))
    policy = stage.entra.require_mfa(stage.partner.resource)

    async def get(token):
        return await client.get("/api/data", headers=bearer(token))

    weak = stage.entra.user_token(stage.alice, resource=front, client=stage.spa)
    refused = await get(weak)
    with pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(refused)
    strong = stage.entra.step_up(stage.alice, caught.value.claims, resource=front, client=stage.spa)

    assert policy.id in caught.value.claims
    assert (await get(strong)).json() == ROWS


def _on_behalf(stage: Stage):
    return [request for request in stage.exchanges if "assertion" in request.form]
