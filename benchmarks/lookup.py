"""Does a look-up in the cache stay two dictionary look-ups, however many users there are?"""

from __future__ import annotations

import functools
import random
import sys
import time
import tracemalloc
from collections.abc import Sequence

from msidweb import AcquiredToken, Principal
from msidweb.cache import CacheEntry, RequestKey, TokenCache

from .measure import Row, best_of, since
from .stage import NullEntra, Stage

AIM = 1.0
_BUDGET = 1024**3
_LIFE = 3600.0
_LENGTH = 100
_TEXTS = sys.getsizeof("0" * _LENGTH) + sys.getsizeof("Bearer " + "0" * _LENGTH)


async def rows(
    *, users: Sequence[int] = (1_000, 100_000), number: int = 20_000, rounds: int = 9
) -> list[Row]:
    stage = Stage()
    return [row for count in users for row in await _among(stage, count, number, rounds)]


async def _among(stage: Stage, count: int, number: int, rounds: int) -> list[Row]:
    callers = stage.callers(count)
    async with stage.identity(NullEntra(b""), cache={"l1_size_limit": _BUDGET}) as identity:
        cache = identity.container.token_cache()
        environment = identity.container.authority().cache_environment
        named = functools.partial(_named, stage, environment)
        kept = {partition: {key: None} for partition, key in map(named, callers)}
        memory = _fill(cache, kept)
        asking = random.choices(callers, k=number)  # noqa: S311 - no secret
        names = list(map(named, asking))
        get_token = identity.token_acquirer.get_token_for_user
        scopes = [stage.scope]

        async def find() -> float:
            look_up = cache.find
            started = time.perf_counter()
            for partition, key in names:
                look_up(partition, key)
            return since(started, number)

        async def bare() -> float:
            started = time.perf_counter()
            for partition, key in names:
                kept[partition][key]
            return since(started, number)

        async def whole() -> float:
            started = time.perf_counter()
            for caller in asking:
                await get_token(scopes, user=caller)
            return since(started, number)

        found, bares, call = await best_of(find, bare, whole, rounds=rounds)
    among = f"among {count:,} users"
    return [
        Row(f"a look-up {among}", found, bares, "two dictionary look-ups", AIM, difference=True),
        Row(f"a cached token {among}", call, bares, "two dictionary look-ups", difference=True),
        Row(f"memory of a token {among}", memory, _TEXTS, "its texts", unit="B"),
    ]


def _named(stage: Stage, environment: str, caller: Principal) -> tuple[str, RequestKey]:
    """Where the caller's token is, as the acquirer names it."""
    assert caller.assertion is not None
    key = (environment, stage.client_id, caller.tenant_id, caller.object_id, (), (stage.scope,))
    return caller.assertion.digest, key


def _fill(cache: TokenCache, kept: dict[str, dict[RequestKey, None]]) -> float:
    """Put a token at every place; bytes of each, measured."""
    now = time.time()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number, (partition, keys) in enumerate(kept.items()):
        for key in keys:
            token = AcquiredToken(
                access_token=f"{number:0{_LENGTH}}",
                expires_on=now + _LIFE,
                scopes=key[5],
                tenant_id=key[2],
            )
            entry = CacheEntry(
                token, key=key, asked=key[5], usable_until=now + _LIFE, refresh_at=now + _LIFE
            )
            cache.put(partition, entry)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(kept)
