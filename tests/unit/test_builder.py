import gc
import json

import pytest
from dependency_injector import providers

from msidweb import (
    ConfigurationError,
    DownstreamApiOptions,
    HttpClientOptions,
    IdentityBuilder,
    IdentityOptions,
    InvalidCallError,
    MicrosoftIdentityOptions,
)
from msidweb.configuration import Configuration
from msidweb.errors import Problem
from msidweb.testing import ManualClock

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "s3cret~value.with-some_length"
SETTINGS = {
    "AzureAd": {
        "TenantId": TENANT,
        "ClientId": CLIENT,
        "ClientCredentials": [{"SourceType": "ClientSecret", "ClientSecret": SECRET}],
    },
    "DownstreamApis": {
        "GraphAPI": {
            "BaseUrl": "https://graph.microsoft.com/v1.0",
            "Scopes": ["https://graph.microsoft.com/.default"],
        },
        "PartnerAPI": {"BaseUrl": "https://partner.example", "Scopes": ["api://partner/read"]},
    },
}


@pytest.fixture
def appsettings(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps(SETTINGS))
    return path


def builder_of(appsettings, **environ):
    return IdentityBuilder.from_appsettings(appsettings, environ=environ)


def chain(builder):
    return (
        builder.add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_in_memory_token_caches()
        .add_downstream_apis("DownstreamApis")
    )


def problems_of(builder):
    with pytest.raises(ConfigurationError) as caught:
        builder.build()
    return caught.value.problems


def test_the_guides_chain_builds_an_identity(appsettings):
    identity = chain(builder_of(appsettings).add_authentication("Bearer")).build()

    assert identity.options.web_api.client_id == CLIENT
    assert identity.token_validator.scheme == "Bearer"
    assert identity.downstream_api.named("GraphAPI")
    assert identity.token_acquirer is identity.container.token_acquirer()


def test_the_order_of_the_calls_plays_no_part(appsettings):
    identity = (
        builder_of(appsettings)
        .add_downstream_apis()
        .enable_token_acquisition_to_call_downstream_api()
        .add_microsoft_identity_web_api()
        .build()
    )

    assert set(identity.options.downstream_apis) == {"GraphAPI", "PartnerAPI"}


def test_the_environment_wins_over_the_file_and_keywords_over_both(appsettings):
    builder = builder_of(appsettings, AzureAd__TenantId="common", AzureAd__Audience="from-environ")
    builder.add_microsoft_identity_web_api(audience="from-keyword")

    web_api = builder.build().options.web_api

    assert (web_api.tenant_id, web_api.audience) == ("common", "from-keyword")


def test_a_single_callable_fills_the_options_as_in_dotnet(appsettings):
    builder = builder_of(appsettings)

    builder.add_microsoft_identity_web_api(lambda options: builder.bind("AzureAd", options))

    assert builder.build().options.web_api.client_id == CLIENT


def test_a_callable_edits_what_the_section_gave(appsettings):
    def only_us(options: MicrosoftIdentityOptions) -> None:
        options.allowed_tenants = [TENANT]

    builder = builder_of(appsettings).add_microsoft_identity_web_api("AzureAd", configure=only_us)

    web_api = builder.build().options.web_api
    assert (web_api.client_id, web_api.allowed_tenants) == (CLIENT, [TENANT])


def test_a_section_and_an_options_object_are_sources_too(appsettings):
    section = Configuration.load(appsettings, environ={}).section("AzureAd")
    options = MicrosoftIdentityOptions(tenant_id=TENANT, client_id=CLIENT)

    for source in (section, options):
        builder = IdentityBuilder(Configuration.of_environment(environ={}))
        builder.add_microsoft_identity_web_api(source, audience="given")
        web_api = builder.build().options.web_api
        assert (web_api.client_id, web_api.audience) == (CLIENT, "given")


def test_typed_options_alone_make_an_identity():
    options = IdentityOptions(
        web_api=MicrosoftIdentityOptions(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET),
        downstream_apis={"P": DownstreamApiOptions(base_url="https://p.example", scopes=["a/b"])},
        http_clients={"P": HttpClientOptions(timeout=3)},
        enable_token_acquisition=True,
    )

    identity = IdentityBuilder.from_options(options).build()
    options.web_api.client_id = "changed afterwards"

    assert identity.options.web_api.client_id == CLIENT
    assert identity.options.http_clients["P"].timeout == 3


