"""Tokens that the real Microsoft.Identity.Web gets from the emulator, beside those of ours."""

import json
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from tests.peers.cast import raised, served

from msidweb.challenge import decode_claims

pytestmark = pytest.mark.netpeer

BOTH = pytest.mark.parametrize("api", ["dotnet", "ours"])


@pytest.fixture
def asked(request, api) -> httpx.Client:
    """One of the two; they have the same routes and the same registration."""
    return request.getfixturevalue(api)


def exchanges(cloud) -> int:
    return cloud.entra.wire.count("token")


@BOTH
def test_on_behalf_of_is_asked_once(cloud, asked):
    headers = cloud.bearer()
    read = {"scope": cloud.sample.partner.scope("read")}
    before = exchanges(cloud)

    miss = asked.get("/token", params=read, headers=headers).json()
    hit = asked.get("/token", params=read, headers=headers).json()

    assert exchanges(cloud) == before + 1
    assert hit["token_sha256"] == miss["token_sha256"]
    sources = [answer["token_source"].lower().replace("_", "") for answer in (miss, hit)]
    assert sources == ["identityprovider", "cache"]
    assert miss["account"] == f"{cloud.sample.alice.oid}.{cloud.sample.alice.tid}"


@BOTH
def test_version_1_is_exchanged_too(cloud, asked):
    headers = cloud.bearer(version=1)
    read = {"scope": cloud.sample.partner.scope("read")}

    assert asked.get("/token", params=read, headers=headers).status_code == 200


@BOTH
def test_forced_and_claims_go_past_the_cache(cloud, asked):
    headers = cloud.bearer()
    read = {"scope": cloud.sample.partner.scope("read")}
    wanted = json.dumps({"access_token": {"nbf": {"essential": True, "value": "1"}}})
    before = exchanges(cloud)

    for more in ({}, {"force": "true"}, {"claims": wanted}):
        assert asked.get("/token", params=read | more, headers=headers).status_code == 200

    assert exchanges(cloud) == before + 3
    assert json.loads(cloud.entra.wire.token_requests[-1].form["claims"]) == json.loads(wanted)


@BOTH
def test_the_application_has_a_token_of_its_own(cloud, asked):
    wanted = {"scope": cloud.sample.partner.default_scope}

    first = asked.get("/app", params=wanted).json()

    assert asked.get("/app", params=wanted).json()["token_sha256"] == first["token_sha256"]
    assert first["account"] is None


def test_both_ask_in_the_same_words(cloud, dotnet, ours):
    """But for their names, their ids, and discovery, which ours leaves out."""
    read = {"scope": cloud.sample.partner.scope("read")}
    headers = cloud.bearer(cloud.sample.bob)
    asked = []

    for api in (dotnet, ours):
        assert api.get("/token", params=read, headers=headers).status_code == 200
        request = cloud.entra.wire.token_requests[-1]
        form = dict(request.form) | {"scope": sorted(request.scopes)}
        form = {name: value for name, value in form.items() if not name.startswith("x-")}
        asked.append((request.path, request.headers["x-anchormailbox"], form))

    assert asked[0] == asked[1]


def test_both_tell_the_same_capabilities(cloud, dotnet_of):
    dotnet = dotnet_of(cloud, cloud.sample.api, client_capabilities="cp1")
    asked = []
    with served(cloud, ClientCapabilities=["cp1"]) as (ours, _):
        for api in (dotnet, ours):
            api.get("/app", params={"scope": cloud.sample.partner.default_scope})
            asked.append(json.loads(cloud.entra.wire.token_requests[-1].form["claims"]))

    assert asked == [{"access_token": {"xms_cc": {"values": ["cp1"]}}}] * 2


FAILURES = {
    "not consented": (65001, 401),
    "a second factor": (50076, 401),
    "a wrong secret": (7000215, 502),
    "an unknown resource": (500011, 502),
    "a broken assertion": (50013, None),
}


@pytest.mark.parametrize("name", FAILURES)
def test_both_answer_a_refusal_alike(cloud, dotnet, ours, name):
    code, status = FAILURES[name]
    read = {"scope": cloud.sample.partner.scope("read")}
    headers = cloud.bearer()
    statuses = []

    for api in (dotnet, ours):
        fault = cloud.entra.fail_next("token", code=code, times=None)
        statuses.append(api.get("/token", params=read, headers=headers).status_code)
        fault.lift()

    if status is None:
        assert statuses == [401, 502], "deliberate difference 18"
    else:
        assert statuses == [status, status]


