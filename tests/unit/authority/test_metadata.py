from __future__ import annotations

import httpx
import pytest
from tests.support.documents import DocumentServer, OneClient
from tests.support.signing import OTHER_TENANT, PERSONAL, TENANT, key_pair

from msidweb.authority import Authority, AuthorityKind
from msidweb.authority.metadata import fetch_key_set
from msidweb.errors import MetadataUnavailableError
from msidweb.http.documents import MAX_DOCUMENT, Documents

HOST = "login.microsoftonline.com"


def fetched(server: DocumentServer, authority: Authority):
    return fetch_key_set(authority, Documents(OneClient(httpx.MockTransport(server)), "Entra").get)


def server_of(**options) -> DocumentServer:
    return DocumentServer([key_pair("first").jwk()], **options)


async def test_both_metadata_documents_and_the_v2_keys_are_fetched():
    server = server_of(cloud="microsoftonline.com")
    key_set = await fetched(server, Authority(HOST, TENANT))
    assert key_set.issuer_v2 == f"https://{HOST}/{TENANT}/v2.0"
    assert key_set.issuer_v1 == f"https://sts.windows.net/{TENANT}/"
    assert (key_set.tenant, key_set.cloud) == (TENANT, "microsoftonline.com")
    assert set(key_set.keys) == {"first"}
    assert sorted(server.asked) == [
        f"https://{HOST}/{TENANT}/.well-known/openid-configuration",
        f"https://{HOST}/{TENANT}/v2.0/.well-known/openid-configuration",
        f"https://{HOST}/discovery/v2.0/keys",
    ]


@pytest.mark.parametrize(
    ("authority", "served"),
    [
        (Authority(HOST, "organizations"), {"tenant": "{tenantid}"}),
        (Authority(HOST, "common"), {"tenant": "{tenantid}"}),
        (Authority(HOST, "consumers"), {"tenant": PERSONAL}),
        (Authority(HOST, "contoso.example"), {"tenant": TENANT}),
        (Authority(HOST, TENANT.upper()), {"tenant": TENANT}),
        (Authority("login.windows.net", TENANT), {}),
        (
            Authority("login.chinacloudapi.cn", TENANT),
            {"host": "login.partner.microsoftonline.cn", "sts": "sts.chinacloudapi.cn"},
        ),
        (
            Authority("contoso.ciamlogin.com", "contoso.onmicrosoft.com", AuthorityKind.CIAM),
            {"host": f"{TENANT}.ciamlogin.com"},
        ),
        (
            Authority("localhost:8443", TENANT),
            {"host": "localhost:8443", "sts": "localhost:8443"},
        ),
        (
            Authority(
                "login.private.example", TENANT, listed_hosts=frozenset({"sts.private.example"})
            ),
            {"host": "login.private.example", "sts": "sts.private.example"},
        ),
    ],
)
async def test_the_issuer_of_each_kind_of_authority_is_accepted(authority, served):
    key_set = await fetched(server_of(**served), authority)
    assert key_set.issuer_v1 is not None
    assert (key_set.tenant is None) is authority.is_multi_tenant


@pytest.mark.parametrize(
    "issuer",
    [
        f"https://{HOST}/{OTHER_TENANT}/v2.0",
        f"https://{HOST}/{{tenantid}}/v2.0",
        f"https://login.microsoftonline.us/{TENANT}/v2.0",
        f"https://evil.example/{TENANT}/v2.0",
        f"https://{HOST}/{TENANT}/v2.0/",
        f"http://{HOST}/{TENANT}/v2.0",
        f"https://{HOST}@evil.example/{TENANT}/v2.0",
        "",
        None,
        5,
    ],
)
async def test_fj8_another_issuer_refuses_the_document(issuer):
    server = server_of()
    server.v2["issuer"] = issuer
    with pytest.raises(MetadataUnavailableError, match="issuer"):
        await fetched(server, Authority(HOST, TENANT))


