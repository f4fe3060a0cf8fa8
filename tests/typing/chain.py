"""What type checkers must infer for the builder chain and its identity; checked, never run."""

from collections.abc import Sequence
from typing import assert_type

import httpx

from msidweb import (
    AcquiredToken,
    AcquireTokenOptions,
    AuthorizationHeaderProvider,
    CredentialDescription,
    DownstreamApi,
    DownstreamApiOptions,
    Identity,
    IdentityBuilder,
    IdentityOptions,
    MicrosoftIdentityOptions,
    Principal,
    TokenValidator,
    UserChallengeError,
)
from msidweb.identity import IdentityScheme


class OwnBuilder(IdentityBuilder):
    """A chain keeps the type that it began with."""


def chains() -> Identity:
    identity = (
        IdentityBuilder.from_appsettings()
        .add_authentication()
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition_to_call_downstream_api()
        .add_in_memory_token_caches()
        .add_http_client("PartnerAPI", timeout=30)
        .add_downstream_apis("DownstreamApis")
        .build()
    )
    assert_type(identity, Identity)
    own = OwnBuilder().add_authentication().enable_token_acquisition().add_downstream_apis()
    assert_type(own, OwnBuilder)
    assert_type(OwnBuilder.from_options(IdentityOptions()), OwnBuilder)
    assert_type(OwnBuilder.from_appsettings("appsettings.json"), OwnBuilder)
    return identity


def options_in_code(builder: IdentityBuilder) -> None:
    def fill(options: MicrosoftIdentityOptions) -> None:
        options.client_id = "…"

    secret = CredentialDescription.model_validate({"SourceType": "ClientSecret"})
    builder.add_microsoft_identity_web_api(fill)
    builder.add_microsoft_identity_web_api(MicrosoftIdentityOptions(tenant_id="…"), scheme="Second")
    builder.add_microsoft_identity_web_api(lambda options: builder.bind("AzureAd", options))
    builder.enable_token_acquisition(credentials=[secret])
    builder.add_downstream_api("P", DownstreamApiOptions(base_url="https://x"))
    builder.add_downstream_api("P", configure=lambda options: options.scopes)


async def tokens(identity: Identity, user: Principal, scopes: Sequence[str]) -> None:
    acquirer = identity.token_acquirer
    wanted = AcquireTokenOptions(force_refresh=True)
    assert_type(await acquirer.get_token_for_user(scopes, options=wanted), AcquiredToken)
    assert_type(await acquirer.get_token_for_app("a/.default"), AcquiredToken)
    provider = identity.authorization_header_provider
    assert_type(provider, AuthorizationHeaderProvider)
    assert_type(await provider.create_authorization_header_for_user(scopes, user=user), str)
    assert_type(await provider.create_authorization_header_for_app("a/.default"), str)


async def parts() -> None:
    async with chains() as identity:
        assert_type(identity, Identity)
        assert_type(identity.downstream_api, DownstreamApi)
        assert_type(identity.token_validator, TokenValidator)
        assert_type(await identity.token_validator.validate_authorization([b"Bearer t"]), Principal)
        assert_type(identity.scheme("Second"), IdentityScheme)
        assert_type(identity.http_client("PartnerAPI"), httpx.AsyncClient)
        assert_type(identity.options, IdentityOptions)


def a_caller(user: Principal, error: UserChallengeError) -> None:
    assert_type(user.object_id, str | None)
    assert_type(user.scopes, frozenset[str])
    assert_type(error.scopes, tuple[str, ...])
    assert_type(error.claims, str | None)


def mistakes(builder: IdentityBuilder, identity: Identity) -> None:
    def of_another_kind(options: DownstreamApiOptions) -> None:
        options.base_url = "https://x"

    builder.add_redis_chache()  # type: ignore[attr-defined]
    builder.add_authentication(1)  # type: ignore[arg-type]
    builder.add_microsoft_identity_web_api(of_another_kind)  # type: ignore[arg-type]
    builder.add_microsoft_identity_web_api(DownstreamApiOptions())  # type: ignore[arg-type]
    builder.enable_token_acquisition(credentials="secret")  # type: ignore[arg-type]
    builder.add_downstream_api(configure=of_another_kind)  # type: ignore[call-arg]
    MicrosoftIdentityOptions(client_idd="…")  # type: ignore[call-arg]
    identity.downstream_api = identity.downstream_api  # type: ignore[misc]


async def mistakes_with_tokens(identity: Identity, user: Principal) -> None:
    await identity.token_acquirer.get_token_for_user(user)  # type: ignore[arg-type]
    await identity.token_acquirer.get_token_for_app("s", user=user)  # type: ignore[call-arg]
    user.object_id = "another"  # type: ignore[misc]
    user.unknown = "name"  # type: ignore[attr-defined]
