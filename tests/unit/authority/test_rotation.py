from __future__ import annotations

import asyncio

import httpx
import pytest
from tests.support.documents import DocumentServer, authority_keys
from tests.support.signing import NOW, key_pair

from msidweb.authority.rotation import MAX_WAITING
from msidweb.concurrency import BackgroundTasks
from msidweb.errors import MetadataUnavailableError, UnknownKeyError
from msidweb.telemetry import KeysRefreshed, KeysRefreshFailed, correlation_scope
from msidweb.testing.clock import ManualClock

FIRST, SECOND = key_pair("first").jwk(), key_pair("second").jwk()


class Stage:
    def __init__(self, *, patience: float = 2.0) -> None:
        self.clock = ManualClock(NOW)
        self.server = DocumentServer([FIRST])
        self.events: list = []
        self.background = BackgroundTasks()
        self.keys = authority_keys(
            self.server,
            clock=self.clock,
            events=self.events,
            background=self.background,
            patience=patience,
        )

    def break_down(self) -> None:
        self.server.fault = lambda _: httpx.Response(503)

    async def settle(self) -> None:
        await self.background.aclose()


@pytest.fixture
async def stage():
    stage = Stage()
    yield stage
    await stage.background.aclose()


@pytest.fixture
async def warm(stage):
    await stage.keys.refresh_now()
    stage.events.clear()
    return stage


async def unknown(stage: Stage, kid: str) -> str:
    with pytest.raises(UnknownKeyError) as refusal:
        await stage.keys.search(kid)
    return refusal.value.rule


async def test_nothing_is_fetched_before_it_is_needed(stage):
    assert stage.keys.current is None
    assert stage.keys.age is None
    assert stage.server.asked == []


async def test_the_first_callers_share_one_fetch(stage):
    found = await asyncio.gather(*(stage.keys.search("first") for _ in range(50)))
    assert all("first" in key_set.keys for key_set in found)
    assert stage.server.refreshes == 1
    assert [type(event) for event in stage.events] == [KeysRefreshed]
    assert (stage.events[0].keys, stage.events[0].added, stage.events[0].removed) == (1, 1, 0)


async def test_the_entra_client_is_asked(stage):
    await stage.keys.refresh_now()
    assert set(stage.keys._documents._clients.names) == {"Entra"}


async def test_fj1_keys_that_never_came_are_503_with_back_off(stage):
    stage.break_down()
    with pytest.raises(MetadataUnavailableError) as refusal:
        await stage.keys.search("first")
    assert refusal.value.response_status == 503
    assert refusal.value.retry_after == 1
    asked = len(stage.server.asked)
    stage.clock.advance(0.9)
    with pytest.raises(MetadataUnavailableError) as refusal:
        await stage.keys.search("first")
    assert refusal.value.retry_after == pytest.approx(0.1)
    assert len(stage.server.asked) == asked


async def test_fj1_the_back_off_grows_and_recovery_takes_6_s_at_most(stage):
    stage.break_down()
    pauses = []
    for _ in range(8):
        with pytest.raises(MetadataUnavailableError) as refusal:
            await stage.keys.refresh_now()
        pauses.append(refusal.value.retry_after)
    assert pauses == [1, 2, 4, 5, 5, 5, 5, 5]
    stage.server.fault = None
    stage.clock.advance(6)
    assert "first" in (await stage.keys.search("first")).keys


async def test_g1_a_known_key_costs_no_io(warm):
    asked = len(warm.server.asked)
    assert "first" in warm.keys.current.keys
    assert (await warm.keys.search("first")) is warm.keys.current
    assert len(warm.server.asked) == asked


async def test_fj3_k1_a_new_key_is_found_within_the_request(warm):
    warm.server.publish(FIRST, SECOND)
    found = await asyncio.gather(*(warm.keys.search("second") for _ in range(20)))
    assert all("second" in key_set.keys for key_set in found)
    assert warm.server.refreshes == 2
    assert (warm.events[0].added, warm.events[0].removed) == (1, 0)


