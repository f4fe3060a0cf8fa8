"""Several authentication schemes in one identity: the chain, its problems, the client taken."""

import json

import pytest
from dependency_injector import containers, providers
from tests.support.several_schemes import KEY, Service
from tests.support.signing import NOW, OTHER_TENANT, TENANT, user_claims
from tests.support.token_endpoint import CLIENT, SECRET, principal

from msidweb import (
    AcquireTokenOptions,
    Configuration,
    ConfigurationError,
    DownstreamApiOptions,
    Identity,
    IdentityBuilder,
    IdentityContainer,
    IdentityOptions,
    InvalidCallError,
    MicrosoftIdentityOptions,
)
from msidweb.acquisition import schemes_of_client
from msidweb.configuration import SchemeOptions
from msidweb.credentials import ClientSecret
from msidweb.principal import principal_scope
from msidweb.testing import ManualClock

OTHER_CLIENT = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
FIRST = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET}
SECOND = {"tenant_id": OTHER_TENANT, "client_id": OTHER_CLIENT, "client_secret": "another"}
SCOPE, APP = "https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/.default"


def two_schemes(first=FIRST, second=SECOND, **more):
    return Service(NOW, {None: first, "Second": second}, **more)


def named(scheme):
    return AcquireTokenOptions(authentication_options_name=scheme)


def problems_of(builder):
    with pytest.raises(ConfigurationError) as caught:
        builder.build()
    return [str(problem) for problem in caught.value.problems]


def builder_of(first=FIRST, second=SECOND, scheme="Second"):
    return (
        IdentityBuilder()
        .add_microsoft_identity_web_api(None, **first)
        .enable_token_acquisition()
        .add_microsoft_identity_web_api(None, scheme=scheme, **second)
    )


def second_token(**changes):
    issuer = f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"
    return KEY.token(user_claims(aud=OTHER_CLIENT, tid=OTHER_TENANT, iss=issuer, **changes))


# the chain


def test_the_schemes_of_the_chain_come_from_their_sections(tmp_path):
    path = tmp_path / "appsettings.json"
    settings = {
        "AzureAd": {"TenantId": TENANT, "ClientId": CLIENT, "ClientSecret": SECRET},
        "AzureAd2": {"TenantId": OTHER_TENANT, "ClientId": OTHER_CLIENT, "ClientSecret": "x"},
    }
    path.write_text(json.dumps(settings))
    identity = (
        IdentityBuilder.from_appsettings(path, environ={})
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_microsoft_identity_web_api("AzureAd2", scheme="Second")
        .build()
    )

    assert list(identity.options.all_schemes) == ["Bearer", "Second"]
    assert identity.scheme().options.client_id == CLIENT
    assert identity.scheme("Bearer").token_validator is identity.token_validator
    assert identity.scheme("Second").options.client_id == OTHER_CLIENT
    assert identity.scheme("Second").token_validator.scheme == "Second"
    assert repr(identity.scheme("Second")) == "<IdentityScheme 'Second'>"
    assert identity.scheme("Second") is not identity.scheme()


def test_an_identity_is_made_of_typed_options_with_schemes_too():
    options = IdentityOptions(
        web_api=MicrosoftIdentityOptions(**FIRST),
        schemes={"Second": SchemeOptions(web_api=MicrosoftIdentityOptions(**SECOND))},
    )
    identity = (
        IdentityBuilder.from_options(options)
        .add_microsoft_identity_web_api(MicrosoftIdentityOptions(**SECOND), scheme="Third")
        .enable_token_acquisition()
        .build()
    )

    assert list(identity.options.all_schemes) == ["Bearer", "Second", "Third"]
    enabled = {n: s.enable_token_acquisition for n, s in identity.options.all_schemes.items()}
    assert enabled == {"Bearer": False, "Second": False, "Third": True}


def test_credentials_given_in_code_are_those_of_their_scheme():
    first, second = ClientSecret("one"), ClientSecret("two")
    identity = (
        IdentityBuilder()
        .enable_token_acquisition(credentials=[first])
        .add_microsoft_identity_web_api("AzureAd", scheme="First", **FIRST)
        .add_microsoft_identity_web_api(None, scheme="Second", **SECOND)
        .enable_token_acquisition(credentials=[second])
        .build()
    )
    container = identity.container

    assert container.client_credentials() == (first,)
    assert container.section() == "AzureAd"
    assert container.schemes()["Second"].client_credentials() == (second,)


@pytest.mark.parametrize("name", [None, "Bearer", "First"])
def test_the_only_scheme_is_the_default_one_whatever_its_name(name):
    identity = IdentityBuilder().add_microsoft_identity_web_api(None, scheme=name, **FIRST).build()

    assert identity.token_validator.scheme == (name or "Bearer")
    assert identity.options.schemes == {}


def test_add_authentication_names_the_default_of_several():
    identity = builder_of(scheme="Second").add_authentication("Main").build()
    assert identity.token_validator.scheme == "Main"

    chain = IdentityBuilder().add_authentication("Second")
    for name, options in (("First", FIRST), ("Second", SECOND)):
        chain.add_microsoft_identity_web_api(None, scheme=name, **options)
    assert chain.build().scheme().options.client_id == OTHER_CLIENT


