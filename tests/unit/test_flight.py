import asyncio
import contextvars

import pytest
from tests.support.web_identity import principal

from msidweb.concurrency import BackgroundTasks, Flight
from msidweb.principal import ambient_principal, principal_scope
from msidweb.telemetry import correlation_scope, current_correlation_id

FOREIGN: contextvars.ContextVar[str] = contextvars.ContextVar("of the application")


async def test_callers_of_one_key_share_one_flight():
    flight: Flight[int] = Flight()
    started = 0
    gate = asyncio.Event()

    async def work() -> int:
        nonlocal started
        started += 1
        await gate.wait()
        return started

    callers = [asyncio.create_task(flight.join("key", work)) for _ in range(100)]
    await asyncio.sleep(0)
    gate.set()

    assert await asyncio.gather(*callers) == [1] * 100
    assert len(flight) == 0


async def test_a_cancelled_caller_leaves_the_others_their_answer():
    flight: Flight[str] = Flight()
    gate = asyncio.Event()

    async def work() -> str:
        await gate.wait()
        return "answer"

    leader, follower = (asyncio.create_task(flight.join("key", work)) for _ in range(2))
    await asyncio.sleep(0)
    leader.cancel()
    gate.set()

    assert await follower == "answer"
    with pytest.raises(asyncio.CancelledError):
        await leader


async def test_work_is_cancelled_with_its_last_caller():
    flight: Flight[None] = Flight()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    callers = [asyncio.create_task(flight.join("key", work)) for _ in range(3)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)

    assert ended.is_set()
    assert len(flight) == 0


async def test_an_error_reaches_everyone_and_is_not_remembered():
    flight: Flight[int] = Flight()
    outcomes = iter([ValueError("first"), 2])

    async def work() -> int:
        await asyncio.sleep(0)
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    together = (flight.join("key", work) for _ in range(3))
    failed = await asyncio.gather(*together, return_exceptions=True)

    assert [type(error) for error in failed] == [ValueError] * 3
    assert await flight.join("key", work) == 2


async def test_background_tasks_are_finished_or_cancelled_at_the_end():
    tasks = BackgroundTasks()
    done: list[str] = []

    async def quick() -> None:
        await asyncio.sleep(0)
        done.append("quick")

    async def endless() -> None:
        await asyncio.Event().wait()

    tasks.spawn(quick(), name="quick")
    tasks.spawn(endless(), name="endless")
    await tasks.aclose(grace=0.01)

    assert done == ["quick"]
    assert len(tasks) == 0


async def test_work_has_the_id_of_the_request_that_started_it():
    flight: Flight[str | None] = Flight()

    async def work() -> str | None:
        await asyncio.sleep(0)
        return current_correlation_id()

    async def caller(name: str) -> str | None:
        with correlation_scope(name):
            return await flight.join("key", work)

    assert await asyncio.gather(*map(caller, ("first", "second"))) == ["first", "first"]
    assert await caller("third") == "third"
    assert await flight.join("key", work) is None


def everything() -> tuple[object, ...]:
    """What work can see of its caller: the user, the id, and how many context variables."""
    return ambient_principal(), current_correlation_id(), len(contextvars.copy_context())


async def test_nothing_of_the_caller_but_the_id_travels_with_the_work():
    flight: Flight[tuple[object, ...]] = Flight()
    tasks = BackgroundTasks()
    seen = []

    async def work() -> tuple[object, ...]:
        return everything()

    async def background() -> None:
        seen.append(everything())

    FOREIGN.set("secret of one caller")
    with principal_scope(principal("alice")), correlation_scope("id"):
        seen.append(await flight.join("key", work))
        tasks.spawn(background(), name="background")
        await tasks.aclose()

    assert seen == [(None, "id", 1)] * 2


async def test_an_id_that_work_sets_for_itself_does_not_reach_its_caller():
    flight: Flight[None] = Flight()

    async def work() -> None:
        with correlation_scope("other"):
            await asyncio.sleep(0)

    with correlation_scope("id"):
        await flight.join("key", work)
        assert current_correlation_id() == "id"
