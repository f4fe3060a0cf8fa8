import json
import re

import pytest

from msidweb import ConfigurationError, IdentityBuilder
from msidweb.configuration import Configuration

TENANT = "11111111-2222-3333-4444-555555555555"
LOGIN = "https://login.microsoftonline.com"
SECRET = {"SourceType": "ClientSecret", "ClientSecret": "s3cret~value"}
GOOD = {"ClientId": "c", "TenantId": TENANT, "ClientCredentials": [SECRET]}
P = "downstream API 'P'"
API = {"BaseUrl": "https://p.example", "Scopes": ["api://p/read"]}


def problems_of(tmp_path, settings, configure=lambda builder: builder):
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps(settings))
    builder = (
        IdentityBuilder.from_appsettings(path, environ={})
        .add_microsoft_identity_web_api()
        .enable_token_acquisition()
    )
    if "DownstreamApis" in settings:
        builder.add_downstream_apis()
    with pytest.raises(ConfigurationError) as caught:
        configure(builder).build()
    return [
        _DETAILS.sub("", str(problem).removeprefix("appsettings.json: "))
        for problem in caught.value.problems
    ]


_DETAILS = re.compile(r"( \(| or a number | is not part ).*")


def without(*names, **more):
    return {name: value for name, value in GOOD.items() if name not in names} | more


TYPO = {"AllowUserRolesWithoutScop": True}
TYPO_IS = "AzureAd:AllowUserRolesWithoutScop: is unknown"

