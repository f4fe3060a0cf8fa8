"""Token cache, in memory: what is kept, for whom, for how long, and how much of it."""

import asyncio

from tests.guide.service import user_data_api

from msidweb import Principal
from msidweb.telemetry import TokenAcquired


async def as_principal(identity, headers) -> Principal:
    return await identity.token_validator.validate_authorization([headers["Authorization"]])


async def test_in_memory_is_what_the_guide_configures_for_development(stage):
    client = await stage.client(user_data_api(stage.identity()))

    for _ in range(3):
        await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert [event.cache_level for event in stage.heard(TokenAcquired)] == ["none", "l1", "l1"]
    assert len(stage.exchanges) == 1


async def test_no_cache_call_at_all_means_in_memory_too(stage):
    identity = (
        stage.builder()
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_downstream_apis("DownstreamApis")
        .build()
    )
    client = await stage.client(user_data_api(identity))

    for _ in range(2):
        await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert len(stage.exchanges) == 1


async def test_callers_at_the_same_time_share_one_request(stage):
    client = await stage.client(user_data_api(stage.identity()))
    headers = stage.signed_in(stage.alice)

    answers = await asyncio.gather(
        *(client.get("/api/userdata", headers=headers) for _ in range(25))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len(stage.exchanges) == 1


async def test_each_scope_set_has_a_token_of_its_own_and_evicts_no_other(stage):
    async with stage.identity() as identity:
        user = await as_principal(identity, stage.signed_in(stage.alice))
        for _ in range(2):
            await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)
            await identity.downstream_api.get_for_user("GraphAPI", "me", user=user)

    assert len(stage.exchanges) == 2


async def test_a_token_is_used_until_shortly_before_its_end_and_then_fetched_anew(stage):
    stage.entra.lifetimes.expires_in = 600
    async with stage.identity(stage.builder().override(clock=stage.clock)) as identity:
        user = await as_principal(identity, stage.signed_in(stage.alice))

        async def reason() -> str:
            await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)
            return stage.heard(TokenAcquired)[-1].reason

        assert await reason() == "no_cached_token"
        stage.clock.advance(200)
        assert await reason() == "not_applicable"
        assert len(stage.exchanges) == 1
        stage.clock.advance(600 - 200 - 30)
        assert await reason() == "expired"
        assert len(stage.exchanges) == 2


async def test_a_token_near_its_end_is_served_while_the_next_one_is_fetched(stage):
    stage.entra.lifetimes.refresh_in = 300
    async with stage.identity(stage.builder().override(clock=stage.clock)) as identity:
        user = await as_principal(identity, stage.signed_in(stage.alice))
        await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)
        stage.clock.advance(400)

        await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)

        assert stage.heard(TokenAcquired)[-1].source == "cache"
    # Closing waits for what runs in the background.
    assert len(stage.exchanges) == 2


async def test_the_cache_can_be_bounded_or_switched_off(stage):
    def identity(**cache):
        builder = stage.builder().add_in_memory_token_caches(**cache)
        return (
            builder.add_microsoft_identity_web_api("AzureAd")
            .enable_token_acquisition()
            .add_downstream_apis("DownstreamApis")
            .build()
        )

    for cache, requests in (
        ({"l1_size_limit": 10_000_000}, 1),
        ({"l1_size_limit": 10}, 2),
        ({"disable_l1_cache": True}, 2),
    ):
        stage.entra.wire.clear()
        async with identity(**cache) as one:
            user = await as_principal(one, stage.signed_in(stage.alice))
            for _ in range(2):
                await one.downstream_api.get_for_user("PartnerAPI", "api/data", user=user)
        assert len(stage.exchanges) == requests, cache


async def test_two_processes_do_not_share_what_is_in_memory(stage):
    first = await stage.client(user_data_api(stage.identity()))
    second = await stage.client(user_data_api(stage.identity()))

    for client in (first, second, first, second):
        await client.get("/api/userdata", headers=stage.signed_in(stage.alice))

    assert len(stage.exchanges) == 2