def test_keywords_and_environment_do_without_any_file(monkeypatch, tmp_path):
    monkeypatch.setenv("AzureAd__ClientSecret", SECRET)
    monkeypatch.chdir(tmp_path)

    identity = (
        IdentityBuilder()
        .add_microsoft_identity_web_api(tenant_id=TENANT, client_id=CLIENT)
        .enable_token_acquisition()
        .add_downstream_api("P", base_url="https://p.example", scopes=["a/b"])
        .build()
    )

    assert identity.downstream_api.named("P")


AZURE_SDK = {
    "AZURE_CLIENT_ID": CLIENT,
    "AZURE_TENANT_ID": TENANT,
    "AZURE_CLIENT_SECRET": SECRET,
}


@pytest.mark.parametrize("keywords", [{}, {"tenant_id": TENANT}])
def test_the_variables_of_the_azure_sdks_do_without_any_section(keywords):
    builder = IdentityBuilder(Configuration.of_environment(environ=AZURE_SDK))
    builder.add_microsoft_identity_web_api(**keywords).enable_token_acquisition()

    web_api = builder.build().options.web_api
    assert (web_api.client_id, web_api.tenant_id) == (CLIENT, TENANT)
    (credential,) = web_api.effective_credentials
    assert credential.client_secret.get_secret_value() == SECRET


def test_an_environment_that_says_nothing_is_a_missing_section():
    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    (problem,) = problems_of(builder.add_microsoft_identity_web_api())
    assert str(problem).startswith("section 'AzureAd': is not in the configuration")


def test_an_http_client_takes_its_section_and_keywords_win(appsettings):
    builder = chain(builder_of(appsettings, HttpClients__PartnerAPI__ConnectTimeout="1.5"))
    builder.add_http_client("PartnerAPI", timeout=30)

    client = builder.build().options.http_clients["PartnerAPI"]

    assert (client.timeout, client.connect_timeout) == (30, 1.5)


def test_one_error_lists_every_problem_with_its_place(appsettings):
    builder = chain(builder_of(appsettings, AzureAd__ClientIdd="typo", AzureAd__Scopes__0=" "))
    builder.add_http_client("Slow", timeout="soon")
    builder.add_downstream_api("Broken", base_url="http://far.example", http_client_name="Solw")

    texts = [str(problem) for problem in problems_of(builder)]

    assert any("AzureAd__ClientIdd" in text and "ClientId" in text for text in texts)
    assert any("Slow" in text and "timeout" in text.lower() for text in texts)
    assert any("Broken" in text and "plain http" in text for text in texts)
    assert any("'Solw'" in text for text in texts)
    assert not any("ClientId: is missing" in text for text in texts)


def test_an_api_with_scopes_needs_token_acquisition(appsettings):
    builder = builder_of(appsettings).add_microsoft_identity_web_api().add_downstream_apis()

    assert any("enable_token_acquisition" in str(problem) for problem in problems_of(builder))


def test_token_acquisition_needs_a_credential():
    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    builder.add_microsoft_identity_web_api(tenant_id=TENANT, client_id=CLIENT)

    problems = problems_of(builder.enable_token_acquisition())

    assert any("credential" in problem.message for problem in problems)


def test_the_name_of_the_reserved_client_is_no_apis(appsettings):
    builder = chain(builder_of(appsettings))
    builder.add_downstream_api("Entra", base_url="https://p.example")

    assert any("'Entra'" in str(problem) for problem in problems_of(builder))


def test_no_problem_shows_a_secret(appsettings):
    builder = chain(builder_of(appsettings, AzureAd__ClientSecret=SECRET, AzureAd__SendX5C=SECRET))

    assert SECRET not in "".join(str(problem) for problem in problems_of(builder))


def test_two_callables_are_one_too_many(appsettings):
    with pytest.raises(InvalidCallError):
        builder_of(appsettings).add_microsoft_identity_web_api(print, configure=print)


def test_a_part_of_the_container_can_be_replaced(appsettings):
    clock = ManualClock()

    identity = chain(builder_of(appsettings)).override(clock=clock).build()

    assert identity.container.clock() is clock


def test_an_unknown_part_is_refused_with_a_near_name(appsettings):
    with pytest.raises(InvalidCallError, match="did you mean 'clock'"):
        builder_of(appsettings).override(clok=ManualClock())


