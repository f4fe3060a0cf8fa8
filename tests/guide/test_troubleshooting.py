"""Troubleshooting: each error of the guide, its typed error here, its cause and what helps."""

import pytest
from tests.guide.service import user_data_api

from msidweb import AcquireTokenOptions
from msidweb.errors import (
    AssertionRejectedError,
    CredentialError,
    ExpiredTokenError,
    UserChallengeError,
)
from msidweb.telemetry import TokenAcquired


@pytest.fixture
async def identity(stage):
    async with stage.identity(stage.builder().override(clock=stage.clock)) as identity:
        yield identity


async def principal(identity, headers):
    return await identity.token_validator.validate_authorization([headers["Authorization"]])


async def call(identity, user, **options):
    return await identity.downstream_api.get_for_user(
        "PartnerAPI", "api/data", user=user, **options
    )


async def test_50013_says_that_the_incoming_token_was_not_issued_for_this_application(
    stage, identity
):
    # The API takes the partner's tokens too, and so asks Entra ID to exchange a foreign one.
    stage.settings["AzureAd"]["Audience"] = stage.partner.resource.client_id
    async with stage.identity() as careless:
        foreign = stage.entra.user_token(stage.alice, resource=stage.partner.resource)
        user = await principal(careless, {"Authorization": f"Bearer {foreign}"})
        with pytest.raises(AssertionRejectedError) as caught:
            await call(careless, user)

    error = caught.value
    assert error.aadsts == 50013
    assert "AADSTS50013" in str(error)
    assert "not issued for this application" in str(error)
    assert "another secret does not help" in error.remedy


async def test_a_wrong_secret_is_7000215_and_not_50013_as_the_guide_says(stage):
    secret = {"SourceType": "ClientSecret", "ClientSecret": "of another application"}
    stage.settings["AzureAd"]["ClientCredentials"] = [secret]
    async with stage.identity() as identity:
        user = await principal(identity, stage.signed_in(stage.alice))
        with pytest.raises(CredentialError) as caught:
            await call(identity, user)

    error = caught.value
    assert error.aadsts == 7000215
    assert "client secret" in str(error)
    assert "ClientId" in error.remedy
    assert "of another application" not in f"{error!r} {error.remedy}"


async def test_the_caller_is_not_told_which_of_the_two_it_was(stage):
    stage.entra.remove_secrets(stage.api)
    client = await stage.client(user_data_api(stage.identity()))

    response = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert response.status_code == 502
    assert response.json()["error"] == "upstream_failed"
    assert "secret" not in response.text
    assert "AADSTS" not in response.text


async def test_65001_is_a_challenge_for_the_client_and_names_what_helps(stage, identity):
    user = await principal(identity, stage.signed_in(stage.carol))

    with pytest.raises(UserChallengeError) as caught:
        await call(identity, user)

    error = caught.value
    assert error.aadsts == 65001
    assert error.challenge == "consent_required"
    assert "consent" in str(error)
    assert "knownClientApplications" in error.remedy


async def test_65001_goes_away_when_the_clients_consent_covers_the_downstream_api(stage):
    """knownClientApplications: one consent screen for both APIs."""
    entra = stage.entra
    spa = entra.add_app("combined-spa", public=True)
    api = entra.add_app(
        "combined-api",
        scopes=["access_as_user"],
        token_version=1,
        known_clients=[spa],
        permissions={stage.partner.resource: ["read"]},
    )
    stage.settings["AzureAd"] = {**entra.azure_ad(api), "Audience": api.app_id_uri}
    entra.consent(client=spa, resource=api, user=stage.carol)
    async with stage.identity() as identity:
        token = entra.user_token(stage.carol, resource=api, client=spa)
        user = await principal(identity, {"Authorization": f"Bearer {token}"})

        assert await call(identity, user) == {"rows": ["first", "second"]}


async def test_500133_is_told_before_entra_id_is_asked(stage, identity):
    user = await principal(identity, stage.signed_in(stage.alice))
    stage.clock.advance(2 * 3600)

    with pytest.raises(AssertionRejectedError) as caught:
        await call(identity, user)

    assert caught.value.code == "assertion_expired"
    assert "session key" in caught.value.remedy
    assert stage.exchanges == []


async def test_500133_of_entra_id_itself_points_at_the_clock(stage, identity):
    # Within the skew that validation allows, and over for Entra ID.
    user = await principal(identity, stage.sign_in_again(stage.alice, expires_in=60))
    stage.clock.advance(90)

    with pytest.raises(AssertionRejectedError) as caught:
        await call(identity, user)

    error = caught.value
    assert error.aadsts == 500133
    assert "outside of its time" in str(error)
    assert error.remedy == (
        "let the client get a new token and call again, and check the machine's clock"
    )


async def test_a_clock_that_is_a_little_off_does_no_harm(stage, identity):
    headers = stage.signed_in(stage.alice)
    stage.clock.advance(-240)

    user = await principal(identity, headers)

    assert user.object_id == stage.alice.oid


async def test_a_clock_that_is_far_off_refuses_every_token(stage, identity):
    headers = stage.signed_in(stage.alice)
    stage.clock.advance(3599 + 301)

    with pytest.raises(ExpiredTokenError):
        await principal(identity, headers)


async def test_not_cached_because_every_call_brings_another_token(stage, identity):
    for _ in range(2):
        user = await principal(identity, stage.sign_in_again(stage.alice))
        await call(identity, user)

    assert len(stage.exchanges) == 2
    assert [event.reason for event in stage.heard(TokenAcquired)] == ["no_cached_token"] * 2


async def test_not_cached_because_a_refresh_is_forced(stage, identity):
    user = await principal(identity, stage.signed_in(stage.alice))

    def force(options) -> None:
        options.acquire_token_options.force_refresh = True

    await call(identity, user)
    await call(identity, user, options=force)

    assert len(stage.exchanges) == 2
    assert stage.heard(TokenAcquired)[-1].reason == "forced_or_claims"
    await call(identity, user)
    assert len(stage.exchanges) == 2


async def test_not_cached_because_claims_are_asked_for(stage, identity):
    user = await principal(identity, stage.signed_in(stage.alice))
    options = AcquireTokenOptions(claims='{"access_token":{"nbf":{"essential":true}}}')

    for _ in range(2):
        await identity.token_acquirer.get_token_for_user(
            [stage.partner.scope], user=user, options=options
        )

    assert len(stage.exchanges) == 2


async def test_not_cached_because_the_token_is_about_to_end(stage, identity):
    stage.entra.lifetimes.expires_in = 120
    user = await principal(identity, stage.signed_in(stage.alice))
    await call(identity, user)
    stage.clock.advance(70)

    await call(identity, user)

    assert len(stage.exchanges) == 2
    assert stage.heard(TokenAcquired)[-1].reason == "expired"


async def test_the_guides_oid_and_tid_are_not_what_the_cache_goes_by(stage, identity):
    """Two sign-ins of one user have equal oid and tid, and each has a token of its own."""
    first = await principal(identity, stage.signed_in(stage.alice))
    second = await principal(identity, stage.sign_in_again(stage.alice))
    assert (first.object_id, first.tenant_id) == (second.object_id, second.tenant_id)

    for user in (first, second, first, second):
        await call(identity, user)

    assert len(stage.exchanges) == 2