def test_missing_consent_names_the_same_scopes(cloud, dotnet, ours):
    write = cloud.sample.partner.scope("write")
    cloud.entra.revoke_consent(client=cloud.sample.api, resource=cloud.sample.partner)
    cloud.entra.consent(
        client=cloud.sample.api, resource=cloud.sample.partner, user=cloud.sample.bob
    )
    headers = cloud.bearer()
    try:
        theirs = dotnet.get("/token", params={"scope": write}, headers=headers)
        answer = ours.get("/token", params={"scope": write}, headers=headers)
    finally:
        cloud.entra.consent(client=cloud.sample.api, resource=cloud.sample.partner)

    assert theirs.json()["exception"].endswith("MicrosoftIdentityWebChallengeUserException")
    assert "AADSTS65001" in theirs.json()["response_body"]
    assert answer.json()["error"] == "consent_required"
    assert (answer.status_code, answer.json()["scopes"]) == (401, [write])
    assert (theirs.status_code, theirs.json()["scopes"]) == (401, [write])


def test_conditional_access_asks_for_the_same_claims(cloud, dotnet, ours):
    policy = cloud.entra.require_mfa(cloud.sample.partner)
    read = {"scope": cloud.sample.partner.scope("read")}
    headers, strong = cloud.bearer(), cloud.bearer(mfa=True)
    try:
        theirs = dotnet.get("/token", params=read, headers=headers)
        answer = ours.get("/token", params=read, headers=headers)
        passed = [api.get("/token", params=read, headers=strong) for api in (dotnet, ours)]
    finally:
        cloud.entra.lift_policy(policy)

    assert decode_claims(theirs.json()["claims"]) == policy.challenge
    assert answer.json()["claims"] == policy.challenge
    assert (theirs.status_code, answer.status_code) == (401, 401)
    assert [answer.status_code for answer in passed] == [200, 200]


def test_a_long_running_session_outlives_its_assertion(manual, dotnet_of):
    cloud, clock = manual
    dotnet = dotnet_of(cloud, cloud.sample.api)
    read = cloud.sample.partner.scope("read")
    write = cloud.sample.partner.scope("write")
    headers = cloud.bearer()

    begun = dotnet.post("/session", params={"key": "AllocateForMe", "scope": read}, headers=headers)
    key = begun.json()["key"]
    clock.advance(2 * 3600)
    late = dotnet.get("/session", params={"key": key, "scope": write})
    grant = cloud.entra.wire.token_requests[-1].form["grant_type"]
    spent = dotnet.get("/token", params={"scope": write, "force": "true"}, headers=headers)

    assert len(key) > 20
    assert (late.status_code, grant) == (200, "refresh_token")
    assert "AADSTS500133" in spent.json()["response_body"]

    assert dotnet.delete("/session", params={"key": key}).json()["stopped"] is True
    ended = dotnet.get("/session", params={"key": key, "scope": read})
    assert ended.json()["error_code"] == "obo_cache_key_not_in_cache_error"


def test_a_session_ends_where_the_user_was_signed_out(manual, dotnet_of):
    cloud, clock = manual
    dotnet = dotnet_of(cloud, cloud.sample.api)
    session = {"key": "a-key-of-this-test", "scope": cloud.sample.partner.scope("read")}
    assert dotnet.post("/session", params=session, headers=cloud.bearer()).status_code == 200

    clock.advance(60)
    cloud.entra.revoke_sessions(cloud.sample.alice)
    refused = dotnet.get("/session", params=session | {"force": "true"})

    assert refused.status_code == 401
    assert "AADSTS50173" in refused.json()["response_body"]


def test_a_client_certificate_of_dotnet_is_taken(cloud, start, tmp_path):
    app = cloud.entra.add_app("certified")
    path = pfx(cloud.entra.add_certificate(app), tmp_path)
    cloud.entra.remove_secrets(app)
    cloud.entra.assign(client=app, resource=cloud.sample.partner, roles=["Partner.Read.All"])

    with start(cloud, app, certificate=str(path), certificate_password="secret") as peer:
        answer = peer.http.get("/app", params={"scope": cloud.sample.partner.default_scope})

    assert answer.status_code == 200, answer.text
    assert "client_assertion" in cloud.entra.wire.token_requests[-1].form


def pfx(key, folder: Path) -> Path:
    certificate = x509.load_der_x509_certificate(key.certificate)
    path = folder / "client.pfx"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"client", key.private, certificate, None, BestAvailableEncryption(b"secret")
        )
    )
    return path


def test_keys_roll_over(dotnet_of):
    """The real library fails the first call after it, ours none (difference 11)."""
    with raised() as cloud, served(cloud) as (ours, _):
        both = (dotnet_of(cloud, cloud.sample.api), ours)
        for api in both:
            assert api.get("/me", headers=cloud.bearer()).status_code == 200
        cloud.entra.rotate_keys()
        headers = cloud.bearer()
        answers = [[api.get("/me", headers=headers).status_code for _ in range(2)] for api in both]

    assert answers == [[401, 200], [200, 200]]