@pytest.mark.parametrize(
    ("say", "problem"),
    [
        (
            lambda builder: builder.add_in_memory_token_caches(l1_sze=1),
            "add_in_memory_token_caches: keyword l1_sze: is unknown (did you mean l1_size_limit?)",
        ),
        (
            lambda builder: builder.add_microsoft_identity_web_api(tenat=TENANT),
            "add_microsoft_identity_web_api: keyword tenat: is unknown (did you mean tenant_id?)",
        ),
        (
            lambda builder: builder.add_http_client("P", connect_timout=1),
            (
                "add_http_client('P'): keyword connect_timout: is unknown "
                "(did you mean connect_timeout?)"
            ),
        ),
        (
            lambda builder: builder.add_downstream_api("P", base_uri="https://p.example"),
            "add_downstream_api('P'): keyword base_uri: is unknown (did you mean base_url?)",
        ),
        (
            lambda builder: builder.add_downstream_api(
                "P", base_url="https://p.example", acquire_token_options={"force_refesh": True}
            ),
            (
                "add_downstream_api('P'): keyword acquire_token_options:force_refesh: is unknown "
                "(did you mean force_refresh?)"
            ),
        ),
    ],
)
def test_a_mistyped_keyword_is_told_with_the_nearest(appsettings, say, problem):
    builder = builder_of(appsettings).add_microsoft_identity_web_api()

    assert [str(item) for item in problems_of(say(builder))] == [problem]


def test_a_section_that_is_not_there_is_named_with_the_nearest_one(appsettings):
    builder = builder_of(appsettings).add_microsoft_identity_web_api("AzureAdd")
    builder.enable_token_acquisition().add_downstream_apis("DownstreamApi")

    texts = [str(problem) for problem in problems_of(builder)]

    assert texts == [
        "section 'AzureAdd': is not in the configuration (did you mean AzureAd?)",
        "section 'DownstreamApi': is not in the configuration (did you mean DownstreamApis?)",
    ]


def test_a_chain_without_a_web_api_says_what_is_missing():
    builder = IdentityBuilder(Configuration.of_environment(environ={}))

    (problem,) = problems_of(builder)

    assert "add_microsoft_identity_web_api" in problem.message