def test_what_belongs_to_no_scheme_is_shared():
    service = two_schemes()
    first, second = service.identity.container, service.identity.container.schemes()["Second"]

    for part in ("clock", "telemetry", "background", "http_clients", "token_cache"):
        assert first.providers[part]() is second.providers[part]()
    for part in ("authority", "authorities", "token_validator", "credentials", "scheme_acquirer"):
        assert first.providers[part]() is not second.providers[part]()


def test_a_shared_part_can_be_overridden_until_it_is_used():
    identity = two_schemes().identity
    second = identity.scheme("Second")
    clock = ManualClock()

    with identity.container.clock.override(providers.Object(clock)):
        assert second.token_validator._clock is clock
        assert identity.token_validator._clock is clock


def test_a_nested_container_has_schemes_too():
    options = two_schemes().identity.options

    class Application(containers.DeclarativeContainer):
        identity = providers.Container(IdentityContainer, options=providers.Object(options))

    application = Application()
    identity = Identity(application.identity())

    assert identity.scheme("Second").options.client_id == OTHER_CLIENT
    assert identity.configuration.value("AzureAd") is None
    assert application.identity.schemes()["Second"].clock() is application.identity.clock()


# problems


def test_an_unknown_default_is_told_with_the_nearest_name():
    chain = IdentityBuilder().add_authentication("Secnd")
    for name, options in (("First", FIRST), ("Second", SECOND)):
        chain.add_microsoft_identity_web_api(None, scheme=name, **options)

    assert problems_of(chain) == [
        "add_authentication: no scheme is called 'Secnd'; did you mean 'Second'?"
    ]


def test_a_name_is_given_to_one_scheme():
    again = builder_of().add_microsoft_identity_web_api(None, scheme="Second", **SECOND)
    beside = builder_of(scheme="Bearer")

    assert problems_of(again) == ["add_microsoft_identity_web_api: adds the scheme 'Second' twice"]
    assert problems_of(beside) == ["add_microsoft_identity_web_api: adds the scheme 'Bearer' twice"]


def test_the_problems_of_every_scheme_are_told_at_once():
    found = problems_of(
        builder_of(FIRST | {"tenant_id": "no tenant"}, {"tenant_id": OTHER_TENANT})
        .enable_token_acquisition()
        .add_microsoft_identity_web_api("AzureAd3", scheme="Third")
    )

    for told in ("TenantId", "ClientId: is missing", "ClientCredentials: no client", "AzureAd3"):
        assert sum(told in problem for problem in found) == 1, told


def test_the_problems_of_two_schemes_are_told_apart():
    found = problems_of(builder_of({"tenant_id": TENANT}, {"tenant_id": TENANT}))

    missing = [problem.partition(" is missing")[0] for problem in found if "ClientId" in problem]
    assert missing == [
        "add_microsoft_identity_web_api:ClientId:",
        "add_microsoft_identity_web_api(scheme='Second'):ClientId:",
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Secnd", "AuthenticationOptionsName: no scheme is called 'Secnd'; did you mean 'Second'?"),
        ("Second", "needs tokens, and the scheme 'Second' acquires none"),
    ],
)
def test_an_api_names_a_scheme_that_acquires(name, problem):
    options = DownstreamApiOptions(
        base_url="https://p.example", scopes=[SCOPE], acquire_token_options=named(name)
    )
    [found] = problems_of(builder_of().add_downstream_api("P", options))

    assert problem in found


@pytest.mark.parametrize("name", ["Secnd", "second"])
def test_the_scheme_of_an_identity_must_be_there(name):
    with pytest.raises(InvalidCallError) as refused:
        two_schemes().identity.scheme(name)
    assert "did you mean 'Second'?" in str(refused.value)
    assert "known: 'Bearer', 'Second'" in str(refused.value)


def test_a_scheme_without_acquisition_says_what_to_call():
    identity = two_schemes(acquiring={"Second": False}).identity
    with pytest.raises(InvalidCallError) as refused:
        _ = identity.scheme("Second").token_acquirer
    assert refused.value.code == "scheme_without_acquisition"
    assert "enable_token_acquisition" in (refused.value.remedy or "")


# whose client is taken


async def test_tokens_of_the_user_come_from_the_scheme_that_validated_them():
    service = two_schemes()
    async with service.identity as identity:
        caller = await identity.scheme("Second").token_validator.validate(second_token())
        with principal_scope(caller):
            await identity.token_acquirer.get_token_for_user([SCOPE])

    [asked] = service.hosts.asked
    assert (asked.form["client_id"], asked.form["client_secret"]) == (OTHER_CLIENT, "another")
    assert OTHER_TENANT in asked.url


async def test_callbacks_hear_of_every_scheme():
    heard = []
    builder = (
        IdentityBuilder()
        .on_token_validated(lambda caller: heard.append(caller.scheme))
        .on_before_token_request(lambda draft: heard.append(draft.scopes))
    )
    service = two_schemes(builder=builder)
    async with service.identity as identity:
        caller = await identity.scheme("Second").token_validator.validate(second_token())
        await identity.token_acquirer.get_token_for_user([SCOPE], user=caller)

    assert heard == ["Second", (SCOPE,)]


