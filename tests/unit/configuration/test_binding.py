from datetime import timedelta
from typing import Annotated

import pytest
from annotated_types import Lt

from msidweb.configuration import (
    AcquireTokenOptions,
    CredentialDescription,
    DownstreamApiOptions,
    HttpClientOptions,
    MicrosoftIdentityOptions,
    Options,
    SourceType,
    TokenCacheOptions,
    bind,
)

NO_SOURCE = "must be ClientSecret, Path, KeyVault … or a number from 0 to 13"
NO_TIMESPAN = "must be seconds, or a TimeSpan such as 00:05:00"


def bound(model, section, **overrides):
    problems = []
    options = bind(model, section, overrides=overrides, place="Here", problems=problems)
    assert problems == []
    return options


def problems_of(model, section, **overrides):
    problems = []
    assert bind(model, section, overrides=overrides, place="Here", problems=problems) is None
    return [str(problem) for problem in problems]


FORMS = [
    (MicrosoftIdentityOptions, "ClientId", "x", "client_id", "x"),
    (MicrosoftIdentityOptions, "client_id", "x", "client_id", "x"),
    (MicrosoftIdentityOptions, "CLIENTID", "x", "client_id", "x"),
    (MicrosoftIdentityOptions, "TenantID", "x", "tenant_id", "x"),
    (MicrosoftIdentityOptions, "TenantId", "", "tenant_id", None),
    (MicrosoftIdentityOptions, "TenantId", None, "tenant_id", None),
    (MicrosoftIdentityOptions, "sendX5c", "true", "send_x5c", True),
    (MicrosoftIdentityOptions, "SendX5C", "True", "send_x5c", True),
    (MicrosoftIdentityOptions, "SendX5C", "FALSE", "send_x5c", False),
    (MicrosoftIdentityOptions, "SendX5C", None, "send_x5c", False),
    (MicrosoftIdentityOptions, "EnablePiiLogging", True, "enable_pii_logging", True),
    (
        MicrosoftIdentityOptions,
        "AllowWebApiToBeAuthorizedByACL",
        "True",
        "allow_web_api_to_be_authorized_by_acl",
        True,
    ),
    (MicrosoftIdentityOptions, "Scopes", "a b  c", "scopes", ["a", "b", "c"]),
    (MicrosoftIdentityOptions, "Scopes", "a,b, c", "scopes", ["a", "b", "c"]),
    (MicrosoftIdentityOptions, "Scopes", ["a", "b"], "scopes", ["a", "b"]),
    (MicrosoftIdentityOptions, "Scopes", "", "scopes", None),
    (MicrosoftIdentityOptions, "AppPermissions", "a b", "app_permissions", ["a", "b"]),
    (MicrosoftIdentityOptions, "AppPermissions", ("a", "b"), "app_permissions", ["a", "b"]),
    (MicrosoftIdentityOptions, "Audiences", "api://x", "audiences", ["api://x"]),
    (MicrosoftIdentityOptions, "Audiences", {"a"}, "audiences", ["a"]),
    (MicrosoftIdentityOptions, "Audiences", ["a", "b"], "audiences", ["a", "b"]),
    (MicrosoftIdentityOptions, "ClientCapabilities", "cp1", "client_capabilities", ["cp1"]),
    (MicrosoftIdentityOptions, "MaximumTokenSize", "2048", "maximum_token_size", 2048),
    (
        MicrosoftIdentityOptions,
        "ExtraQueryParameters",
        {"dc": "1"},
        "extra_query_parameters",
        {"dc": "1"},
    ),
    (DownstreamApiOptions, "Scopes", "s/.default", "scopes", ["s/.default"]),
    (DownstreamApiOptions, "Scopes", [], "scopes", []),
    (DownstreamApiOptions, "HttpMethod", "Post", "http_method", "POST"),
    (DownstreamApiOptions, "HttpMethod", "", "http_method", "GET"),
    (DownstreamApiOptions, "HttpMethod", None, "http_method", "GET"),
    (DownstreamApiOptions, "RelativePath", None, "relative_path", ""),
    (DownstreamApiOptions, "AcceptHeader", "", "accept_header", ""),
    (
        DownstreamApiOptions,
        "AcquireTokenOptions",
        None,
        "acquire_token_options",
        AcquireTokenOptions(),
    ),
    (AcquireTokenOptions, "LongRunningWebApiSessionKey", "k", "session_key", "k"),
    (AcquireTokenOptions, "long_running_web_api_session_key", "k", "session_key", "k"),
    (AcquireTokenOptions, "SessionKey", "k", "session_key", "k"),
    (HttpClientOptions, "Timeout", "30", "timeout", 30.0),
    (HttpClientOptions, "Timeout", 1.5, "timeout", 1.5),
    (HttpClientOptions, "Timeout", None, "timeout", None),
    (HttpClientOptions, "Timeout", timedelta(minutes=1), "timeout", 60.0),
    (HttpClientOptions, "Timeout", "00:01:30", "timeout", 90.0),
    (HttpClientOptions, "Timeout", "00:00:00.5", "timeout", 0.5),
    (HttpClientOptions, "KeepaliveExpiry", "1.00:00:00", "keepalive_expiry", 86_400.0),
    (HttpClientOptions, "KeepaliveExpiry", "00:20", "keepalive_expiry", 1_200.0),
    (CredentialDescription, "SourceType", "clientsecret", "source_type", SourceType.CLIENT_SECRET),
    (CredentialDescription, "SourceType", "client_secret", "source_type", "ClientSecret"),
    (CredentialDescription, "SourceType", 6, "source_type", SourceType.CLIENT_SECRET),
    *(
        (CredentialDescription, "SourceType", str(number), "source_type", source)
        for number, source in enumerate(SourceType)
    ),
]


