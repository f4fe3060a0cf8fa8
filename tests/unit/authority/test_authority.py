from __future__ import annotations

from typing import Any

import pytest
from tests.support.signing import OTHER_TENANT, TENANT

from msidweb.authority import Authority, AuthorityKind, cloud_of, resolve_authority
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.errors import ConfigurationError


def resolved(**options: Any) -> Authority:
    return resolve_authority(MicrosoftIdentityOptions(**options))


def problems(**options: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refusal:
        resolved(**options)
    return [str(problem) for problem in refusal.value.problems]


def test_instance_and_tenant_are_taken_as_they_are():
    authority = resolved(instance="https://login.microsoftonline.com/", tenant_id=TENANT)
    assert (authority.host, authority.tenant) == ("login.microsoftonline.com", TENANT)
    assert authority.kind is AuthorityKind.ENTRA
    assert not authority.is_multi_tenant


def test_the_public_cloud_is_the_default():
    assert resolved(tenant_id="organizations").host == "login.microsoftonline.com"


@pytest.mark.parametrize("ending", ["", "/", "/v2.0", "/v2.0/"])
def test_an_authority_is_taken_apart(ending):
    authority = resolved(authority=f"https://login.microsoftonline.com/{TENANT}{ending}")
    assert (authority.host, authority.tenant) == ("login.microsoftonline.com", TENANT)


def test_the_computed_default_of_dotnet_means_no_authority():
    assert resolved(authority="//v2.0", tenant_id=TENANT).tenant == TENANT


def test_an_authority_that_agrees_is_accepted():
    authority = resolved(
        instance="https://LOGIN.microsoftonline.com",
        tenant_id=TENANT.upper(),
        authority=f"https://login.microsoftonline.com/{TENANT}/v2.0",
    )
    assert authority.host == "login.microsoftonline.com"


def test_an_authority_without_tenant_takes_it_from_tenant_id():
    authority = resolved(authority="https://login.microsoftonline.us", tenant_id=TENANT)
    assert (authority.host, authority.tenant) == ("login.microsoftonline.us", TENANT)


def test_13_a_contradiction_stops_the_build():
    found = problems(
        instance="https://login.microsoftonline.us",
        tenant_id=TENANT,
        authority=f"https://login.microsoftonline.com/{OTHER_TENANT}",
    )
    assert found == [
        "AzureAd:Authority: contradicts Instance (keep one of the two)",
        "AzureAd:Authority: contradicts TenantId (keep one of the two)",
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "AzureAd:TenantId: is missing"),
        ({"tenant_id": "not a tenant"}, "AzureAd:TenantId: is no tenant id"),
        ({"tenant_id": "../common"}, "AzureAd:TenantId: is no tenant id"),
        ({"tenant_id": "a." * 130 + "com"}, "AzureAd:TenantId: is no tenant id"),
        ({"instance": "http://login.microsoftonline.com"}, "AzureAd:Instance: must start with"),
        ({"instance": "login.microsoftonline.com"}, "AzureAd:Instance: must start with"),
        ({"instance": "https://"}, "AzureAd:Instance: has no usable host"),
        ({"instance": "https://a:0/"}, "AzureAd:Instance: has no usable host"),
        ({"instance": "https://a:99999/"}, "AzureAd:Instance: is no URL"),
        ({"instance": "https://u@login.microsoftonline.com"}, "AzureAd:Instance: has no usable"),
        ({"instance": "https://login.microsoftonline.com/tfp/"}, "AzureAd:Instance: has a path"),
        ({"instance": "https://evil.example/"}, "AzureAd:Instance: names no known login host"),
        ({"instance": "https://a.b2clogin.com"}, "AzureAd:Instance: Azure AD B2C is not supported"),
        (
            {"authority": "https://a.b2clogin.com/a.onmicrosoft.com/B2C_1_x"},
            "AzureAd:Authority: Azure AD B2C is not supported",
        ),
        ({"authority": "https://evil.example/x"}, "AzureAd:Authority: names no known login host"),
        ({"authority": "https://login.microsoftonline.com/a/b"}, "AzureAd:Authority: is not of"),
        ({"authority": "https://login.microsoftonline.com/adfs"}, "AzureAd:Authority: is not of"),
        ({"authority": "https://login.microsoftonline.com/x?dc=1"}, "AzureAd:Authority: has a q"),
        ({"sign_up_sign_in_policy_id": "b2c_1"}, "AzureAd:SignUpSignInPolicyId: Azure AD B2C"),
    ],
)
def test_what_cannot_work_is_a_problem_with_its_place(options, problem):
    given = {"tenant_id": TENANT, **options} if "instance" in options else options
    assert any(found.startswith(problem) for found in problems(**given))


def test_problems_do_not_show_the_value():
    assert "evil" not in " ".join(problems(instance="https://evil.example", tenant_id=TENANT))


@pytest.mark.parametrize("host", ["localhost:8443", "127.0.0.1:9", "[::1]:8443", "entra.localhost"])
def test_loopback_hosts_with_a_port_work(host):
    authority = resolved(instance=f"https://{host}/", tenant_id=TENANT)
    assert authority.token_endpoint() == f"https://{host}/{TENANT}/oauth2/v2.0/token"
    assert authority.aliases == {host}
    assert authority.cache_environment == host


def test_328_an_unknown_host_must_be_listed():
    authority = resolved(
        instance="https://login.private.example:8443",
        tenant_id=TENANT,
        known_authority_hosts=["Login.Private.Example:8443"],
    )
    assert authority.host == "login.private.example:8443"


def test_ciam_hosts_have_a_tenant_of_their_own():
    authority = resolved(authority="https://contoso.ciamlogin.com/")
    assert authority.kind is AuthorityKind.CIAM
    assert authority.tenant == "contoso.onmicrosoft.com"
    assert authority.token_endpoint(TENANT) == (
        f"https://contoso.ciamlogin.com/{TENANT}/oauth2/v2.0/token"
    )


@pytest.mark.parametrize(
    ("configured", "network", "environment"),
    [
        ("login.windows.net", "login.microsoftonline.com", "login.windows.net"),
        ("login.microsoft.com", "login.microsoftonline.com", "login.windows.net"),
        ("login.usgovcloudapi.net", "login.microsoftonline.us", "login.microsoftonline.us"),
        (
            "login.chinacloudapi.cn",
            "login.partner.microsoftonline.cn",
            "login.partner.microsoftonline.cn",
        ),
        ("login.sovcloud-identity.fr", "login.sovcloud-identity.fr", "login.sovcloud-identity.fr"),
    ],
)
def test_tokens_go_to_the_preferred_host_and_metadata_to_the_configured(
    configured, network, environment
):
    authority = resolved(instance=f"https://{configured}", tenant_id="organizations")
    assert authority.token_endpoint(TENANT) == f"https://{network}/{TENANT}/oauth2/v2.0/token"
    assert authority.metadata_url(2) == (
        f"https://{configured}/organizations/v2.0/.well-known/openid-configuration"
    )
    assert authority.metadata_url(1) == (
        f"https://{configured}/common/.well-known/openid-configuration"
    )
    assert authority.cache_environment == environment
    assert {configured, network} <= authority.aliases
    assert authority.is_multi_tenant


def test_consumers_is_a_meta_tenant_and_no_multi_tenant():
    authority = Authority("login.microsoftonline.com", "consumers")
    assert authority.is_meta_tenant
    assert not authority.is_multi_tenant


def test_a_host_belongs_to_one_cloud():
    assert cloud_of("evil.example") is None
    assert cloud_of("login.windows.net") is cloud_of("login.microsoftonline.com")
