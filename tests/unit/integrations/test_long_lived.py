"""Connections end when their caller's token does."""

import asyncio

import pytest
from tests.support.web_identity import StubIdentity, principal

from msidweb.errors import ExpiredTokenError, InvalidCallError
from msidweb.integrations import long_lived
from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.long_lived import still_valid, until_expiry, while_valid

FAR = 4_000_000_000


@pytest.fixture
def identity() -> StubIdentity:
    return StubIdentity()


@pytest.fixture
def clock(identity):
    return identity.token_validator.clock


@pytest.fixture(autouse=True)
def short_naps(monkeypatch):
    monkeypatch.setattr(long_lived, "_LONGEST_NAP", 0.001)


@pytest.fixture
def alice():
    return principal("alice")


async def counted(log=None):
    try:
        for number in range(1_000):
            yield number
    finally:
        if log is not None:
            log.append("closed")


async def test_a_token_is_valid_until_its_end(identity, clock, alice):
    assert still_valid(identity, alice)
    clock.set(FAR - 0.5)
    assert still_valid(identity, alice)
    clock.set(FAR)
    assert not still_valid(identity, alice)


async def test_a_block_that_waits_is_ended_by_the_end_of_the_token(identity, clock, alice):
    cancelled = []

    async def waits():
        async with asyncio.timeout(5), until_expiry(identity, alice):
            clock.set(FAR)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

    with pytest.raises(ExpiredTokenError) as ended:
        await waits()

    assert cancelled == [True]
    assert ended.value.rule == "C3"
    assert ended.value.__cause__ is None


async def test_a_block_that_began_too_late_is_never_entered(identity, clock, alice):
    clock.set(FAR)
    with pytest.raises(ExpiredTokenError):
        async with until_expiry(identity, alice):
            raise AssertionError


async def test_a_block_that_ends_in_time_leaves_nothing_behind(identity, clock, alice):
    async with until_expiry(identity, alice):
        pass
    clock.set(FAR)
    await asyncio.sleep(0.005)

    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("error", [TimeoutError("mine"), ValueError("mine")])
async def test_an_error_of_the_block_is_its_own(identity, alice, error):
    with pytest.raises(type(error), match="mine"):
        async with until_expiry(identity, alice):
            raise error


async def test_a_cancelled_block_stays_cancelled(identity, alice):
    async def lives():
        async with until_expiry(identity, alice):
            await asyncio.Event().wait()

    task = asyncio.create_task(lives())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_items_pass_until_they_end(identity, alice):
    log = []

    assert [n async for n in while_valid(identity, alice, counted(log))] == list(range(1_000))
    assert log == ["closed"]


async def test_the_token_is_looked_at_before_each_item(identity, clock, alice):
    log, got = [], []

    async for number in while_valid(identity, alice, counted(log)):
        got.append(number)
        if number == 2:
            clock.set(FAR)

    assert got == [0, 1, 2]
    assert log == ["closed"]


async def test_an_item_that_came_too_late_is_not_given(identity, clock, alice):
    async def late():
        yield 0
        clock.set(FAR)
        yield 1

    assert [n async for n in while_valid(identity, alice, late())] == [0]


async def test_a_stream_that_waits_ends_with_the_token(identity, clock, alice):
    class Changes:
        """An iterator that cannot be closed."""

        def __aiter__(self):
            return self

        async def __anext__(self):
            clock.set(FAR)
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        assert [n async for n in while_valid(identity, alice, Changes())] == []


async def test_an_expiry_that_the_stream_met_itself_is_told(identity, alice):
    async def failing():
        yield 0
        raise ExpiredTokenError("another's", rule="C3")

    with pytest.raises(ExpiredTokenError, match="another's"):
        [n async for n in while_valid(identity, alice, failing())]


async def test_a_stream_that_is_left_is_closed(identity, alice):
    log = []
    stream = while_valid(identity, alice, counted(log))
    await anext(stream)
    await stream.aclose()

    assert log == ["closed"]


@pytest.mark.parametrize("wrong", [None, "alice", {}])
def test_what_is_no_principal_is_refused(identity, wrong):
    with pytest.raises(InvalidCallError, match="principal"):
        still_valid(identity, wrong)


async def test_the_fastapi_object_offers_the_three(identity, clock, alice):
    entra = EntraAuth(identity)

    assert entra.still_valid(alice)
    async with entra.until_expiry(alice):
        pass
    assert [n async for n in entra.while_valid(alice, counted())][-1] == 999
    clock.set(FAR)
    assert not entra.still_valid(alice)
