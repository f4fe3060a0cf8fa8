"""No user ever gets another's answer; the same campaign fails on each bug that is planted."""

import asyncio
import random

import pytest
from tests.support.campaign import Campaign, Scale, in_process, over
from tests.support.planted import (
    KeyedByObjectId,
    KeyedWithoutScopes,
    NeverReset,
    OneSlot,
    Swapping,
)
from tests.support.product import (
    SCOPES,
    product_in_process,
    product_over_sockets,
    served_beside,
)

from msidweb.testing.witness import Hesitant

SMALL = Scale(users=60, rounds=6, workers=16, requests=8)


def hesitant(seed):
    chance = random.Random(seed)
    return lambda inner: Hesitant(inner, lambda: chance.randrange(6))


async def campaign(scale, *, wrap_app=None, **plan):
    plan = {"to_entra": hesitant(1), "to_partner": hesitant(2), "cache_bytes": 80_000} | plan
    async with product_in_process(**plan) as product:
        running = Campaign(product, scale)
        app = running.api()
        if wrap_app is not None:
            # Outside of the product's own, which lets a request pass that has its seat already.
            app.add_middleware(wrap_app, identity=product.identity)
        return await running.run(in_process(app)), product


async def test_a_thousand_users_get_their_own_answers():
    scale = Scale()
    report, product = await campaign(scale, cache_bytes=9_000_000)

    assert report.mixed_up == []
    assert report.unexpected == []
    # None of this is true by accident: there was a crowd, and everything happened to it.
    assert report.calls >= 20_000
    assert report.cancelled > 200
    assert report.nobody > 300
    assert report.later > 500
    cache = product.identity.container.token_cache()
    assert 0 < cache.size <= 9_000_000
    issued = list(product.notary.issued.values())
    assert len(set(issued)) + 500 < len(issued), "tokens were evicted or ended, and fetched again"


async def test_users_on_shared_connections_get_their_own_answers():
    scale = Scale(users=100, rounds=3, workers=24, requests=12)
    async with product_over_sockets(cache_bytes=500_000) as product:
        running = Campaign(product, scale)
        async with served_beside(product, running.api()) as base_url:
            report = await running.run(over(product.identity.http_client("Caller"), base_url))

    assert report.mixed_up == []
    assert report.unexpected == []
    assert report.calls > 1_000
    assert report.cancelled > 30


async def test_the_small_campaign_finds_nothing_where_nothing_is_planted():
    report, _ = await campaign(SMALL)

    assert (report.mixed_up, report.unexpected) == ([], [])
    assert report.calls > 1_000


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param({"parts": {"token_cache": KeyedByObjectId()}}, id="cache-key-by-oid-only"),
        pytest.param({"parts": {"token_cache": KeyedWithoutScopes()}}, id="cache-key-no-scopes"),
        pytest.param({"wrap_app": OneSlot}, id="one-slot-for-all"),
        pytest.param({"wrap_app": NeverReset}, id="ambient-user-never-reset"),
        pytest.param({"to_entra": Swapping}, id="two-token-answers-swapped"),
        pytest.param({"to_partner": Swapping}, id="two-downstream-answers-swapped"),
    ],
)
async def test_the_campaign_notices_a_planted_bug(plan):
    report, _ = await campaign(SMALL, **plan)

    assert report.mixed_up


async def first_calls(product, askers, *, cancelled=0):
    async def call(asker):
        user = await product.identity.token_validator.validate(asker.token)
        return await product.downstream(SCOPES[0]).get_for_user("me", user=user)

    await product.identity.token_validator.validate(askers[0].token)
    tasks = [asyncio.create_task(call(asker)) for asker in askers]
    for _ in range(5):
        await asyncio.sleep(0)
    for task in tasks[:cancelled]:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("cancelled", [0, 50, 99])
async def test_a_hundred_first_calls_of_one_user_are_one_token_request(cancelled):
    async with product_in_process(to_entra=hesitant(3)) as product:
        running = Campaign(product, Scale(users=1))
        running._sign_in()
        answers = await first_calls(product, running.askers * 100, cancelled=cancelled)

        assert product.entra.wire.count("token") == 1
        kinds = [type(answer) for answer in answers]
        assert kinds.count(asyncio.CancelledError) == cancelled
        assert {answer["oid"] for answer in answers if isinstance(answer, dict)} == {
            running.askers[0].oid
        }


async def test_a_hundred_first_calls_of_a_hundred_users_are_a_hundred_token_requests():
    async with product_in_process(to_entra=hesitant(4)) as product:
        running = Campaign(product, Scale(users=100))
        running._sign_in()
        askers = running.askers[:100]
        answers = await first_calls(product, askers)

        assert product.entra.wire.count("token") == 100
        assert [answer["oid"] for answer in answers] == [asker.oid for asker in askers]