@pytest.mark.parametrize(
    ("tenant", "served"),
    [
        ("organizations", TENANT),
        ("common", TENANT),
        ("consumers", TENANT),
        ("contoso.example", "{tenantid}"),
    ],
)
async def test_the_issuer_must_fit_the_tenant_segment(tenant, served):
    with pytest.raises(MetadataUnavailableError, match="issuer"):
        await fetched(server_of(tenant=served), Authority(HOST, tenant))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/keys",
        "http://login.microsoftonline.com/keys",
        "https://login.microsoftonline.com@evil.example/keys",
        "https://login.microsoftonline.com:8443/keys",
        "https://login.microsoftonline.us/keys",
        "https://[/keys",
        "file:///etc/passwd",
        None,
    ],
)
async def test_fj8_keys_on_another_host_are_not_fetched(url):
    server = server_of()
    server.v2["jwks_uri"] = url
    with pytest.raises(MetadataUnavailableError, match="another host"):
        await fetched(server, Authority(HOST, TENANT))
    assert url not in server.asked


async def test_keys_may_be_on_an_alias_of_the_cloud():
    server = server_of()
    server.v2["jwks_uri"] = "https://login.windows.net/keys"
    assert (await fetched(server, Authority(HOST, TENANT))).keys


async def test_ciam_keys_may_be_on_the_host_of_the_tenant_id():
    authority = Authority("contoso.ciamlogin.com", TENANT, AuthorityKind.CIAM)
    server = server_of(host=f"{TENANT}.ciamlogin.com")
    assert (await fetched(server, authority)).tenant == TENANT


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(503), "answered 503"),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), "answered 302"),
        (httpx.Response(200, text="<html>"), "cannot be read"),
        (httpx.Response(200, text="[]"), "cannot be read"),
        (httpx.Response(200, text='{"issuer":1,"issuer":2}'), "cannot be read"),
        (httpx.Response(200, content=b" " * (MAX_DOCUMENT + 1)), "longer than 1 MiB"),
    ],
)
async def test_fj7_an_answer_that_is_no_document_is_refused(answer, reason):
    server = server_of()
    server.fault = lambda url: answer if "/v2.0/.well" in url else None
    with pytest.raises(MetadataUnavailableError, match=reason):
        await fetched(server, Authority(HOST, TENANT))
    assert not any("evil" in url for url in server.asked)


async def test_a_compressed_flood_is_cut_off():
    import gzip

    bomb = gzip.compress(b" " * (4 * MAX_DOCUMENT))
    server = server_of()
    server.fault = lambda _: httpx.Response(200, content=bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(MetadataUnavailableError, match="longer than 1 MiB"):
        await fetched(server, Authority(HOST, TENANT))


async def test_a_refused_connection_is_named_without_detail():
    def refuse(url):
        raise httpx.ConnectError("secret detail")

    server = server_of()
    server.fault = refuse
    with pytest.raises(MetadataUnavailableError, match=r"did not answer \(ConnectError\)") as error:
        await fetched(server, Authority(HOST, TENANT))
    assert "secret" not in str(error.value)


async def test_the_v1_document_may_be_missing():
    server = server_of()
    server.v1 = {"issuer": "https://evil.example/x/"}
    assert (await fetched(server, Authority(HOST, TENANT))).issuer_v1 is None


async def test_a_hanging_authority_is_given_up(monkeypatch):
    import asyncio

    monkeypatch.setattr("msidweb.authority.metadata.OVERALL_TIMEOUT", 0.01)
    server = server_of()
    server.hold = asyncio.Event()
    with pytest.raises(MetadataUnavailableError, match="too long"):
        await fetched(server, Authority(HOST, TENANT))


async def test_a_programming_error_is_not_hidden():
    async def broken(url: str) -> bytes:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await fetch_key_set(Authority(HOST, TENANT), broken)
