import asyncio
import builtins
import contextlib
import threading
import time
from contextvars import ContextVar

import pytest

from msidweb.concurrency import BackgroundLoop, Portal
from msidweb.errors import BlockingCallError, InvalidCallError

VARIABLE: ContextVar[str] = ContextVar("variable", default="nobody")


class Guest:
    def __init__(self):
        self.open_on = []
        self.log = []

    async def open(self):
        assert VARIABLE.get() == "nobody"
        self.open_on.append(asyncio.get_running_loop())
        self.log.append("open")

    async def aclose(self):
        self.open_on.remove(asyncio.get_running_loop())
        self.log.append("closed")


@pytest.fixture
def background():
    background = BackgroundLoop()
    yield background
    background.close()
    assert not [each for each in threading.enumerate() if each.name == "msidweb-loop"]


@pytest.fixture
def guest():
    return Guest()


@pytest.fixture
def portal(guest, background):
    return Portal(guest, lambda: tuple(guest.open_on), background=background)


async def loop_of_the_call():
    return asyncio.get_running_loop()


def test_a_thread_without_a_loop_calls_on_one_in_the_background(portal, guest):
    first, second = portal.call(loop_of_the_call), portal.call(loop_of_the_call)

    assert first is second
    assert guest.log == ["open"]


async def test_the_applications_own_loop_is_preferred(portal, guest):
    await guest.open()

    assert await asyncio.to_thread(portal.call, loop_of_the_call) is asyncio.get_running_loop()
    assert guest.log == ["open"]


def test_a_loop_that_does_not_run_now_is_not_waited_for(portal, guest):
    with contextlib.closing(asyncio.new_event_loop()) as idle:
        idle.run_until_complete(guest.open())
        assert portal.call(loop_of_the_call) is not idle
        idle.run_until_complete(guest.aclose())


def test_errors_reach_the_caller_as_they_are(portal):
    async def failing():
        raise LookupError("what")

    with pytest.raises(LookupError, match="what"):
        portal.call(failing)


async def test_on_the_thread_of_a_loop_calls_are_refused(portal, guest):
    for _ in range(2):
        with pytest.raises(InvalidCallError, match=r"asyncio\.to_thread") as caught:
            portal.call(loop_of_the_call)
        assert caught.value.code == "blocking_on_loop"
        with pytest.raises(InvalidCallError, match="event loop"):
            portal.close()
        await guest.open()


def test_on_the_background_loop_itself_calls_are_refused(portal, monkeypatch):
    async def nested():
        return portal.call(loop_of_the_call)

    with pytest.raises(InvalidCallError) as caught:
        portal.call(nested)
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    with pytest.raises(InvalidCallError):
        portal.call(nested)

    assert caught.value.code == "blocking_on_loop"


async def test_a_notebooks_cell_may_wait_unless_it_opened_the_guest_there(
    portal, guest, monkeypatch
):
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)

    assert portal.call(loop_of_the_call) is not asyncio.get_running_loop()
    portal.close()
    await guest.open()
    with pytest.raises(InvalidCallError):
        portal.call(loop_of_the_call)


def test_a_call_sees_its_threads_variables_and_leaves_none_behind(portal):
    async def seen():
        value = VARIABLE.get()
        VARIABLE.set("changed by the call")
        return value

    def as_user(name):
        VARIABLE.set(name)
        return [portal.call(seen) for _ in range(20)]

    async def side_by_side():
        names = [f"user {number}" for number in range(8)]
        return names, await asyncio.gather(*(asyncio.to_thread(as_user, each) for each in names))

    names, found = asyncio.run(side_by_side())

    assert found == [[name] * 20 for name in names]
    assert portal.call(seen) == "nobody"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300, "1"])
def test_a_timeout_is_a_positive_number_of_seconds(portal, timeout):
    with pytest.raises(InvalidCallError, match="timeout"):
        portal.call(loop_of_the_call, timeout=timeout)


class Hanging:
    """Work that ends only when it is cancelled."""

    def __init__(self):
        self.started = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self):
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def test_a_call_that_takes_too_long_is_cancelled(portal):
    work = Hanging()

    with pytest.raises(BlockingCallError, match="too long") as caught:
        portal.call(work, timeout=0.05)

    assert caught.value.code == "blocking_timeout"
    assert caught.value.retryable
    assert work.cancelled.wait(5)


def test_an_interrupt_of_the_waiting_thread_cancels_the_call(portal):
    work = Hanging()
    interrupted = threading.Timer(0, lambda: (work.started.wait(5), interrupt()))

    def interrupt():
        import _thread

        _thread.interrupt_main()

    interrupted.start()
    with pytest.raises(KeyboardInterrupt):
        portal.call(work, timeout=30)

    assert work.cancelled.wait(5)
    interrupted.join()
    assert portal.call(loop_of_the_call)


def test_a_timeout_of_the_work_is_the_works_own(portal):
    async def impatient():
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        portal.call(impatient)


def test_closing_ends_the_calls_under_way_and_the_loop(portal, guest):
    work = Hanging()
    errors = []

    def call():
        try:
            portal.call(work)
        except BlockingCallError as error:
            errors.append(error.code)

    caller = threading.Thread(target=call)
    caller.start()
    work.started.wait(5)
    portal.close()
    caller.join(5)

    assert errors == ["loop_ended"]
    assert guest.log == ["open", "closed"]
    portal.close()
    assert portal.call(loop_of_the_call)
    assert guest.log == ["open", "closed", "open"]


def test_a_loop_that_ends_under_a_call_does_not_leave_the_thread_waiting(guest, background):
    # A loop that is stopped, not closed: what was scheduled on it never runs.
    loop = asyncio.new_event_loop()
    portal = Portal(guest, lambda: (loop,), background=background)
    running = threading.Thread(target=loop.run_forever)
    running.start()
    work = Hanging()
    stopping = threading.Thread(
        target=lambda: (work.started.wait(5), loop.call_soon_threadsafe(loop.stop))
    )
    while not loop.is_running():
        time.sleep(0.001)
    stopping.start()

    with pytest.raises(BlockingCallError) as caught:
        portal.call(work)

    assert caught.value.code == "loop_ended"
    running.join()
    stopping.join()
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert work.cancelled.is_set()


def test_a_loop_that_was_closed_a_moment_ago_ends_the_call(guest, background):
    loop = asyncio.new_event_loop()
    loop.close()
    # As it looked before it ended.
    loop.is_running = lambda: True
    portal = Portal(guest, lambda: (loop,), background=background)

    with pytest.raises(BlockingCallError) as caught:
        portal.call(loop_of_the_call)

    assert caught.value.code == "loop_ended"


def test_guests_share_one_loop_and_the_last_one_ends_it(background):
    guests = [Guest(), Guest()]
    portals = [Portal(each, lambda: (), background=background) for each in guests]
    loops = {portal.call(loop_of_the_call) for portal in portals}
    portals[0].close()

    assert len(loops) == 1
    assert portals[1].call(loop_of_the_call) in loops
    portals[1].close()
    assert loops.pop().is_closed()
    assert [each.log for each in guests] == [["open", "closed"]] * 2


def test_a_guest_that_cannot_be_opened_says_so_and_is_closed_in_the_end(background):
    class Broken(Guest):
        async def open(self):
            await super().open()
            raise LookupError("broken")

    guest = Broken()
    portal = Portal(guest, lambda: (), background=background)
    with pytest.raises(LookupError):
        portal.call(loop_of_the_call)
    portal.close()

    assert guest.log == ["open", "closed"]
