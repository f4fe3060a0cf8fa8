"""The real Microsoft.Identity.Web behind this package, and before it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from tests.peers.cast import Cloud, raised, served

pytestmark = pytest.mark.netpeer


def test_ours_calls_dotnet_for_the_user(cloud, ours, dotnet_partner):
    seen = ours.get("/dotnet/me", headers=cloud.bearer()).json()

    user = cloud.sample.alice
    assert seen["status"] == 200
    assert (seen["body"]["oid"], seen["body"]["tid"]) == (user.oid, user.tid)
    assert seen["body"]["scp"] == "read"


def test_dotnet_goes_on_for_the_same_user(cloud, ours, dotnet_partner):
    """The second exchange of the chain is .NET's, of the token that ours got."""
    cloud.entra.consent(client=cloud.sample.partner, resource=cloud.entra.graph)
    wanted = {"scope": "https://graph.microsoft.com/User.Read"}

    seen = ours.get("/dotnet/token", params=wanted, headers=cloud.bearer()).json()

    assert seen["status"] == 200, seen["body"]
    assert seen["body"]["account"] == f"{cloud.sample.alice.oid}.{cloud.sample.alice.tid}"
    assert cloud.entra.wire.token_requests[-1].form["client_id"] == cloud.sample.partner.client_id


def test_a_refusal_of_dotnet_comes_back_whole(cloud, ours, dotnet_partner):
    wanted = {"scope": cloud.sample.api.scope("access_as_user")}

    seen = ours.get("/dotnet/token", params=wanted, headers=cloud.bearer()).json()

    assert seen["status"] == 401
    assert seen["body"]["scopes"] == [wanted["scope"]]
    assert "AADSTS65001" in seen["body"]["response_body"]


@dataclass(frozen=True)
class Front:
    """.NET before ours, which calls Graph; both have a registration of their own."""

    cloud: Cloud
    app: FastAPI
    http: httpx.Client
    headers: dict[str, str]
    scope: str

    def call(self, path: str) -> dict[str, object]:
        """What .NET tells of its call to ours."""
        params = {"scope": self.scope, "path": path}
        return self.http.get("/call", params=params, headers=self.headers).json()


@pytest.fixture
def front(dotnet_of) -> Iterator[Front]:
    with raised() as cloud, served(cloud) as (ours, app):
        sample, entra = cloud.sample, cloud.entra
        registration = entra.add_app("front", scopes=["enter"])
        entra.consent(client=registration, resource=sample.api)
        base_url = str(ours.base_url).rstrip("/")
        http = dotnet_of(cloud, registration, downstream=base_url)
        headers = cloud.bearer(resource=registration)
        yield Front(cloud, app, http, headers, sample.api.scope("access_as_user"))


def test_dotnet_calls_ours_for_the_user(front):
    seen = front.call("/me")

    assert (seen["status"], seen["challenged"]) == (200, False)
    assert seen["body"]["oid"] == front.cloud.sample.alice.oid
    assert seen["body"]["scp"] == "access_as_user"


def test_ours_goes_on_to_graph(front):
    seen = front.call("/v1.0/me")

    assert seen["body"]["displayName"] == "alice"


def test_dotnet_answers_our_claims_challenge(front):
    wanted = {"access_token": {"nbf": {"essential": True, "value": "1700000000"}}}
    front.app.state.challenges.append(json.dumps(wanted))

    seen = front.call("/strong")

    assert (seen["status"], seen["challenged"]) == (200, True)
    assert json.loads(front.cloud.entra.wire.token_requests[-1].form["claims"]) == wanted


def test_dotnet_cannot_answer_it_for_the_user(front):
    """A second factor is the user's to give: .NET hands on what ours asked for."""
    wanted = {"access_token": {"acrs": {"essential": True, "values": ["c1"]}}}
    front.app.state.challenges.append(json.dumps(wanted))

    seen = front.call("/strong")

    assert seen["exception"].endswith("MicrosoftIdentityWebChallengeUserException")
    assert json.loads(seen["claims"]) == wanted


def test_dotnet_relays_our_consent_required(front):
    sample, entra = front.cloud.sample, front.cloud.entra
    entra.revoke_consent(client=sample.api, resource=entra.graph)

    seen = front.call("/v1.0/me")

    assert (seen["status"], seen["challenged"]) == (401, False)
    assert seen["body"]["error"] == "consent_required"
    assert seen["body"]["scopes"] == ["https://graph.microsoft.com/User.Read"]
