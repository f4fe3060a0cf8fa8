"""What holds a process's own things forgets its parent's; tests/integration has real forks."""

import asyncio
import gc
import threading

import pytest

from msidweb.cache import CacheEntry, TokenCache
from msidweb.concurrency import BackgroundLoop, BackgroundTasks, Flight, Portal, forks
from msidweb.http import HttpClients
from msidweb.telemetry import Telemetry
from msidweb.tokens import AcquiredToken

KEY = ("cloud", "client", "t", "o", (), ("r/a",))


@pytest.fixture
def cache():
    token = AcquiredToken(access_token="a", expires_on=100, scopes=("r/a",), tenant_id="t")
    cache = TokenCache()
    cache.put("p", CacheEntry(token, key=KEY, asked=["r/a"], usable_until=40, refresh_at=40))
    return cache


def test_tokens_are_kept(cache):
    cache.forget_parent()

    assert cache.find("p", KEY)
    assert len(cache) == 1


def test_tokens_that_a_thread_of_the_parent_was_changing_are_not(cache):
    with cache._lock:
        cache.forget_parent()

        assert cache.find("p", KEY) is None
        assert (len(cache), cache.size) == (0, 0)


async def test_flights_of_the_parent_are_joined_by_nobody_and_not_counted():
    flight = Flight()
    gate = asyncio.Event()

    async def of_the_parent():
        await gate.wait()
        return "parent's"

    async def of_the_child():
        return "child's"

    waiting = asyncio.create_task(flight.join("key", of_the_parent))
    await asyncio.sleep(0)
    flight.forget_parent()

    assert len(flight) == 0
    assert await flight.join("key", of_the_child) == "child's"
    gate.set()
    assert await waiting == "parent's"


async def test_tasks_of_the_parent_are_neither_waited_for_nor_ended():
    background = BackgroundTasks()
    gate = asyncio.Event()

    async def wait():
        await gate.wait()

    background.spawn(wait(), name="of the parent")
    [task] = background._tasks
    background.forget_parent()
    await background.aclose(grace=0)

    assert not background
    assert not task.done()
    gate.set()
    await task


async def test_connections_of_the_parent_are_neither_used_nor_closed():
    clients = HttpClients({}, telemetry=Telemetry())
    clients.open()
    of_the_parent = clients.client("Entra")
    clients.forget_parent()
    clients.open()

    assert clients.client("Entra") is not of_the_parent
    await clients.aclose()
    assert not of_the_parent.is_closed
    await of_the_parent.aclose()


class Guest:
    async def open(self):
        pass

    async def aclose(self):
        pass


async def loop_of_the_call():
    return asyncio.get_running_loop()


def test_a_child_starts_a_background_loop_of_its_own():
    background = BackgroundLoop()
    portal = Portal(Guest(), lambda: (), background=background)
    of_the_parent = portal.call(loop_of_the_call)
    running = background._running
    with background._lock:  # As a fork finds it while a thread of the parent starts a call.
        background.forget_parent()

    assert portal.call(loop_of_the_call) is not of_the_parent
    portal.close()
    assert of_the_parent.is_running()
    running.end()
    assert not [each for each in threading.enumerate() if each.name == "msidweb-loop"]


def test_whoever_is_gone_is_not_told():
    before = len(forks._aware)
    kept = TokenCache()
    for _ in range(10):
        TokenCache()
    gc.collect()

    assert len(forks._aware) <= before + 1
    assert kept in forks._aware