async def test_fj5_a_flood_of_unknown_ids_costs_one_fetch_in_30_s(warm):
    await asyncio.gather(*(unknown(warm, f"forged-{number}") for number in range(500)))
    for number in range(500):
        assert await unknown(warm, f"again-{number}") == "K1"
    assert warm.server.refreshes == 2
    warm.clock.advance(29.9)
    await unknown(warm, "forged")
    assert warm.server.refreshes == 2
    warm.clock.advance(0.1)
    await unknown(warm, "forged")
    assert warm.server.refreshes == 3


async def test_fj4_rollover_during_a_flood_is_seen_after_the_interval(warm):
    await unknown(warm, "forged")
    warm.server.publish(FIRST, SECOND)
    warm.clock.advance(10)
    assert await unknown(warm, "second") == "K1"
    warm.clock.advance(20)
    assert "second" in (await warm.keys.search("second")).keys


async def test_fj5_failing_attempts_count_and_back_off_to_5_min(warm):
    warm.break_down()
    fetches = []
    for _ in range(40):
        await unknown(warm, "forged")
        fetches.append(warm.server.refreshes)
        warm.clock.advance(30)
    assert fetches[-1] - fetches[0] <= 8  # 30, 60, 120, 240, 300, 300 … in 20 minutes
    assert "first" in warm.keys.current.keys
    await warm.settle()


async def test_a_recovered_authority_is_asked_again_after_30_s(warm):
    warm.break_down()
    for _ in range(6):
        await unknown(warm, "forged")
        warm.clock.advance(300)
    warm.server.fault = None
    await warm.keys.refresh_now()
    warm.server.publish(FIRST, SECOND)
    warm.clock.advance(30)
    assert "second" in (await warm.keys.search("second")).keys


async def test_fj5_a_hanging_authority_delays_nobody_beyond_the_patience():
    stage = Stage(patience=0.02)
    await stage.keys.refresh_now()
    stage.server.hold = asyncio.Event()
    await asyncio.gather(*(unknown(stage, f"forged-{number}") for number in range(50)))
    assert "first" in stage.keys.current.keys
    stage.clock.advance(0.02)  # patience counts from the fetch's start, not from each caller's
    await asyncio.wait_for(unknown(stage, "late"), 0.01)
    assert stage.server.refreshes == 2
    stage.server.publish(FIRST, SECOND)
    stage.server.hold.set()
    await stage.settle()  # the fetch outlives those who gave up
    assert "second" in stage.keys.current.keys


async def test_fj5_more_waiting_requests_than_fit_are_refused_at_once(warm):
    warm.server.hold = asyncio.Event()
    waiting = [asyncio.create_task(unknown(warm, f"forged-{n}")) for n in range(MAX_WAITING)]
    await warm.server.held.wait()
    assert await asyncio.wait_for(unknown(warm, "one more"), 1) == "K1"
    assert not any(task.done() for task in waiting)
    warm.server.hold.set()
    assert set(await asyncio.gather(*waiting)) == {"K1"}
    assert warm.keys._waiting == 0


async def test_an_unknown_key_joins_a_refresh_that_an_operator_started(warm):
    warm.server.hold = asyncio.Event()
    warm.server.publish(FIRST, SECOND)
    operator = asyncio.create_task(warm.keys.refresh_now())
    await warm.server.held.wait()
    caller = asyncio.create_task(warm.keys.search("second"))
    await asyncio.sleep(0)
    warm.server.hold.set()
    assert "second" in (await caller).keys
    await operator
    assert warm.server.refreshes == 2


async def test_a_cancelled_caller_does_not_end_the_refresh(warm):
    warm.server.hold = asyncio.Event()
    warm.server.publish(FIRST, SECOND)
    caller = asyncio.create_task(warm.keys.search("second"))
    await warm.server.held.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    warm.server.hold.set()
    await warm.settle()
    assert "second" in warm.keys.current.keys