@pytest.mark.parametrize(("model", "key", "value", "name", "expected"), FORMS)
def test_every_form_of_a_value_is_understood(model, key, value, name, expected):
    assert getattr(bound(model, {key: value}), name) == expected


def test_the_clock_skew_is_a_timespan_or_seconds():
    for skew in ("00:05:00", "300", 300):
        section = {"TokenValidationParameters": {"ClockSkew": skew}}
        options = bound(MicrosoftIdentityOptions, section)
        assert options.token_validation_parameters.clock_skew == 300.0


WRONG = [
    (
        MicrosoftIdentityOptions,
        {"TennantId": "x"},
        "TennantId",
        "is unknown (did you mean TenantId?)",
    ),
    (MicrosoftIdentityOptions, {"Qqqq": "x"}, "Qqqq", "is unknown"),
    (
        MicrosoftIdentityOptions,
        {"ClientCredentials": [{"SourceTyp": "x"}]},
        "ClientCredentials:0:SourceTyp",
        "is unknown (did you mean SourceType?)",
    ),
    (
        MicrosoftIdentityOptions,
        {"TokenValidationParameters": {"ValidTypes": ["JWT"]}},
        "TokenValidationParameters:ValidTypes",
        "is unknown",
    ),
    (
        MicrosoftIdentityOptions,
        {"ClientId": "a", "client_id": "b"},
        "ClientId",
        "is given twice (also: Here:client_id)",
    ),
    (MicrosoftIdentityOptions, {"ClientId": {"a": "b"}}, "ClientId", "must be text"),
    (MicrosoftIdentityOptions, {"Scopes": {"a": "b"}}, "Scopes", "must be a list"),
    (MicrosoftIdentityOptions, {"Scopes": ["a", None]}, "Scopes:1", "must be text"),
    (MicrosoftIdentityOptions, {"ClientCredentials": "x"}, "ClientCredentials", "must be a list"),
    (
        MicrosoftIdentityOptions,
        {"ClientCredentials": ["x"]},
        "ClientCredentials:0",
        "must be an object",
    ),
    (
        MicrosoftIdentityOptions,
        {"TokenValidationParameters": "x"},
        "TokenValidationParameters",
        "must be an object",
    ),
    (
        MicrosoftIdentityOptions,
        {"ExtraQueryParameters": "x"},
        "ExtraQueryParameters",
        "must be an object",
    ),
    (
        MicrosoftIdentityOptions,
        {"ExtraQueryParameters": {"a": ["b"]}},
        "ExtraQueryParameters:a",
        "must be text",
    ),
    (MicrosoftIdentityOptions, {"SendX5C": "maybe"}, "SendX5C", "must be true or false"),
    (
        MicrosoftIdentityOptions,
        {"MaximumTokenSize": "1.5"},
        "MaximumTokenSize",
        "must be a whole number",
    ),
    (
        MicrosoftIdentityOptions,
        {"MaximumTokenSize": 5},
        "MaximumTokenSize",
        "must be at least 1024",
    ),
    (
        MicrosoftIdentityOptions,
        {"TokenValidationParameters": {"ClockSkew": "00:10:00"}},
        "TokenValidationParameters:ClockSkew",
        "must be at most 300",
    ),
    (HttpClientOptions, {"Timeout": -1}, "Timeout", "must be more than 0"),
    (HttpClientOptions, {"Timeout": "inf"}, "Timeout", "must be a finite number"),
    (HttpClientOptions, {"Timeout": "soon"}, "Timeout", "must be a number"),
    (HttpClientOptions, {"Timeout": "25:00:00"}, "Timeout", NO_TIMESPAN),
    (HttpClientOptions, {"Timeout": "a:b"}, "Timeout", NO_TIMESPAN),
    (
        HttpClientOptions,
        {"Transport": "curl"},
        "Transport",
        "must be auto, httpx, aiohttp or an httpx.AsyncBaseTransport",
    ),
    (CredentialDescription, {"SourceType": 14}, "SourceType", NO_SOURCE),
    (CredentialDescription, {"SourceType": True}, "SourceType", NO_SOURCE),
    (CredentialDescription, {"SourceType": "Qqqq"}, "SourceType", NO_SOURCE),
    *(
        (
            CredentialDescription,
            {"SourceType": mistyped},
            "SourceType",
            f"{NO_SOURCE}; did you mean {meant!r}?",
        )
        for mistyped, meant in (
            ("ClientSecert", "ClientSecret"),
            ("client_secrets", "ClientSecret"),
            ("Keyvalut", "KeyVault"),
            ("Base64Encode", "Base64Encoded"),
            ("SignedAssertionFromManagedIdentiy", "SignedAssertionFromManagedIdentity"),
        )
    ),
    (DownstreamApiOptions, {"Serializer": "x"}, "Serializer", "must be callable"),
]