#: A section, and all that is wrong with it.
SECTIONS = {
    "texts that no token request and no host can hold": (
        without(
            ClientId="a b\r\n",
            ClientCapabilities=["cp1", "a b"],
            AppHomeTenantId="a/b",
            KnownAuthorityHosts=["login.example", "a b"],
        ),
        [
            "AzureAd:ClientId: holds a space, or what is not visible ASCII",
            "AzureAd:ClientCapabilities: holds a space, or what is not visible ASCII",
            "AzureAd:AppHomeTenantId: tenant is no tenant id and no domain.",
            "AzureAd:KnownAuthorityHosts: holds an entry that is no host",
        ],
    ),
    "a home that is no single tenant": (
        without(AppHomeTenantId="common"),
        [
            (
                "AzureAd:AppHomeTenantId: tenant 'common' names no single tenant; "
                "give a tenant id or a domain."
            )
        ],
    ),
    "half of a surrogate pair in the query of every token request": (
        without(ExtraQueryParameters={"\ud800": "x"}),
        ["AzureAd:ExtraQueryParameters: extra_query_parameters holds half of a surrogate pair"],
    ),
    "a typo, and no client id": (
        without("ClientId") | TYPO,
        [TYPO_IS, "AzureAd:ClientId: is missing"],
    ),
    "a typo, and two authorities": (
        without(Authority=f"{LOGIN}/{TENANT}", Instance="https://login.microsoftonline.us") | TYPO,
        [TYPO_IS, "AzureAd:Authority: contradicts Instance"],
    ),
    "a typo, no client id, no tenant, two kinds of secret, a tenant without an id": (
        {
            "ClientCredentials": [SECRET],
            "ClientSecret": "s3cret~value",
            "AllowedTenants": ["contoso.com"],
            **TYPO,
        },
        [
            TYPO_IS,
            "AzureAd:ClientId: is missing",
            "AzureAd:TenantId: is missing",
            "AzureAd:AllowedTenants: must hold tenant ids",
            "AzureAd:ClientSecret: stands beside ClientCredentials",
        ],
    ),
    "a value of the wrong kind, and an unknown login host": (
        without(SendX5C="maybe", Instance="https://login.example"),
        [
            "AzureAd:SendX5C: must be true or false",
            "AzureAd:Instance: names no known login host",
        ],
    ),
    "a typo, and no credential": (
        without("ClientCredentials") | TYPO,
        [TYPO_IS, "AzureAd:ClientCredentials: no client credential, so no token can be acquired"],
    ),
    "a bad authority, and a credential of another version": (
        without(
            Authority="http://x",
            ClientCredentials=[
                {
                    "SourceType": "KeyVault",
                    "KeyVaultUrl": "https://v.example",
                    "KeyVaultCertificateName": "c",
                }
            ],
        ),
        [
            "AzureAd:Authority: must start with https://",
            "AzureAd:ClientCredentials:0: source type 'KeyVault'",
        ],
    ),
    "one credential is misspelled, another has no value": (
        without(
            ClientCredentials=[
                {"SourceType": "ClientSecret", "ClientSecrt": "s3cret~value"},
                {"SourceType": "ClientSecret"},
            ]
        ),
        [
            "AzureAd:ClientCredentials:0:ClientSecrt: is unknown",
            "AzureAd:ClientCredentials:1:ClientSecret: is missing for ClientSecret",
        ],
    ),
    "a credential that lacks a value, in a section that lacks another": (
        without("ClientId", ClientCredentials=[{"SourceType": "ClientSecret", "ClientSecret": ""}]),
        [
            "AzureAd:ClientId: is missing",
            "AzureAd:ClientCredentials:0:ClientSecret: is missing for ClientSecret",
        ],
    ),
    # What rests on the unreadable value is not judged.
    "the client id is misspelled": (
        without("ClientId", ClientIdd="c"),
        ["AzureAd:ClientIdd: is unknown"],
    ),
    "the client id is no text": (
        without(ClientId=["c"]),
        ["AzureAd:ClientId: must be text"],
    ),
    "the tenant is misspelled": (
        without("TenantId", TennantId="x"),
        ["AzureAd:TennantId: is unknown"],
    ),
    "the authority is misspelled": (
        without("TenantId", Authorty="x"),
        ["AzureAd:Authorty: is unknown"],
    ),
    "the tenant is misspelled, and the instance is wrong": (
        without("TenantId", TennantId="x", Instance="https://login.example"),
        ["AzureAd:TennantId: is unknown", "AzureAd:Instance: names no known login host"],
    ),
    "the list of hosts is misspelled": (
        without(Instance="https://login.example", KnownAuthorityHost=["login.example"]),
        ["AzureAd:KnownAuthorityHost: is unknown"],
    ),
    "the list of clients is misspelled": (
        without(AllowWebApiToBeAuthorizedByACL=True, AllowedClientApplication=["a"]),
        ["AzureAd:AllowedClientApplication: is unknown"],
    ),
    "the switch of the list of clients is no switch": (
        without(AllowWebApiToBeAuthorizedByACL="maybe", AllowedClientApplications=["a"]),
        ["AzureAd:AllowWebApiToBeAuthorizedByACL: must be true or false"],
    ),
    "the credentials are misspelled": (
        without("ClientCredentials", ClientCredential=[SECRET]),
        ["AzureAd:ClientCredential: is unknown"],
    ),
    "the kind of a credential is misspelled": (
        without(ClientCredentials=[SECRET | {"SourceType": "ClientSecert"}]),
        ["AzureAd:ClientCredentials:0:SourceType: must be ClientSecret, Path, KeyVault …"],
    ),
    "an entry of the credentials is no object": (
        without(ClientCredentials=["x"]),
        ["AzureAd:ClientCredentials:0: must be an object"],
    ),
    "the section is no object": ("x", ["AzureAd: must be an object"]),
}


@pytest.mark.parametrize(("section", "expected"), SECTIONS.values(), ids=SECTIONS)
def test_one_error_lists_all_that_is_wrong_with_a_section(tmp_path, section, expected):
    found = problems_of(tmp_path, {"AzureAd": section})

    assert sorted(found) == sorted(expected)


