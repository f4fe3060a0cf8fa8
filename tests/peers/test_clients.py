"""Microsoft's own clients, unmodified: on the emulator, and as callers of an API of ours."""

import json
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from tests.peers.cast import Cloud, raised, served
from tests.peers.clients import Client, graph_sdk_client, node_client

from msidweb.testing import App

GRAPH_SCOPE = "https://graph.microsoft.com/User.Read"


@pytest.fixture(scope="module")
def town() -> Iterator[Cloud]:
    """A cloud whose name is where it is served: clients go by the address they are given."""
    with raised(base_url=None) as town:
        yield town


@pytest.fixture(scope="module")
def service(town) -> Iterator[tuple[httpx.Client, FastAPI]]:
    with served(town) as both:
        yield both


@pytest.fixture
def api(service) -> httpx.Client:
    """A client of ours."""
    return service[0]


@pytest.fixture(scope="module")
def node(town, pytestconfig) -> Client:
    return node_client(pytestconfig.cache.mkdir("node"), town.login.ca_file)


@pytest.fixture(scope="module")
def graph_sdk(town, pytestconfig) -> Client:
    return graph_sdk_client(pytestconfig.cache.mkdir("graph_sdk"), town.login.ca_file)


def registration(town: Cloud, app) -> dict[str, str]:
    return {
        "authority": town.entra.authority(),
        "tenant": town.entra.tenant.id,
        "clientId": app.client_id,
        "clientSecret": app.client_secret,
    }


def assertion(town: Cloud, **details) -> str:
    return town.bearer(**details)["Authorization"].removeprefix("Bearer ")


def claims(town: Cloud, answer: dict[str, object]) -> dict[str, object]:
    assert "error" not in answer, answer
    recognized = town.entra.recognize(str(answer["token"]))
    assert recognized is not None
    return recognized


@pytest.mark.node
@pytest.mark.parametrize("action", ["app", "credential"])
def test_an_application_gets_its_token_and_calls_ours(town, api, node, action):
    daemon = town.sample.daemon
    scope = town.sample.api.default_scope

    answer = node.ask(action=action, scope=scope, **registration(town, daemon))

    assert claims(town, answer)["roles"] == ["Orders.Read.All"]
    seen = api.get("/me", headers={"Authorization": f"Bearer {answer['token']}"})
    assert seen.json()["roles"] == ["Orders.Read.All"]


@pytest.mark.node
def test_msal_node_serves_the_second_from_its_cache(town, node):
    before = town.entra.wire.count("token")

    answer = node.ask(
        action="onBehalfOf",
        scope=town.sample.partner.scope("read"),
        assertion=assertion(town),
        **registration(town, town.sample.api),
    )

    assert claims(town, answer)["oid"] == town.sample.alice.oid
    assert claims(town, answer)["scp"] == "read"
    assert town.entra.wire.count("token") == before + 1
    assert answer["again"] == {**answer["again"], "cached": True, "token": answer["token"]}


@pytest.fixture(scope="module")
def front(town) -> App:
    """An API of somebody's that calls ours on behalf of its user."""
    front = town.entra.add_app("front", scopes=["enter"])
    town.entra.consent(client=front, resource=town.sample.api)
    return front


@pytest.mark.node
def test_msal_node_in_front_of_ours(town, api, node, front):
    """Its on-behalf-of token is our assertion; ours goes on to Graph."""

    answer = node.ask(
        action="onBehalfOf",
        scope=town.sample.api.scope("access_as_user"),
        assertion=assertion(town, resource=front),
        **registration(town, front),
    )

    headers = {"Authorization": f"Bearer {answer['token']}"}
    assert api.get("/v1.0/me", headers=headers).json()["displayName"] == "alice"


@pytest.mark.node
def test_msal_node_refreshes(town, node, api):
    app = registration(town, town.sample.api)
    scope = town.sample.partner.scope("read")

    answer = node.ask(
        action="refresh", scope=scope, refreshToken=refresh_token(town, api, scope), **app
    )

    assert claims(town, answer)["scp"] == "read"
    assert town.entra.wire.token_requests[-1].form["grant_type"] == "refresh_token"


