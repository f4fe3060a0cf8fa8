"""Tokens, keys and discovery documents, judged by PyJWT alone."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

import msidweb
from msidweb.errors import InvalidCallError
from msidweb.testing import EntraEmulator


async def published_key(client: object, entra, token: str, path: str = "discovery/v2.0/keys"):
    document = (await client.get(f"{entra.authority()}/{path}")).json()
    kid = jwt.get_unverified_header(token)["kid"]
    return next((jwt.PyJWK(key) for key in document["keys"] if key["kid"] == kid), None)


NO_TIME = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


async def test_a_v2_token_verifies_against_the_published_keys(client, entra, sample):
    token = entra.user_token(sample.alice, resource=sample.api, scopes=["access_as_user"])

    claims = jwt.decode(
        token,
        await published_key(client, entra, token),
        algorithms=["RS256"],
        audience=sample.api.client_id,
        issuer=f"https://login.microsoftonline.com/{entra.tenant.id}/v2.0",
        options=NO_TIME,
    )

    assert claims["ver"] == "2.0"
    assert claims["azp"] == entra.public_client.client_id
    assert claims["azpacr"] == "0"
    assert claims["preferred_username"] == sample.alice.upn
    assert claims["exp"] == claims["iat"] + 3599
    assert jwt.get_unverified_header(token).keys() == {"alg", "kid", "typ"}


async def test_a_v1_token_has_its_own_names_audience_and_issuer(client, entra, sample):
    token = entra.user_token(sample.alice, resource=sample.api, version=1)

    claims = jwt.decode(
        token,
        await published_key(client, entra, token, "discovery/keys"),
        algorithms=["RS256"],
        audience=sample.api.app_id_uri,
        issuer=f"https://sts.windows.net/{entra.tenant.id}/",
        options=NO_TIME,
    )

    assert claims["ver"] == "1.0"
    assert claims["appid"] == entra.public_client.client_id
    assert claims["upn"] == claims["unique_name"] == sample.alice.upn
    assert jwt.get_unverified_header(token)["x5t"] == jwt.get_unverified_header(token)["kid"]


def test_the_resource_decides_the_version(entra, sample):
    old = entra.add_app("old-api", scopes=["use"], token_version=1)

    assert entra.recognize(entra.user_token(sample.alice, resource=old))["ver"] == "1.0"
    assert entra.recognize(entra.app_token(client=sample.daemon, resource=old))["appid"]


def test_no_two_tokens_are_the_same(entra, sample):
    tokens = [entra.user_token(sample.alice, resource=sample.api) for _ in range(5)]

    assert len({entra.recognize(token)["uti"] for token in tokens}) == 5


def test_the_subject_differs_from_resource_to_resource(entra, sample):
    subjects = {
        entra.recognize(entra.user_token(user, resource=resource))["sub"]
        for user in (sample.alice, sample.bob)
        for resource in (sample.api, sample.partner)
    }

    assert len(subjects) == 4


def test_claims_can_be_changed_and_left_out(entra, sample):
    token = entra.user_token(
        sample.alice, resource=sample.api, claims={"tid": None, "extra": 1}, expires_in=-10
    )

    claims = entra.recognize(token)
    assert "tid" not in claims
    assert claims["extra"] == 1
    assert claims["exp"] < claims["iat"]


def test_user_roles_reach_the_token(entra, sample):
    entra.assign(user=sample.alice, resource=sample.api, roles=["Orders.Read.All"])

    token = entra.user_token(sample.alice, resource=sample.api)

    assert entra.recognize(token)["roles"] == ["Orders.Read.All"]


def test_only_graph_can_verify_a_graph_token(entra, sample):
    token = entra.user_token(sample.alice, resource=entra.graph)
    key = entra.keys[0].private.public_key()

    assert "nonce" in jwt.get_unverified_header(token)
    assert entra.recognize(token) is not None
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, key, algorithms=["RS256"], options=NO_TIME | {"verify_aud": False})


def test_anything_can_be_signed(entra):
    token = entra.sign({"sub": "x"}, {"typ": "at+jwt"})

    assert entra.recognize(token) == {"sub": "x"}
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


def test_an_id_token_is_for_the_client(entra, sample):
    claims = entra.recognize(entra.id_token(sample.alice, client=sample.spa))

    assert claims["aud"] == sample.spa.client_id
    assert "scp" not in claims


async def test_rotation_overlaps_and_removal_does_not(client, entra, sample):
    old = entra.user_token(sample.alice, resource=sample.api)
    staged = entra.publish_key()
    before = entra.user_token(sample.alice, resource=sample.api)
    rotated = entra.rotate_keys()
    new = entra.user_token(sample.alice, resource=sample.api)

    assert jwt.get_unverified_header(before)["kid"] == jwt.get_unverified_header(old)["kid"]
    assert jwt.get_unverified_header(new)["kid"] == staged == rotated
    assert await published_key(client, entra, old)
    assert await published_key(client, entra, new)

    entra.remove_key(jwt.get_unverified_header(old)["kid"])

    assert await published_key(client, entra, old) is None
    assert entra.recognize(old) is None
    assert entra.recognize(new)


def test_the_signing_key_is_replaced_when_it_is_removed(entra, sample):
    only = entra.keys[0].kid
    entra.remove_key(only)
    token = entra.user_token(sample.alice, resource=sample.api)

    assert jwt.get_unverified_header(token)["kid"] == entra.keys[0].kid != only
    with pytest.raises(InvalidCallError, match="No key"):
        entra.remove_key(only)


def test_rotation_without_a_staged_key_makes_one(entra):
    assert entra.rotate_keys() == entra.keys[-1].kid
    assert len(entra.keys) == 2


def test_emulators_share_keys_unless_they_want_their_own():
    assert EntraEmulator().keys[0].kid == EntraEmulator().keys[0].kid
    assert EntraEmulator(fresh_keys=True).keys[0].kid != EntraEmulator().keys[0].kid


@pytest.mark.parametrize(
    ("segment", "v2", "v1"),
    [
        ("{tid}", "https://login.microsoftonline.com/{tid}/v2.0", "https://sts.windows.net/{tid}/"),
        (
            "contoso.onmicrosoft.com",
            "https://login.microsoftonline.com/{tid}/v2.0",
            "https://sts.windows.net/{tid}/",
        ),
        (
            "common",
            "https://login.microsoftonline.com/{{tenantid}}/v2.0",
            "https://sts.windows.net/{{tenantid}}/",
        ),
        (
            "organizations",
            "https://login.microsoftonline.com/{{tenantid}}/v2.0",
            "https://sts.windows.net/{{tenantid}}/",
        ),
    ],
)
async def test_metadata_names_issuer_and_keys(client, entra, segment, v2, v1):
    segment = segment.format(tid=entra.tenant.id)
    root = entra.authority(segment)
    document = (await client.get(f"{root}/v2.0/.well-known/openid-configuration")).json()
    older = (await client.get(f"{root}/.well-known/openid-configuration")).json()
    keys = (await client.get(document["jwks_uri"])).json()["keys"]

    assert document["issuer"] == v2.format(tid=entra.tenant.id)
    assert older["issuer"] == v1.format(tid=entra.tenant.id)
    assert document["token_endpoint"] == f"{root}/oauth2/v2.0/token"
    assert (await client.get(older["jwks_uri"])).json()["keys"] == keys
    assert {key["issuer"] for key in keys} == {v2.format(tid=entra.tenant.id)}
    assert {key["cloud_instance_name"] for key in keys} == {document["cloud_instance_name"]}


async def test_metadata_of_an_unknown_tenant_is_refused(client, entra):
    for path in ("v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"):
        response = await client.get(f"{entra.base_url}/nowhere/{path}")

        assert response.status_code == 400
        assert response.json()["error_codes"] == [90002]


async def test_other_clouds_have_their_issuers(client):
    entra = EntraEmulator(base_url="https://login.partner.microsoftonline.cn/")
    user, api = entra.add_user("li"), entra.add_app("api", scopes=["use"])

    claims = entra.recognize(entra.user_token(user, resource=api, version=1))

    assert claims["iss"] == f"https://sts.chinacloudapi.cn/{entra.tenant.id}/"


async def test_instance_discovery_knows_the_clouds_and_itself(client, entra):
    entra.served_at("https://localhost:1234")
    url = f"{entra.base_url}/common/discovery/instance"

    async def ask(authority: str):
        query = {"api-version": "1.1", "authorization_endpoint": authority}
        return await client.get(url, params=query)

    own = (await ask("https://localhost:1234/abc/oauth2/v2.0/authorize")).json()
    public = (await ask("https://login.windows.net/abc")).json()
    unknown = await ask("https://login.evil.example/abc")

    hosts = [cloud["preferred_network"] for cloud in own["metadata"]]
    assert hosts[:2] == ["localhost:1234", "login.microsoftonline.com"]
    assert own["tenant_discovery_endpoint"].startswith("https://localhost:1234/abc/v2.0/")
    assert public["metadata"][1]["preferred_cache"] == "login.windows.net"
    assert unknown.json()["error"] == "invalid_instance"


async def test_browsers_may_read_documents_and_answers(client, entra):
    for path in ("v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"):
        response = await client.get(f"{entra.authority()}/{path}")
        assert response.headers["access-control-allow-origin"] == "*"
    response = await client.post(entra.token_endpoint(), data={})
    assert response.headers["access-control-allow-origin"] == "*"


async def test_unknown_paths_and_methods_are_told_apart(client, entra):
    assert (await client.get(f"{entra.base_url}/a/b/c/d")).status_code == 404
    assert (await client.get(entra.token_endpoint())).status_code == 405


def test_an_address_given_from_the_start_stays():
    entra = EntraEmulator(base_url="https://login.microsoftonline.us")
    entra.served_at("https://localhost:1")

    assert entra.base_url == "https://login.microsoftonline.us"


async def test_the_realm_of_a_user_is_managed(client, entra, sample):
    body = (await client.get(f"{entra.base_url}/common/userrealm/{sample.alice.upn}")).json()

    assert body["account_type"] == "Managed"
    assert body["domain_name"] == entra.tenant.domain


def test_importing_loads_no_server():
    script = (
        "import sys, msidweb.testing\n"
        "print(sorted({'uvicorn', 'trustme', 'msal'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(msidweb.__file__).parents[1])}

    loaded = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)

    assert loaded.strip() == "[]"