def test_a_file_that_cannot_be_read_is_the_only_problem(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text('{"AzureAd": {,}}')

    (problem,) = problems_of(chain(builder_of(path)))

    assert "appsettings.json" in problem.place


def test_a_key_given_twice_hides_no_other_problem(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text('{"AzureAd": {"TenantId": "a", "tenantid": "b", "Bogus": 1}}')
    builder = builder_of(path).add_microsoft_identity_web_api().add_downstream_apis()

    texts = [str(problem).partition(" (")[0] for problem in problems_of(builder)]

    assert texts[:3] == [
        "appsettings.json: AzureAd:tenantid: is given twice",
        "appsettings.json: AzureAd:Bogus: is unknown",
        "section 'DownstreamApis': is not in the configuration",
    ]
    assert "AzureAd:ClientId: is missing" in texts


def test_an_overlay_that_cannot_be_read_hides_only_what_may_be_in_it(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps({"AzureAd": {"TenantId": TENANT, "Bogus": 1}}))
    (tmp_path / "appsettings.Production.json").write_text("{")
    edited = []
    builder = builder_of(path).add_microsoft_identity_web_api().add_downstream_apis()
    builder.add_downstream_api("P", "P", base_url="https://p.example", configure=edited.append)

    assert [str(problem).partition(" (")[0] for problem in problems_of(builder)] == [
        "appsettings.Production.json: line 1, column 2: is not JSON",
        "appsettings.json: AzureAd:Bogus: is unknown",
    ]
    assert edited == []


def test_a_named_file_that_is_not_there_is_told_at_build(tmp_path):
    builder = chain(builder_of(tmp_path / "none.json"))

    (problem,) = problems_of(builder)

    assert (problem.place, problem.message) == (str(tmp_path / "none.json"), "does not exist")


def test_what_may_not_be_meant_is_noted(appsettings):
    heard = []
    builder = chain(builder_of(appsettings)).add_hook(heard.append)
    builder.add_downstream_api("Open", base_url="https://open.example")
    builder.add_http_client("PatnerAPI", timeout=3)

    builder.build()

    assert [(note.place, note.note) for note in heard] == [
        ("downstream API 'Open'", "has no scopes, so its calls carry no token"),
        ("HTTP client 'PatnerAPI'", "is used by no API, unlike 'PartnerAPI'"),
    ]


def test_apis_without_tokens_need_neither_acquisition_nor_credential():
    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    builder.add_microsoft_identity_web_api(None, tenant_id=TENANT, client_id=CLIENT)

    identity = builder.add_downstream_api("Open", base_url="https://open.example").build()

    assert identity.downstream_api.named("Open")


def test_an_option_without_effect_in_this_version_is_noted(appsettings):
    heard = []

    chain(builder_of(appsettings, AzureAd__AzureRegion="westeurope")).add_hook(heard.append).build()

    assert [(note.place, note.note) for note in heard] == [
        ("AzureRegion", "has no effect in this version")
    ]


def test_a_part_can_be_overridden_after_build_too(appsettings):
    identity = chain(builder_of(appsettings)).build()
    clock = ManualClock()

    with identity.container.clock.override(providers.Object(clock)):
        assert identity.token_validator._clock is clock


async def late(options):
    options.client_id = "x"


@pytest.mark.parametrize(
    "say",
    [
        lambda builder: builder.add_downstream_apis({"P": {}}),
        lambda builder: builder.add_http_client("X", ["a"]),
        lambda builder: builder.add_microsoft_identity_web_api({"ClientId": "x"}),
        lambda builder: builder.add_downstream_api(3),
        lambda builder: builder.add_in_memory_token_caches(configure=3),
        lambda builder: builder.add_hook("print"),
        lambda builder: builder.add_hook(late),
        lambda builder: builder.enable_token_acquisition(credentials="secret"),
        lambda builder: builder.enable_token_acquisition(credentials=["secret"]),
        lambda builder: builder.bind("AzureAd", {}),
        lambda builder: builder.bind(None, IdentityOptions()),
    ],
)
def test_what_the_chain_cannot_take_is_refused_at_once(appsettings, say):
    with pytest.raises(InvalidCallError):
        say(builder_of(appsettings))


async def test_an_assertion_provider_is_named_by_a_credential(appsettings):
    named = {"source_type": "CustomSignedAssertion", "custom_signed_assertion_provider_name": "P"}

    async def provider(request):
        return f"assertion of {request.client_id}"

    builder = IdentityBuilder(Configuration.of_environment(environ={}))
    builder.add_microsoft_identity_web_api(
        None, tenant_id=TENANT, client_id=CLIENT, client_credentials=[named]
    )
    builder.enable_token_acquisition().add_signed_assertion_provider("P", provider)
    proof = await builder.build().container.credentials().show("https://x").first()

    assert proof.value == f"assertion of {CLIENT}"


def test_an_assertion_provider_must_be_callable():
    with pytest.raises(InvalidCallError, match="provider takes a function"):
        IdentityBuilder().add_signed_assertion_provider("P", "assertion")


def test_a_certificate_is_no_text():
    builder = IdentityBuilder(
        Configuration.of_environment(environ={"AzureAd__ClientCredentials__0__Certificate": "MII"})
    )
    builder.add_microsoft_identity_web_api(tenant_id=TENANT, client_id=CLIENT)
    with pytest.raises(ConfigurationError, match="CertificateWithKey, which only code"):
        builder.build()


@pytest.mark.parametrize("scheme", [3, [], b"Bearer"])
def test_a_scheme_that_is_no_text_is_a_problem_with_its_place(appsettings, scheme):
    named = chain(builder_of(appsettings).add_authentication(scheme))
    added = builder_of(appsettings).add_microsoft_identity_web_api(scheme=scheme)

    for call, builder in (
        ("add_authentication", named),
        ("add_microsoft_identity_web_api", added),
    ):
        assert Problem(f"{call}: scheme", "must be text") in problems_of(builder)


def test_an_asynchronous_function_edits_no_options(appsettings):
    builder = builder_of(appsettings).add_microsoft_identity_web_api(configure=late)

    (problem,) = problems_of(builder)
    gc.collect()  # a coroutine left alone would warn now

    assert problem.place == "add_microsoft_identity_web_api"
    assert "plain function" in problem.message


@pytest.mark.parametrize("given", [[{"BaseUrl": "https://a.example"}], "a text", 3])
@pytest.mark.parametrize("section", ["DownstreamApis", "HttpClients"])
def test_a_section_of_named_things_must_be_an_object(tmp_path, section, given):
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps({**SETTINGS, section: given}))

    (problem,) = problems_of(chain(builder_of(path)))

    assert problem.place == f"appsettings.json: {section}"
    assert problem.message == "must be an object"


@pytest.mark.parametrize("given", [None, [], {}])
def test_an_empty_section_of_apis_names_none(tmp_path, given):
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps({**SETTINGS, "DownstreamApis": given}))

    assert not chain(builder_of(path)).build().options.downstream_apis


@pytest.mark.parametrize(
    "arguments",
    [{"path": 3}, {"environ": "x"}, {"environ": {"A": 3}}, {"environment": 3}],
    ids=str,
)
def test_a_chain_starts_with_nothing_of_a_wrong_kind(arguments):
    with pytest.raises(InvalidCallError, match=f"{next(iter(arguments))} takes"):
        IdentityBuilder.from_appsettings(**arguments)
