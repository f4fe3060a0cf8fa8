"""ASP.NET Core 1: the chain in every form that the guide and its readers write it in."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.guide.service import user_data_api
from tests.support.stage import bearer

from msidweb import Identity, IdentityBuilder, MicrosoftIdentityOptions
from msidweb.integrations.starlette import EntraGuard, install


def as_the_guide_writes_it(builder: IdentityBuilder) -> IdentityBuilder:
    return (
        builder.add_authentication("Bearer")
        .add_microsoft_identity_web_api(builder.configuration.section("AzureAd"))
        .enable_token_acquisition_to_call_downstream_api()
        .add_in_memory_token_caches()
    )


def without_add_authentication(builder: IdentityBuilder) -> IdentityBuilder:
    return (
        builder.add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_in_memory_token_caches()
    )


def with_the_default_section(builder: IdentityBuilder) -> IdentityBuilder:
    return builder.add_authentication().add_microsoft_identity_web_api().enable_token_acquisition()


def with_one_callable(builder: IdentityBuilder) -> IdentityBuilder:
    return builder.add_microsoft_identity_web_api(
        lambda options: builder.bind("AzureAd", options)
    ).enable_token_acquisition()


def with_a_callable_over_the_section(builder: IdentityBuilder) -> IdentityBuilder:
    def edit(options: MicrosoftIdentityOptions) -> None:
        options.enable_pii_logging = True

    return builder.add_microsoft_identity_web_api(
        "AzureAd", configure=edit
    ).enable_token_acquisition()


def with_typed_options(builder: IdentityBuilder) -> IdentityBuilder:
    options = MicrosoftIdentityOptions()
    builder.bind("AzureAd", options)
    return builder.add_microsoft_identity_web_api(options).enable_token_acquisition()


def with_keywords(builder: IdentityBuilder) -> IdentityBuilder:
    value = builder.configuration.value
    return builder.add_microsoft_identity_web_api(
        None,
        instance=value("AzureAd:Instance"),
        tenant_id=value("AzureAd:TenantId"),
        client_id=value("AzureAd:ClientId"),
        client_secret=value("AzureAd:ClientCredentials:0:ClientSecret"),
    ).enable_token_acquisition()


def in_another_order(builder: IdentityBuilder) -> IdentityBuilder:
    return (
        builder.add_in_memory_token_caches()
        .enable_token_acquisition()
        .add_microsoft_identity_web_api("AzureAd")
        .add_authentication()
    )


FORMS = (
    as_the_guide_writes_it,
    without_add_authentication,
    with_the_default_section,
    with_one_callable,
    with_a_callable_over_the_section,
    with_typed_options,
    with_keywords,
    in_another_order,
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
async def test_every_form_of_the_chain_validates_and_calls_downstream(stage, form):
    identity = form(stage.builder()).add_downstream_apis("DownstreamApis").build()
    client = await stage.client(user_data_api(identity))

    served = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
    refused = await client.get("/api/userdata", headers=bearer("not a token"))

    assert served.json() == {"name": "Alice", "tenantId": stage.alice.tid}
    assert refused.status_code == 401


@pytest.mark.parametrize("version", [1, 2])
async def test_without_an_audience_both_versions_of_tokens_are_taken(stage, version):
    del stage.settings["AzureAd"]["Audience"]
    client = await stage.client(user_data_api(stage.identity()))

    headers = stage.sign_in_again(stage.alice, version=version)

    assert (await client.get("/api/userdata", headers=headers)).status_code == 200


async def test_the_guides_audience_takes_tokens_of_version_1_only(stage):
    client = await stage.client(user_data_api(stage.identity()))

    headers = stage.sign_in_again(stage.alice, version=2)

    assert (await client.get("/api/userdata", headers=headers)).status_code == 401


async def test_an_identity_that_only_validates_needs_no_credential(stage):
    del stage.settings["AzureAd"]["ClientCredentials"]
    identity = stage.builder().add_microsoft_identity_web_api("AzureAd").build()
    async with identity:
        field = stage.signed_in(stage.alice)["Authorization"]
        principal = await identity.token_validator.validate_authorization([field])

    assert principal.object_id == stage.alice.oid
    assert stage.exchanges == []


def starlette_api(identity: Identity) -> Starlette:
    partner = identity.downstream_api.named("PartnerAPI")

    async def user_data(request):
        return JSONResponse(await partner.get_for_user("api/users/me"))

    async def health(request):
        return JSONResponse("up")

    guard = Middleware(EntraGuard, identity, scopes="access_as_user")
    routes = [
        Route("/health", health),
        Route("/api/userdata", user_data, middleware=[guard]),
    ]
    app = Starlette(routes=routes, lifespan=identity.lifespan)
    install(app, identity)
    return app


async def test_starlette_alone_protects_routes_and_leaves_others_open(stage):
    client = await stage.client(starlette_api(stage.identity()))

    assert (await client.get("/health")).json() == "up"
    assert (await client.get("/api/userdata")).status_code == 401
    response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
    assert response.json()["name"] == "Alice"


async def test_callers_at_the_same_time_never_see_each_other(stage):
    stage.entra.consent(client=stage.api, resource=stage.partner.resource)
    client = await stage.client(user_data_api(stage.identity()))
    users = [stage.alice, stage.carol] * 10

    answers = await asyncio.gather(
        *(client.get("/api/userdata", headers=stage.signed_in(user)) for user in users)
    )

    assert [answer.json()["name"] for answer in answers] == [user.name for user in users]
    assert len(stage.exchanges) == 2