async def test_an_api_may_take_another_schemes_application():
    api = {
        "base_url": "https://p.example",
        "scopes": [APP],
        "acquire_token_options": named("Second"),
    }
    service = two_schemes(P=api)
    async with service.identity as identity:
        await identity.downstream_api.get_for_app("P")

    [asked] = service.hosts.asked
    assert asked.form["client_id"] == OTHER_CLIENT


async def test_the_configuration_of_an_api_names_its_scheme():
    api = {"AuthenticationOptionsName": "Second"}
    environ = {"DownstreamApis__P__AcquireTokenOptions__AuthenticationOptionsName": "Second"}
    environ |= {"DownstreamApis__P__BaseUrl": "https://p.example", "DownstreamApis__P__Scopes": APP}
    identity = (
        IdentityBuilder(Configuration.of_environment(environ=environ))
        .add_microsoft_identity_web_api(None, **FIRST)
        .add_microsoft_identity_web_api(None, scheme="Second", **SECOND)
        .enable_token_acquisition()
        .add_downstream_apis("DownstreamApis")
        .build()
    )

    named_there = identity.options.downstream_apis["P"].acquire_token_options
    assert named_there == AcquireTokenOptions.model_validate(api)


@pytest.mark.parametrize(
    ("scheme", "code"),
    [("Second", "foreign_scheme"), ("Nope", "unknown_scheme")],
)
async def test_a_token_for_another_client_is_never_sent(scheme, code):
    service = two_schemes()
    async with service.identity as identity:
        with pytest.raises(InvalidCallError) as refused:
            await identity.token_acquirer.get_token_for_user(
                [SCOPE], user=principal(), options=named(scheme)
            )
    assert (refused.value.code, service.hosts.asked) == (code, [])


async def test_a_caller_of_an_unknown_scheme_is_refused():
    service = two_schemes()
    async with service.identity as identity:
        with pytest.raises(InvalidCallError) as refused:
            await identity.token_acquirer.get_token_for_user(
                [SCOPE], user=principal(scheme="Elsewhere")
            )
    assert refused.value.code == "unknown_scheme"


async def test_one_client_in_two_clouds_is_two_clients():
    service = two_schemes(
        second=FIRST | {"instance": "https://login.microsoftonline.us/", "client_secret": "us"}
    )
    async with service.identity as identity:
        with pytest.raises(InvalidCallError) as refused:
            await identity.token_acquirer.get_token_for_user(
                [SCOPE], user=principal(), options=named("Second")
            )
    assert (refused.value.code, service.hosts.asked) == ("foreign_scheme", [])


async def test_the_schemes_of_one_client_share_tokens():
    service = two_schemes(second=FIRST | {"client_secret": "the second secret"})
    async with service.identity as identity:
        acquirer = identity.token_acquirer
        first = await acquirer.get_token_for_user([SCOPE], user=principal())
        second = await acquirer.get_token_for_user(
            [SCOPE], user=principal(), options=named("Second")
        )

    assert first.access_token == second.access_token
    assert len(service.hosts.asked) == 1


async def test_a_scheme_without_acquisition_is_told_before_anything_is_sent():
    service = two_schemes(acquiring={"Second": False})
    async with service.identity as identity:
        for options, user in ((named("Second"), principal()), (None, principal(scheme="Second"))):
            with pytest.raises(InvalidCallError, match="'Second' acquires no tokens") as refused:
                await identity.token_acquirer.get_token_for_user(
                    [SCOPE], user=user, options=options
                )
            assert refused.value.code == "scheme_without_acquisition"
    assert service.hosts.asked == []


async def test_each_scheme_has_an_acquirer_of_its_own():
    service = two_schemes()
    async with service.identity as identity:
        await identity.scheme("Second").token_acquirer.get_token_for_app(APP)
        await identity.scheme().token_acquirer.get_token_for_app(APP)

    assert [asked.form["client_id"] for asked in service.hosts.asked] == [OTHER_CLIENT, CLIENT]


def test_the_configuration_is_at_hand_for_values_of_ones_own():
    configuration = Configuration.of_environment(environ={"Reports__Folder": "/reports"})
    identity = IdentityBuilder(configuration).add_microsoft_identity_web_api(None, **FIRST).build()
    assert identity.configuration.value("Reports:Folder") == "/reports"


def test_where_an_authority_cannot_be_told_no_scheme_is_of_the_same_client():
    unknown = MicrosoftIdentityOptions(**FIRST | {"instance": "https://elsewhere.example"})
    options = IdentityOptions(web_api=unknown, schemes={"Second": SchemeOptions(web_api=unknown)})
    assert schemes_of_client("Second", options) == {"Second"}


async def test_without_a_user_the_default_scheme_says_what_to_pass():
    service = two_schemes()
    async with service.identity as identity:
        with pytest.raises(Exception, match="user=principal"):
            await identity.token_acquirer.get_token_for_user([SCOPE])
