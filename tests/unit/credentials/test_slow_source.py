import asyncio
import threading

import pytest

from msidweb.credentials.slow_source import KEPT, SlowSource
from msidweb.testing.clock import ManualClock

SOON = 0.01
PATIENT = 30.0


class Gate:
    """Work that hangs until it is let go, and counts how often it was begun."""

    def __init__(self):
        self.reached, self.opened, self.begun = threading.Event(), threading.Event(), []

    def work(self, result="late"):
        def hang():
            self.begun.append(threading.current_thread())
            self.reached.set()
            self.opened.wait()
            if isinstance(result, Exception):
                raise result
            return result

        return hang

    def open(self):
        self.opened.set()
        for thread in self.begun:
            thread.join()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def source(clock):
    return SlowSource(clock)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open()


async def given_up(source, work, key="key"):
    with pytest.raises(TimeoutError):
        await source.ask(key, work, deadline=SOON)


async def test_work_is_done_in_a_daemon_thread_with_the_context_of_who_asks(source):
    thread = await source.ask("key", threading.current_thread, deadline=PATIENT)
    assert thread is not threading.main_thread()
    assert thread.daemon


async def test_every_question_is_answered_anew(source):
    assert await source.ask("key", lambda: 1, deadline=PATIENT) == 1
    assert await source.ask("key", lambda: 2, deadline=PATIENT) == 2


async def test_while_it_hangs_nobody_waits_and_nothing_more_is_begun(source, gate):
    await given_up(source, gate.work())
    for key in ("key", "other"):
        with pytest.raises(TimeoutError):
            await source.ask(key, gate.work(), deadline=PATIENT)
    assert len(gate.begun) == 1


async def test_a_late_result_is_there_for_the_next_who_asks_for_the_same_and_once(source, gate):
    await given_up(source, gate.work())
    gate.open()
    assert await source.ask("key", lambda: "new", deadline=PATIENT) == "late"
    assert await source.ask("key", lambda: "new", deadline=PATIENT) == "new"


async def test_a_late_result_is_for_nobody_who_asks_for_something_else(source, gate):
    await given_up(source, gate.work())
    gate.open()
    assert await source.ask("other", lambda: "new", deadline=PATIENT) == "new"


async def test_a_late_result_grows_old(source, gate, clock):
    await given_up(source, gate.work())
    gate.open()
    clock.advance(KEPT)
    assert await source.ask("key", lambda: "new", deadline=PATIENT) == "new"


async def test_a_late_error_is_nobodys(source, gate):
    await given_up(source, gate.work(OSError()))
    gate.open()
    assert await source.ask("key", lambda: "new", deadline=PATIENT) == "new"


@pytest.mark.parametrize("result", ["one", OSError()])
async def test_other_questions_wait_for_their_turn(source, gate, result):
    first = asyncio.create_task(source.ask("one", gate.work(result), deadline=PATIENT))
    await asyncio.to_thread(gate.reached.wait)
    second = asyncio.create_task(source.ask("two", lambda: "two", deadline=PATIENT))
    same = asyncio.create_task(source.ask("one", gate.work(), deadline=PATIENT))
    await asyncio.sleep(0)
    gate.open()
    first, second, same = await asyncio.gather(first, second, same, return_exceptions=True)
    assert (first, second, same) == (result, "two", result)
    assert len(gate.begun) == 1


async def test_who_leaves_leaves_the_work_to_the_next(source, gate):
    leaving = asyncio.create_task(source.ask("key", gate.work(), deadline=PATIENT))
    await asyncio.to_thread(gate.reached.wait)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    next_one = asyncio.create_task(source.ask("key", gate.work(), deadline=PATIENT))
    await asyncio.sleep(0)
    gate.open()
    assert await next_one == "late"
    assert len(gate.begun) == 1


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(OSError, OSError), (TimeoutError, TimeoutError), (StopIteration, RuntimeError)],
)
async def test_what_the_work_raises_is_raised(source, raised, seen):
    def work():
        raise raised

    for _ in range(2):
        with pytest.raises(seen):
            await source.ask("key", work, deadline=PATIENT)


async def test_a_forked_child_asks_anew(source, gate):
    await given_up(source, gate.work())
    source.forget_parent()
    assert await source.ask("key", lambda: "new", deadline=PATIENT) == "new"