async def test_keys_are_fetched_ahead_in_the_background(warm):
    warm.clock.advance(12 * 3600 - 1)
    assert warm.keys.current is not None
    assert len(warm.background) == 0
    warm.clock.advance(1)
    warm.server.publish(FIRST, SECOND)
    before = warm.keys.current
    assert set(before.keys) == {"first"}  # not waited for
    assert warm.keys.current is before
    assert len(warm.background) == 1
    await warm.settle()
    assert set(warm.keys.current.keys) == {"first", "second"}
    assert warm.server.refreshes == 2


async def test_a_refresh_has_the_id_of_the_request_that_caused_it(stage):
    with correlation_scope("first"):
        await stage.keys.search("first")
    with correlation_scope("unknown"):
        stage.clock.advance(31)
        await unknown(stage, "second")
    with correlation_scope("due"):
        stage.clock.advance(12 * 3600)
        assert stage.keys.current is not None
    await stage.settle()
    stage.break_down()
    stage.clock.advance(12 * 3600)
    with correlation_scope("failing"):
        assert stage.keys.current is not None
    await stage.settle()

    assert [(type(event), event.correlation_id) for event in stage.events] == [
        (KeysRefreshed, "first"),
        (KeysRefreshed, "unknown"),
        (KeysRefreshed, "due"),
        (KeysRefreshFailed, "failing"),
    ]


async def test_a_refresh_that_no_request_caused_has_the_identitys_own_id(stage):
    await stage.keys.refresh_now()

    assert [event.correlation_id for event in stage.events] == ["own"]


async def test_fj2_old_keys_stay_through_any_outage(warm):
    warm.break_down()
    for _ in range(25 * 12):
        warm.clock.advance(300)
        assert "first" in warm.keys.current.keys
        await warm.settle()
    assert warm.keys.age == 25 * 3600
    failed = [event for event in warm.events if isinstance(event, KeysRefreshFailed)]
    assert 0 < len(failed) <= 25 * 12
    assert failed[0].known == 1


async def test_fj6_a_withdrawn_key_goes_with_the_next_refresh(warm):
    warm.server.publish(SECOND)
    await warm.keys.refresh_now()
    assert set(warm.keys.current.keys) == {"second"}
    assert (warm.events[-1].added, warm.events[-1].removed) == (1, 1)
    assert await unknown(warm, "first") == "K1"


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "<html>",
        {"keys": []},
        {"keys": [{"kty": "oct", "kid": "first", "k": "AAAA"}]},
        {"keys": [FIRST, {**SECOND, "kid": "first"}]},
    ],
)
async def test_fj7_a_poisoned_key_document_keeps_the_old_set(warm, document):
    warm.server.key_document = document
    before = warm.keys.current
    with pytest.raises(MetadataUnavailableError):
        await warm.keys.refresh_now()
    assert warm.keys.current is before
    assert isinstance(warm.events[-1], KeysRefreshFailed)


async def test_fj8_changed_metadata_keeps_the_old_set(warm):
    warm.server.v2["issuer"] = "https://evil.example/x/v2.0"
    with pytest.raises(MetadataUnavailableError):
        await warm.keys.refresh_now()
    assert "first" in warm.keys.current.keys


async def test_an_equal_answer_keeps_the_identity_of_the_set(warm):
    before = warm.keys.current
    warm.clock.advance(100)
    await warm.keys.refresh_now()
    assert warm.keys.current is before
    assert warm.keys.age == 0


async def test_a_missing_v1_document_keeps_the_old_issuer_and_is_fetched_soon(warm):
    before = warm.keys.current
    warm.server.v1 = {}
    await warm.keys.refresh_now()
    assert warm.keys.current is before
    assert isinstance(warm.events[0], KeysRefreshFailed)
    warm.clock.advance(300)
    assert warm.keys.current is before
    assert len(warm.background) == 1
    await warm.settle()