#: An API, and all that is wrong with it.
APIS = {
    "a typo, and all else that can be wrong": (
        {
            "BaseUrl": "http://far.example",
            "ProtocolScheme": "Pop",
            "ExtraHeaderParameters": {"a b": "c"},
            "AcceptHeader": "a\nb",
            "HttpMethod": "GET POST",
            "Scopes": ["a", ""],
            "HttpClientName": "Slow",
            "RelativPath": "x",
        },
        [
            "DownstreamApis:P:RelativPath: is unknown",
            f"{P}:Scopes: holds an empty entry",
            f"{P}: HttpClientName: no HTTP client is called 'Slow'",
            f"{P}:BaseUrl: The base URL is plain http to a host that is not loopback.",
            f"{P}:ProtocolScheme: 'P': the protocol scheme 'Pop' is not offered.",
            f"{P}:ExtraHeaderParameters: The header name 'a b' is not a token of RFC 9110.",
            f"{P}:AcceptHeader: The value of header 'Accept' is not visible ASCII.",
            f"{P}:HttpMethod: 'P': the HTTP method is not a token of RFC 9110.",
        ],
    ),
    "what every call would be refused for": (
        {
            "BaseUrl": "https://p.example",
            "RelativePath": "../x",
            "ContentType": "a\r\nb",
            "ExtraQueryParameters": {"\ud800": "x"},
            "RequestAppToken": True,
            "Scopes": ["api://p/read", "api://p/write"],
        },
        [
            f"{P}:RelativePath: The relative path holds a '.' or '..' segment.",
            f"{P}:ContentType: The value of header 'Content-Type' is not visible ASCII.",
            f"{P}:ExtraQueryParameters: A value of the URL holds half of a surrogate pair.",
            (
                f"{P}:Scopes: 'P': a call for the application takes exactly one scope, "
                "ending in '/.default'."
            ),
        ],
    ),
    "an encoded slash, and a typo in what would allow it": (
        {"BaseUrl": "https://p.example", "RelativePath": "a%2Fb", "AllowEncodedSlah": True},
        ["DownstreamApis:P:AllowEncodedSlah: is unknown"],
    ),
    "what no token could be asked for with": (
        {
            "BaseUrl": "https://p.example",
            "Scopes": ["openid"],
            "AcquireTokenOptions": {
                "Tenant": "a/b",
                "Claims": "nonsense",
                "CorrelationId": "a\nb",
                "ExtraHeadersParameters": {"Host": "evil.example"},
                "ExtraQueryParameters": {"\ud800": "x"},
            },
        },
        [
            f"{P}:Scopes: No scope of an API is asked for.",
            f"{P}: AcquireTokenOptions:Tenant: tenant is no tenant id and no domain.",
            (
                f"{P}: AcquireTokenOptions:Claims: "
                "claims is no JSON object of at most 8 KiB with an object 'access_token'."
            ),
            f"{P}: AcquireTokenOptions:CorrelationId: correlation_id is no plain id.",
            (
                f"{P}: AcquireTokenOptions:ExtraHeadersParameters: "
                "extra_headers_parameters may not set 'Host'."
            ),
            (
                f"{P}: AcquireTokenOptions:ExtraQueryParameters: "
                "extra_query_parameters holds half of a surrogate pair"
            ),
        ],
    ),
    "the base URL is misspelled": (
        {"BaseUri": "https://p.example", "Scopes": ["a/b"], "ProtocolScheme": "Pop"},
        [
            "DownstreamApis:P:BaseUri: is unknown",
            f"{P}:ProtocolScheme: 'P': the protocol scheme 'Pop' is not offered.",
        ],
    ),
    "the API is no object": ("x", ["DownstreamApis:P: must be an object"]),
}


@pytest.mark.parametrize(("api", "expected"), APIS.values(), ids=APIS)
def test_one_error_lists_all_that_is_wrong_with_an_api(tmp_path, api, expected):
    found = problems_of(tmp_path, {"AzureAd": GOOD, "DownstreamApis": {"P": api}})

    assert sorted(found) == sorted(expected)


def test_an_http_client_with_a_typo_is_there_all_the_same(tmp_path):
    settings = {
        "AzureAd": GOOD,
        "HttpClients": {"Slow": {"Timeot": 1, "ClientKeyFile": "k"}},
        "DownstreamApis": {"P": API | {"HttpClientName": "Slow"}},
    }

    assert problems_of(tmp_path, settings) == [
        "HttpClients:Slow:Timeot: is unknown",
        "HTTP client 'Slow':ClientKeyFile: has no ClientCertificateFile beside it",
    ]