@pytest.mark.parametrize(("model", "section", "key", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_place(model, section, key, message):
    assert problems_of(model, section) == [f"Here:{key}: {message}"]


def test_what_is_missing_is_named_where_it_would_stand():
    class Inner(Options):
        needed_value: str

    class Mine(Options):
        inner: Inner
        limit: Annotated[int, Lt(5)] = 1

    assert problems_of(Mine, {}) == ["Here:Inner: is missing"]
    assert problems_of(Mine, {"Inner": {}}) == ["Here:Inner:NeededValue: is missing"]
    assert problems_of(Mine, {"inner": {"needed_value": "x"}, "limit": 9}) == [
        "Here:limit: is not acceptable"
    ]


def test_all_problems_come_at_once_with_their_origins(configured):
    configuration = configured(
        '{"AzureAd": {"ClientID": "a", "Tenant": "t", "SendX5C": "x",'
        ' "ClientCredentials": [{"SourceType": "Nope"}]}}',
        overlay='{"AzureAd": {"Audiences": {"a": "b"}}}',
        environ={"AzureAd__ClientCredentials__0__Skip": "x", "AzureAd__Instanze": "i"},
    )
    section = configuration.section("AzureAd")
    assert problems_of(MicrosoftIdentityOptions, section, cliend_id="x", client_id=5) == [
        "appsettings.json: AzureAd:Tenant: is unknown (did you mean TenantId?)",
        "environment variable AzureAd__Instanze: is unknown (did you mean Instance?)",
        "keyword cliend_id: is unknown (did you mean client_id?)",
        "keyword client_id: must be text",
        "appsettings.Production.json: AzureAd:Audiences: must be a list",
        (
            "appsettings.json: AzureAd:ClientCredentials:0:SourceType:"
            " must be ClientSecret, Path, KeyVault … or a number from 0 to 13"
        ),
        "environment variable AzureAd__ClientCredentials__0__Skip: must be true or false",
        "appsettings.json: AzureAd:SendX5C: must be true or false",
    ]


def test_a_section_that_is_a_text_is_refused(configured):
    section = configured('{"AzureAd": "canary"}').section("AzureAd")
    assert problems_of(MicrosoftIdentityOptions, section) == [
        "appsettings.json: AzureAd: must be an object"
    ]


def test_nothing_is_given_by_an_empty_section(configured):
    section = configured('{"AzureAd": {}}').section("AzureAd")
    assert bound(MicrosoftIdentityOptions, section).model_fields_set == set()
    assert bound(MicrosoftIdentityOptions, {}).model_fields_set == set()


def test_keywords_win_and_replace_the_whole_field(configured):
    section = configured(
        '{"AzureAd": {"ClientId": "a", "Audiences": ["x", "y"], "ClientCredentials": ['
        '{"SourceType": "Nonsense"}, {"SourceType": "Path"}]}}'
    ).section("AzureAd")
    secret = CredentialDescription(source_type=SourceType.CLIENT_SECRET, client_secret="s")
    options = bound(
        MicrosoftIdentityOptions,
        section,
        client_id="b",
        audiences=["z"],
        client_credentials=[secret, {"SourceType": "Path", "certificate_disk_path": "/c"}],
    )
    assert (options.client_id, options.audiences) == ("b", ["z"])
    assert [c.source_type for c in options.client_credentials] == ["ClientSecret", "Path"]
    assert options.client_credentials[0] is not secret


def test_keywords_say_where_they_are_wrong():
    assert problems_of(
        MicrosoftIdentityOptions, {}, client_credentials=[{"skip": "x"}], map_inbound_claims=False
    ) == [
        "keyword map_inbound_claims: has no effect here",
        "keyword client_credentials:0:skip: must be true or false",
    ]


def test_a_keyword_of_none_is_a_value_only_where_none_differs_from_the_default():
    assert bound(HttpClientOptions, {"Timeout": 5}, timeout=None).timeout is None
    assert bound(MicrosoftIdentityOptions, {"ClientId": "a"}, client_id=None).client_id == "a"


def test_spellings_of_different_layers_are_one_field(configured):
    section = configured(
        '{"A": {"ClientId": "file", "ClientCredentials": [{"SourceType": "6"}]}}',
        environ={"A__CLIENT_ID": "env", "A__client_credentials__0__client_secret": "s"},
    ).section("A")
    options = bound(MicrosoftIdentityOptions, section)
    assert options.client_id == "env"
    assert options.client_credentials[0].source_type is SourceType.CLIENT_SECRET
    assert options.client_credentials[0].client_secret.get_secret_value() == "s"


def test_names_of_dictionaries_stay_as_they_are(configured):
    section = configured('{"A": {"ExtraQueryParameters": {"my_key": "1", "mykey": "2", "0": 3}}}')
    options = bound(MicrosoftIdentityOptions, section.section("A"))
    assert options.extra_query_parameters == {"my_key": "1", "mykey": "2", "0": "3"}


@pytest.mark.parametrize(
    "model",
    [MicrosoftIdentityOptions, CredentialDescription, DownstreamApiOptions, TokenCacheOptions],
)
def test_ignored_keys_are_accepted_in_any_case(model):
    for key in model.ignored_keys:
        for spelling in (key, key.lower(), key.upper()):
            assert bound(model, {spelling: {"deep": ["x"]}}) == model()


def test_ignored_keys_are_accepted_below():
    section = {
        "CallbackPath": "/signin-oidc",
        "TokenValidationParameters": {"ValidateIssuer": False, "NameClaimType": "name"},
        "ClientCredentials": [{"SourceType": 6, "ClientSecret": "s", "Algorithm": "x"}],
    }
    options = bound(MicrosoftIdentityOptions, section)
    assert options.model_fields_set == {"token_validation_parameters", "client_credentials"}


def test_no_key_is_both_ignored_and_used():
    for model in (MicrosoftIdentityOptions, CredentialDescription, DownstreamApiOptions):
        names = {name.replace("_", "") for name in model.model_fields}
        assert names.isdisjoint({key.lower() for key in model.ignored_keys})
        assert len(names) == len(model.model_fields)


def test_every_child_is_a_named_api(configured):
    section = configured(
        """{"DownstreamApis": {
          "GraphAPI": {"BaseUrl": "https://graph.microsoft.com/v1.0",
                       "Scopes": ["https://graph.microsoft.com/.default"]},
          "PartnerAPI": {"BaseUrl": "https://partner.example.com", "Bogus": 1},
          "Text": "x"}}""",
        environ={"DOWNSTREAMAPIS__GRAPHAPI__RELATIVEPATH": "me"},
    ).section("DownstreamApis")
    problems = []
    graph, *others = [
        bind(DownstreamApiOptions, child, place=child.path, problems=problems)
        for child in section.children
    ]
    assert graph.relative_path == "me"
    assert others == [None, None]
    assert [str(problem) for problem in problems] == [
        "appsettings.json: DownstreamApis:PartnerAPI:Bogus: is unknown",
        "appsettings.json: DownstreamApis:Text: must be an object",
    ]