def refresh_token(town: Cloud, client: httpx.Client, scope: str) -> str:
    form = {
        "grant_type": "password",
        "client_id": town.sample.api.client_id,
        "client_secret": town.sample.api.client_secret,
        "username": town.sample.alice.upn,
        "password": town.sample.alice.password,
        "scope": f"{scope} offline_access",
    }
    return client.post(town.entra.token_endpoint(), data=form).json()["refresh_token"]


@pytest.mark.node
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (65001, "InteractionRequiredAuthError"),
        (50076, "InteractionRequiredAuthError"),
        (7000215, "ServerError"),
    ],
)
def test_msal_node_knows_the_emulators_refusals(town, node, code, kind):
    fault = town.entra.fail_next("token", code=code)

    answer = node.ask(
        action="onBehalfOf",
        scope=town.sample.partner.scope("read"),
        assertion=assertion(town),
        **registration(town, town.sample.api),
    )
    fault.lift()

    assert answer["error"] == kind
    assert f"AADSTS{code}" in str(answer["message"])


@pytest.mark.node
def test_msal_node_hands_on_the_claims_of_conditional_access(town, node):
    policy = town.entra.require_mfa(town.sample.partner)

    answer = node.ask(
        action="onBehalfOf",
        scope=town.sample.partner.scope("read"),
        assertion=assertion(town),
        **registration(town, town.sample.api),
    )
    town.entra.lift_policy(policy)

    assert answer["claims"] == policy.challenge


@pytest.fixture(
    params=[
        pytest.param("node", marks=pytest.mark.node),
        pytest.param("graph_sdk", marks=pytest.mark.graph_sdk),
    ]
)
def sdk(request) -> Client:
    """Microsoft's Graph SDK, for Node and for Python."""
    return request.getfixturevalue(request.param)


def test_a_graph_sdk_reads_the_emulators_graph(town, sdk):
    answer = sdk.ask(
        action="graph",
        baseUrl=f"{town.login.base_url}/v1.0",
        scope=GRAPH_SCOPE,
        assertion=assertion(town),
        **registration(town, town.sample.api),
    )

    assert answer == {"id": town.sample.alice.oid, "displayName": "alice"}


def test_a_graph_sdk_reads_an_api_of_ours(town, api, sdk):
    """Ours has Graph's shape: it is asked as Graph is, and asks Graph on the user's behalf."""
    answer = sdk.ask(
        action="graphWithToken",
        baseUrl=f"{str(api.base_url).rstrip('/')}/v1.0",
        scope=GRAPH_SCOPE,
        token=assertion(town),
    )

    assert answer == {"id": town.sample.alice.oid, "displayName": "alice"}


def test_a_graph_sdk_answers_our_claims_challenge(town, service, sdk, front):
    wanted = {"access_token": {"nbf": {"essential": True, "value": "1700000000"}}}
    api, app = service
    app.state.challenges.append(json.dumps(wanted))

    answer = sdk.ask(
        action="graph",
        baseUrl=f"{str(api.base_url).rstrip('/')}/v1.0",
        scope=town.sample.api.scope("access_as_user"),
        assertion=assertion(town, resource=front),
        **registration(town, front),
    )

    assert answer == {"id": town.sample.alice.oid, "displayName": "alice"}
    requests = [json.loads(r.form.get("claims", "{}")) for r in town.entra.wire.token_requests[-3:]]
    assert any(asked.get("access_token", {}).get("nbf") for asked in requests)


@pytest.mark.parametrize("target", ["the emulator", "ours"])
def test_a_graph_sdk_understands_a_refusal(town, api, sdk, target):
    base_urls = {"the emulator": town.login.base_url, "ours": str(api.base_url).rstrip("/")}

    answer = sdk.ask(
        action="graphWithToken",
        baseUrl=f"{base_urls[target]}/v1.0",
        scope=GRAPH_SCOPE,
        token=assertion(town, resource=town.sample.partner),
    )

    assert answer["status"] == 401
