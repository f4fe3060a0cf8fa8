"""Several clouds behind one emulator, External ID's issuers, user flows of Azure AD B2C."""

import json

import httpx
import jwt
import pytest
from tests.support.browser import Browser
from tests.support.sign_in import CALLBACK, Client

from msidweb import IdentityBuilder
from msidweb.encoding import decode_base64url
from msidweb.testing import EntraEmulator, ManualClock, environment_of, sample_tenant, serve_tls

CLOUDS = {
    "login.microsoftonline.com": "https://sts.windows.net",
    "login.microsoftonline.us": "https://sts.windows.net",
    "login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn",
}
B2C, CIAM = "contoso.b2clogin.com", "contoso.ciamlogin.com"
FLOW = "B2C_1_susi"


@pytest.fixture
def entra():
    hosts = [*CLOUDS, B2C, CIAM]
    clock = ManualClock(1_800_000_000)
    return EntraEmulator(base_url="https://entra.test", clock=clock, hosts=hosts)


async def document(client, url):
    return (await client.get(f"{url}/.well-known/openid-configuration")).json()


@pytest.mark.parametrize(("host", "v1"), CLOUDS.items())
async def test_a_cloud_has_documents_and_issuers_of_its_own(client, entra, host, v1):
    tid = entra.tenant.id

    answer = await document(client, f"https://{host}/{tid}/v2.0")
    older = await document(client, f"https://{host}/{tid}")
    keys = (await client.get(answer["jwks_uri"])).json()["keys"]

    assert answer["issuer"] == f"https://{host}/{tid}/v2.0"
    assert answer["token_endpoint"] == f"https://{host}/{tid}/oauth2/v2.0/token"
    assert answer["cloud_instance_name"] == host
    assert older["issuer"] == f"{v1}/{tid}/"
    assert {key["issuer"] for key in keys} == {f"https://{host}/{tid}/v2.0"}


async def test_a_host_that_it_was_not_told_of_is_its_own(client, entra):
    answer = await document(client, f"https://login.other.example/{entra.tenant.id}/v2.0")

    assert answer["issuer"].startswith("https://entra.test/")


async def test_a_token_is_of_the_cloud_where_it_was_asked_for(client, entra, sample):
    form = {
        "grant_type": "client_credentials",
        "client_id": sample.daemon.client_id,
        "client_secret": sample.daemon.client_secret,
        "scope": sample.api.default_scope,
    }
    url = f"https://login.microsoftonline.us/{entra.tenant.id}/oauth2/v2.0/token"

    token = (await client.post(url, data=form)).json()["access_token"]

    assert entra.recognize(token)["iss"].startswith("https://login.microsoftonline.us/")


async def test_a_test_goes_to_another_host_and_comes_back(entra, sample):
    with entra.at("login.microsoftonline.us"):
        there = entra.user_token(sample.alice, resource=sample.api)
        address = entra.authority()
    here = entra.user_token(sample.alice, resource=sample.api)

    assert address == f"https://login.microsoftonline.us/{entra.tenant.id}"
    assert entra.recognize(there)["iss"] == f"{address}/v2.0"
    assert entra.recognize(here)["iss"].startswith("https://entra.test/")


async def test_external_id_names_its_issuer_by_tenant_id(client, entra, sample):
    tid = entra.tenant.id

    answer = await document(client, f"https://{CIAM}/contoso.onmicrosoft.com/v2.0")
    with entra.at(CIAM):
        token = entra.user_token(sample.alice, resource=sample.api)
        older = entra.user_token(sample.alice, resource=sample.api, version=1)

    assert answer["issuer"] == f"https://{tid}.ciamlogin.com/{tid}/v2.0"
    assert answer["token_endpoint"].startswith(f"https://{CIAM}/contoso.onmicrosoft.com/")
    assert entra.recognize(token)["iss"] == answer["issuer"]
    assert entra.recognize(older)["iss"] == f"https://sts.windows.net/{tid}/"


