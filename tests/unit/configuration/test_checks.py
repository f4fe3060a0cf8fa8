import pytest

from msidweb.configuration import (
    DownstreamApiOptions,
    HttpClientOptions,
    MicrosoftIdentityOptions,
    Place,
    bind,
    check_downstream_api,
    check_http_client,
    check_web_api,
)

HERE = Place("Here")
TENANT = "11111111-2222-3333-4444-555555555555"
GOOD = {"client_id": "c", "tenant_id": TENANT}


@pytest.mark.parametrize(
    "options",
    [
        GOOD,
        {"client_id": "c", "authority": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
        {"client_id": "c", "domain": "x.onmicrosoft.com", "sign_up_sign_in_policy_id": "p"},
        GOOD | {"client_secret": "s", "client_credentials": []},
        GOOD | {"allow_web_api_to_be_authorized_by_acl": True, "allowed_client_applications": "a"},
        GOOD | {"allowed_tenants": [TENANT], "scopes": "a b"},
        GOOD | {"client_credentials": [{"source_type": "SignedAssertionFilePath"}]},
        GOOD | {"client_credentials": [{"source_type": "Path", "skip": True}]},
        GOOD | {"client_certificates": [{"source_type": 3, "certificate_disk_path": "/c"}]},
    ],
)
def test_what_can_work_has_no_problem(options):
    assert check_web_api(MicrosoftIdentityOptions(**options), HERE) == []


@pytest.mark.parametrize(
    ("options", "place", "message"),
    [
        ({"tenant_id": TENANT}, "Here:ClientId", "is missing"),
        ({"client_id": "c"}, "Here:TenantId", "is missing"),
        ({"client_id": "c", "sign_up_sign_in_policy_id": "p"}, "Here:Domain", "is missing"),
        (
            GOOD | {"client_secret": "s", "client_credentials": [{"source_type": 8}]},
            "Here:ClientSecret",
            "stands beside ClientCredentials",
        ),
        (
            GOOD | {"allow_web_api_to_be_authorized_by_acl": True},
            "Here:AllowWebApiToBeAuthorizedByACL",
            "would let every application of the tenant in",
        ),
        (
            GOOD
            | {"allow_web_api_to_be_authorized_by_acl": True, "allowed_client_applications": []},
            "Here:AllowWebApiToBeAuthorizedByACL",
            "would let every application of the tenant in",
        ),
        (
            GOOD | {"allowed_client_applications": ["a"]},
            "Here:AllowedClientApplications",
            "restricts nobody without AllowWebApiToBeAuthorizedByACL",
        ),
        (GOOD | {"scopes": ["a", " "]}, "Here:Scopes", "holds an empty entry"),
        (GOOD | {"app_permissions": [""]}, "Here:AppPermissions", "holds an empty entry"),
        (GOOD | {"audiences": [""]}, "Here:Audiences", "holds an empty entry"),
        (GOOD | {"allowed_tenants": ["", TENANT]}, "Here:AllowedTenants", "holds an empty entry"),
        (
            GOOD | {"allowed_tenants": ["contoso.com"]},
            "Here:AllowedTenants",
            "must hold tenant ids",
        ),
        (
            GOOD | {"client_credentials": [{"client_secret": "s"}]},
            "Here:ClientCredentials:0:SourceType",
            "names no source",
        ),
        (
            GOOD | {"client_credentials": [{"source_type": 8}, {"source_type": "ClientSecret"}]},
            "Here:ClientCredentials:1:ClientSecret",
            "is missing for ClientSecret",
        ),
        (
            GOOD | {"token_decryption_credentials": [{"source_type": "Base64Encoded"}]},
            "Here:TokenDecryptionCredentials:0:Base64EncodedValue",
            "is missing for Base64Encoded",
        ),
    ],
)
def test_what_cannot_work_is_one_problem(options, place, message):
    (problem,) = check_web_api(MicrosoftIdentityOptions(**options), HERE)
    assert (problem.place, problem.message) == (place, message)


def test_problems_name_the_origin_of_the_value(configured):
    section = configured(
        '{"AzureAd": {"ClientId": "c", "ClientSecret": "s", "TenantId": "common",'
        ' "ClientCredentials": [{"SourceType": "Path"}]}}'
    ).section("AzureAd")
    options = bind(MicrosoftIdentityOptions, section, place="AzureAd", problems=[])
    assert [p.place for p in check_web_api(options, Place("AzureAd", section))] == [
        "appsettings.json: AzureAd:ClientSecret",
        "AzureAd:ClientCredentials:0:CertificateDiskPath",
    ]


def test_downstream_scopes_are_not_empty():
    assert check_downstream_api(DownstreamApiOptions(scopes=["a"]), HERE) == []
    (problem,) = check_downstream_api(DownstreamApiOptions(scopes=["a", ""]), HERE)
    assert str(problem) == "Here:Scopes: holds an empty entry"


def test_a_client_key_belongs_to_a_certificate():
    files = {"client_key_file": "k", "client_certificate_file": "c"}
    assert check_http_client(HttpClientOptions(**files), HERE) == []
    (problem,) = check_http_client(HttpClientOptions(client_key_file="k"), HERE)
    assert problem.place == "Here:ClientKeyFile"
