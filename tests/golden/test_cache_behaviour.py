"""cache_behaviour.json and redis.json: what is served again, what is pushed out, who asks."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.token_endpoint import NOW, Answer, Asked, Bench, granted, principal

from msidweb.telemetry import TokenAcquired

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "cache_behaviour.json").read_text())
REDIS = json.loads((HERE / "redis.json").read_text())

LATER = {
    "l2_traffic": "later: a second level of the cache",
    "l2_down": "later: a second level of the cache",
    "redis_failures": "later: a second level of the cache",
    "redis_failures_options": "later: a second level of the cache",
    "sessions": "later: sessions",
    "one_session_key_two_users": "later: sessions",
}
OURS = {
    "memory_provider": "our memory keeps entries and not blobs; the test below has its one rule"
}
APP = "https://graph.microsoft.com/.default"
USER = ["https://graph.microsoft.com/User.Read"]

GRANTS = {
    "only the resource's scopes": lambda asked: " ".join(resource_scopes(asked)),
    "the resource's scopes, openid, profile, email": lambda asked: " ".join(
        [*resource_scopes(asked), "openid", "profile", "email"]
    ),
    "no scope member": lambda asked: None,
}


def resource_scopes(asked: Asked) -> list[str]:
    return [scope for scope in asked.form["scope"].split() if scope.startswith("https://")]


def granting(category: str) -> Answer:
    return lambda number, asked: granted(number, asked, scope=GRANTS[category](asked))


def sequences() -> Iterator[Any]:
    for category, rows in itertools.groupby(GOLDEN["granted_scopes"], lambda row: row["category"]):
        yield pytest.param(category, list(rows), id=category)


def targets(bench: Bench) -> list[set[str]]:
    [partition] = bench.cache._partitions.values()
    return [{scope.lower() for scope in entry.resource_scopes} for entry in partition._entries]


@pytest.mark.parametrize(("category", "rows"), [*sequences()])
async def test_which_scopes_push_out_which(category: str, rows: list[dict[str, Any]]) -> None:
    bench = Bench(granting(category))
    # 26: openid, profile and email push out nothing, so theirs is as if they were not granted.
    plain = GOLDEN["granted_scopes"][: len(rows)]
    for row, expected in zip(rows, plain, strict=True):
        before = len(bench.asked)
        await bench.acquirer.get_token_for_user(row["scopes"], user=principal())
        assert row["scopes"] == expected["scopes"]
        assert len(bench.asked) - before == expected["sts_calls"], row["name"]
        wanted = [set(target.lower().split()) for target in expected["targets_after"]]
        assert sorted(map(sorted, targets(bench))) == sorted(map(sorted, wanted)), row["name"]


@pytest.mark.parametrize(
    "row", GOLDEN["parallel"], ids=lambda row: f"{row['category']}: {row['name']}"
)
async def test_callers_side_by_side(row: dict[str, Any]) -> None:
    if row["name"].startswith("session"):
        return  # later: sessions
    bench = Bench()
    bench.endpoint.gate = gate = asyncio.Event()

    async def ask() -> None:
        if row["name"].startswith("app"):
            await bench.acquirer.get_token_for_app(APP)
        else:
            await bench.acquirer.get_token_for_user(USER, user=principal())

    async with asyncio.TaskGroup() as group:
        for _ in range(row["callers"]):
            group.create_task(ask())
        await bench.endpoint.reached(1)
        gate.set()

    assert row["sts_calls"] == row["callers"]
    assert len(bench.asked) == 1  # 16


async def test_refresh_ahead() -> None:
    bench = Bench(lambda number, asked: granted(number, asked, refresh_in=1), hooked=True)
    sources = {"IdentityProvider": "identity_provider", "Cache": "cache"}
    # Ours asks once in half a minute however short refresh_in is, so its reads lie further apart;
    # the fourth comes before the token of the third is to be renewed.
    for row, later in zip(GOLDEN["refresh_in"], (0, 31, 31, 0, 31), strict=True):
        bench.clock.advance(later)
        bench.events.clear()
        before = len(bench.asked)
        await bench.acquirer.get_token_for_user(USER, user=principal())
        while len(bench.background):  # noqa: ASYNC110 - turns of the loop are what it takes
            await asyncio.sleep(0)
        answered, *renewed = [one for one in bench.events if isinstance(one, TokenAcquired)]
        assert answered.source == sources[row["source"]], row["name"]
        assert len(bench.asked) - before == row["sts_calls"], row["name"]
        ahead = ["proactive"] if row["reason"] == "ProactivelyRefreshed" else []
        assert [one.reason for one in renewed] == ahead, row["name"]


LIFETIMES = {row["name"]: row for row in REDIS["usable_lifetimes"]}


@pytest.mark.parametrize("name", [name for name in LIFETIMES if not name.endswith("again")])
async def test_how_long_a_token_is_usable(name: str) -> None:
    first, again = LIFETIMES[name], LIFETIMES.get(f"{name}, again")
    for_app = first["category"] == "app"
    life = first["expires_in"]
    bench = Bench(lambda number, asked: granted(number, asked, expires_in=life))

    async def calls() -> int:
        before = len(bench.asked)
        if for_app:
            await bench.acquirer.get_token_for_app(APP)
        else:
            user = principal(expires_at=NOW + 2 * life)
            await bench.acquirer.get_token_for_user(USER, user=user)
        return len(bench.asked) - before

    assert await calls() == first["sts_calls"]
    assert again is None or again["sts_calls"] == (life < 301)
    # 22: usable until 60 s before its end; .NET keeps nothing shorter than 301 s.
    assert await calls() == 0
    bench.clock.advance(life - 60)
    assert await calls() == 1


async def test_the_memory_holds_a_token_no_longer_than_it_lives() -> None:
    [row, *_] = GOLDEN["memory_provider"]
    [written] = row["written"]
    bench = Bench()

    await bench.acquirer.get_token_for_user(USER, user=principal())
    [partition] = bench.cache._partitions.values()
    [entry] = partition._entries

    assert entry.token.expires_on - bench.clock.time() == written["lifetime_seconds"]


def test_every_section_is_replayed_or_listed() -> None:
    replayed = {"granted_scopes", "parallel", "refresh_in"} | OURS.keys()
    assert set(GOLDEN) - {"versions"} == replayed | LATER.keys()
    # later: its rows are about a store.
    assert set(REDIS) - {"versions"} == {"usable_lifetimes", "rows"}