@pytest.mark.parametrize(
    ("client", "problem"),
    [
        ({"Proxy": "://x"}, "Proxy: HTTP client 'X': the proxy is not an http or https URL."),
        ({"Proxy": "socks5://x"}, "Proxy: HTTP client 'X': the proxy is not an http or https URL."),
        ({"RetryMethods": "GET PSOT"}, "RetryMethods: holds no HTTP method"),
    ],
)
def test_an_http_client_that_could_not_be_made_is_refused_at_build(tmp_path, client, problem):
    settings = {"AzureAd": GOOD, "HttpClients": {"X": client}}

    assert problems_of(tmp_path, settings) == [f"HTTP client 'X':{problem}"]


def test_an_http_client_repeats_the_methods_of_an_api_of_its_own(tmp_path):
    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    builder.add_microsoft_identity_web_api(client_id="c", tenant_id=TENANT)
    builder.add_http_client("X", retry_methods="GET PROPFIND PROPPATCH REPORT MERGE PURGE")

    assert builder.build().options.http_clients["X"].retry_methods[-1] == "PURGE"


def test_an_http_client_is_not_judged_by_a_value_that_cannot_be_read(tmp_path):
    client = {"ClientCertificateFil": "c", "ClientKeyFile": "k"}

    assert problems_of(tmp_path, {"AzureAd": GOOD, "HttpClients": {"X": client}}) == [
        "HttpClients:X:ClientCertificateFil: is unknown"
    ]


def test_a_keyword_in_place_of_a_misspelled_key_is_judged(tmp_path):
    section = without("ClientId", "TenantId", ClientIdd="c", TennantId=TENANT)

    found = problems_of(
        tmp_path,
        {"AzureAd": section},
        lambda builder: builder.add_microsoft_identity_web_api(tenant_id="not a tenant"),
    )

    assert found == [
        "AzureAd:ClientIdd: is unknown",
        "AzureAd:TennantId: is unknown",
        "AzureAd:TenantId: is no tenant id, domain or 'organizations'",
    ]


def test_what_a_callable_would_have_set_is_not_judged(tmp_path):
    found = problems_of(
        tmp_path,
        {"AzureAd": without("ClientId") | TYPO},
        lambda builder: builder.add_microsoft_identity_web_api(
            configure=lambda options: setattr(options, "client_id", "c")
        ),
    )

    assert found == [TYPO_IS]


def test_a_callable_that_fails_leaves_the_rest_to_be_told():
    def fails(options):
        options.client_id = 5

    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    builder.add_microsoft_identity_web_api(fails).add_downstream_api("P", base_url="x")

    with pytest.raises(ConfigurationError) as caught:
        builder.build()

    assert [str(problem) for problem in caught.value.problems] == [
        "add_microsoft_identity_web_api:ClientId: must be text",
        f"{P}:BaseUrl: The base URL is not an absolute URL.",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ExtraParameters", {"a": "b"}),
        ("FmiPath", "a/b"),
        ("LongRunningWebApiSessionKey", "k"),
        ("ManagedIdentity", {"UserAssignedClientId": "c"}),
        ("PopClaim", "c"),
        ("PopPublicKey", "k"),
        ("UserFlow", "B2C_1_susi"),
    ],
)
def test_what_an_apis_tokens_cannot_be_asked_for_yet_is_refused_at_build(tmp_path, key, value):
    api = API | {"AcquireTokenOptions": {key: value, "UserFlow": "f"}}

    found = problems_of(tmp_path, {"AzureAd": GOOD, "DownstreamApis": {"P": api}})

    place = f"{P}: AcquireTokenOptions"
    assert sorted(found) == sorted({f"{place}:{key}:", f"{place}:UserFlow:"})


def test_every_option_that_is_not_acted_on_yet_is_noted():
    heard = []
    builder = IdentityBuilder(Configuration.of_environment(environ={})).add_hook(heard.append)

    builder.add_microsoft_identity_web_api(
        client_id="c",
        tenant_id=TENANT,
        azure_region="westeurope",
        app_permissions="a",
        user_assigned_managed_identity_client_id="c",
    ).build()

    assert {(note.place, note.note) for note in heard} == {
        (name, "has no effect in this version")
        for name in ("AzureRegion", "UserAssignedManagedIdentityClientId")
    }