async def test_our_own_api_accepts_the_tokens_of_external_id(entra, sample):
    with entra.at(CIAM):
        settings = {"AzureAd": entra.azure_ad(sample.api)}
        token = entra.user_token(sample.alice, resource=sample.api)
    identity = (
        IdentityBuilder.from_appsettings(environ=environment_of(settings))
        .add_microsoft_identity_web_api("AzureAd")
        .add_http_client("Entra", transport=entra.transport())
        .override(clock=entra.clock)
        .build()
    )

    async with identity:
        principal = await identity.token_validator.validate(token)

    assert principal.object_id == sample.alice.oid


@pytest.mark.parametrize("prefix", ["", "/tfp"])
async def test_a_user_flow_has_documents_of_its_own(client, entra, prefix):
    base = f"https://{B2C}/contoso.onmicrosoft.com/{FLOW}"

    answer = await document(client, f"https://{B2C}{prefix}/contoso.onmicrosoft.com/{FLOW}/v2.0")
    keys = (await client.get(answer["jwks_uri"])).json()["keys"]

    assert FLOW in entra.wire.requests[0].path
    assert answer["issuer"] == f"https://{B2C}/{entra.tenant.id}/v2.0/"
    assert answer["authorization_endpoint"] == f"{base}/oauth2/v2.0/authorize"
    assert answer["jwks_uri"] == f"{base}/discovery/v2.0/keys"
    assert "issuer" not in keys[0]


async def test_a_user_signs_in_through_a_user_flow(entra, sample, client, http):
    app = entra.add_app("shop", redirect_uris={"web": [CALLBACK]})
    scope = f"openid offline_access {sample.api.scope('access_as_user')}"
    with entra.at(B2C, policy=FLOW):
        web = Client(entra, app, http, Browser(client, entra.base_url), scope)
        page = await web.begin(client_info="1")
        await web.browser.press(await web.browser.press(page, "alice"), "Accept")
        body = (await web.redeem(web.browser.answer["code"])).json()

    for token in ("access_token", "id_token"):
        claims = entra.recognize(body[token])
        assert claims["iss"] == f"https://{B2C}/{entra.tenant.id}/v2.0/"
        assert (claims["ver"], claims["tfp"]) == ("1.0", "b2c_1_susi")
        assert claims["emails"] == [sample.alice.upn]
        assert "preferred_username" not in claims
    info = json.loads(decode_base64url(body["client_info"]))
    assert info["uid"] == f"{sample.alice.oid}-b2c_1_susi"
    assert web.browser.answer["client_info"] == body["client_info"]


async def test_a_user_flow_knows_no_on_behalf_of(entra, sample, ask):
    token = entra.user_token(sample.alice, resource=sample.api)
    with entra.at(B2C, policy=FLOW):
        refused = await ask(
            sample.api,
            grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
            requested_token_use="on_behalf_of",
            assertion=token,
            scope=sample.partner.scope("read"),
        )

    assert refused.json()["error"] == "unsupported_grant_type"


async def test_the_flow_of_another_request_is_not_mine(client, entra, sample):
    await document(client, f"https://{B2C}/contoso.onmicrosoft.com/{FLOW}/v2.0")

    claims = entra.recognize(entra.user_token(sample.alice, resource=sample.api))

    assert "tfp" not in claims


async def test_a_server_has_the_hosts_on_its_certificate():
    import ssl

    entra = EntraEmulator(hosts=["login.microsoftonline.us"])
    sample_tenant(entra)
    async with serve_tls(entra, hosts=["login.microsoftonline.us"]) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            answer = await client.get(
                f"{server.base_url}/{entra.tenant.id}/v2.0/.well-known/openid-configuration",
                headers={"Host": "login.microsoftonline.us"},
                extensions={"sni_hostname": "login.microsoftonline.us"},
            )

    assert answer.json()["issuer"].startswith("https://login.microsoftonline.us/")


def test_the_signature_is_of_the_same_key_everywhere(entra, sample):
    with entra.at(B2C, policy=FLOW):
        token = entra.user_token(sample.alice, resource=sample.api)

    assert jwt.get_unverified_header(token)["kid"] == entra.keys[0].kid
