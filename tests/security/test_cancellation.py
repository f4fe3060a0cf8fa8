"""Callers who leave at any moment: nothing is left behind, and the next call works (F-P2, G6)."""

import asyncio
import contextlib
import random

import pytest
from tests.support.campaign import Campaign, Scale, over
from tests.support.product import (
    SCOPES,
    caller,
    product_in_process,
    product_over_sockets,
    served_beside,
)

from msidweb.testing.witness import Hesitant


def pending_tasks():
    return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def settled(product):
    """Let what was called off end; bounded by work, not by time."""
    for _ in range(50):
        await asyncio.sleep(0)
    background = product.identity.container.background()
    while len(background):  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0)


def assert_nothing_is_under_way(product):
    acquirer = product.identity.token_acquirer
    assert len(acquirer._flights) == 0
    gates = list(acquirer._fetcher._endpoint._gates.values())
    assert [gate._value for gate in gates] == [64] * len(gates)
    clients = product.identity.container.http_clients()
    own = clients._clients[asyncio.get_running_loop()]
    pools = {name: client._transport for name, client in own.items()}
    # In process there are transports of the test's own, which have no slots.
    assert product.ca_file is None or {"Entra", "Partner-read"} <= pools.keys()
    for name, pool in pools.items():
        if product.ca_file is not None:
            assert pool._slots._value == clients.options(name).max_connections, name


async def leave_at_random(product, calls, *, seed, most_pauses):
    chance = random.Random(seed)
    users = [await caller(product, product.entra.add_user(f"user{n}")) for n in range(12)]
    outcomes = {"cancelled": 0, "answered": 0}

    async def one(user, scope):
        seen = await product.downstream(scope).get_for_user("me", user=user)
        assert (seen["oid"], seen["scp"]) == (user.object_id, scope)

    async def leaver():
        # A few wanted tokens and many callers, so that leaders, followers and all of them leave.
        user, scope = chance.choice(users[: chance.choice((2, 12))]), chance.choice(SCOPES)
        task = asyncio.create_task(one(user, scope))
        for _ in range(chance.randrange(most_pauses)):
            await asyncio.sleep(0)
        task.cancel()
        if chance.random() < 0.2:
            await asyncio.sleep(0)
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            outcomes["cancelled"] += 1
        else:
            outcomes["answered"] += 1

    async def worker():
        for _ in range(calls // 20):
            await leaver()

    await asyncio.gather(*(worker() for _ in range(20)))
    return users, outcomes


@pytest.mark.parametrize("seed", range(5))
async def test_in_process_nothing_is_left_behind(seed):
    chance = random.Random(seed)

    def hesitant(inner):
        return Hesitant(inner, lambda: chance.randrange(6))

    plan = {"to_entra": hesitant, "to_partner": hesitant, "cache_bytes": 30_000}
    async with product_in_process(**plan) as product:
        before = pending_tasks()
        users, outcomes = await leave_at_random(product, 1_000, seed=seed, most_pauses=60)
        await settled(product)

        assert min(outcomes.values()) > 100, "both happened"
        assert pending_tasks() == before
        assert_nothing_is_under_way(product)
        for user in users:
            for scope in SCOPES:
                seen = await product.downstream(scope).get_for_user("me", user=user)
                assert (seen["oid"], seen["scp"]) == (user.object_id, scope)


@pytest.mark.parametrize("seed", range(2))
async def test_over_sockets_nothing_is_left_behind(seed):
    async with product_over_sockets(max_connections=3, cache_bytes=30_000) as product:
        users, outcomes = await leave_at_random(product, 600, seed=seed, most_pauses=120)
        await settled(product)

        assert outcomes["cancelled"] > 50
        assert_nothing_is_under_way(product)
        for user in users:
            seen = await product.downstream("read").get_for_user("me", user=user)
            assert seen["oid"] == user.object_id


async def test_clients_who_hang_up_leave_nothing_behind_in_the_api():
    scale = Scale(users=20, rounds=1, workers=12, requests=20, cancelled=0.6)
    async with product_over_sockets() as product:
        running = Campaign(product, scale)
        async with served_beside(product, running.api()) as base_url:
            ask = over(product.identity.http_client("Caller"), base_url)
            report = await running.run(ask)
            assert (report.mixed_up, report.unexpected) == ([], [])
            assert report.cancelled > 50
            asker = running.askers[0]
            headers = {"x-asker": "0", "authorization": f"Bearer {asker.token}"}
            status, _ = await ask("/ambient", headers)
            assert status == 200
        await settled(product)
        assert_nothing_is_under_way(product)


@pytest.mark.parametrize("leavers", [1, 2, 3])
async def test_leader_followers_or_all_of_them_leave_one_token_request(leavers):
    """Of three who wait for one token: whoever stays gets it, and it was asked for once."""
    async with product_in_process() as product:
        hold = asyncio.Event()
        product.entra.fail_next("token", hold=hold)
        user = await caller(product, product.entra.add_user("alice"))
        api = product.downstream("read")
        tasks = [asyncio.create_task(api.get_for_user("me", user=user)) for _ in range(3)]
        while not len(product.identity.token_acquirer._flights):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        for task in tasks[:leavers]:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tasks[0]
        hold.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

        stayed = [answer["oid"] for answer in answers if isinstance(answer, dict)]
        assert stayed == [user.object_id] * (3 - leavers)
        assert_nothing_is_under_way(product)
        assert (await api.get_for_user("me", user=user))["oid"] == user.object_id
