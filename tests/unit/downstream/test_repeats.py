"""Calls that are repeated: which, when, how often; and never beyond the deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from tests.support.downstream import Script, Tokens, api_options, downstream
from tests.support.raw_server import Connection, json_answer, raw_server

from msidweb.configuration.options import HttpClientOptions
from msidweb.downstream import DownstreamApi
from msidweb.errors import DownstreamApiError, DownstreamConnectionError, DownstreamTimeoutError
from msidweb.telemetry import DownstreamCalled, DownstreamRetried, DownstreamRetryWithheld
from msidweb.testing.clock import ManualClock

CHALLENGE = {"www-authenticate": 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'}
BUSY = json_answer(b"{}", "503 Service Unavailable")


class Stand:
    """An API behind a script, a clock that the waits move, and what was told."""

    def __init__(self, *answers: httpx.Response | Exception, **client: Any) -> None:
        self.clock = ManualClock(1_780_000_000)
        self.waits: list[float] = []
        self.heard: list[Any] = []
        self.tokens = Tokens()
        self.requests: list[httpx.Request] = []
        self._answers = answers
        settings = {"retries": 3, **client}
        self.api = downstream(
            HttpClientOptions(transport=httpx.MockTransport(self._answer), **settings),
            {"api": api_options(), "open": api_options(scopes=[], http_client_name="api")},
            tokens=self.tokens,
            hooks=[self.heard.append],
            clock=self.clock,
            random=lambda: 0.5,
            sleep=self._sleep,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]


def ok() -> httpx.Response:
    return httpx.Response(200, json=[])


def busy(after: str | None = None, status: int = 503) -> httpx.Response:
    return httpx.Response(status, headers={} if after is None else {"retry-after": after})


async def test_nothing_is_repeated_unless_it_was_asked_for():
    service = Script(busy())
    with pytest.raises(DownstreamApiError):
        await downstream(service).get_for_user("api")
    assert len(service.requests) == 1


@pytest.mark.parametrize("verb", ["get", "head", "options", "put", "delete"])
@pytest.mark.parametrize("failure", [busy(), busy(status=429), httpx.ConnectError("x")], ids=str)
async def test_idempotent_verbs_are_repeated_with_the_same_token_and_body(verb, failure):
    stand = Stand(failure, ok())
    await getattr(stand.api, f"{verb}_for_user")("api", json={"a": 1})
    assert [request.content for request in stand.requests] == [b'{"a":1}'] * 2
    assert len(stand.tokens.asked) == 1
    assert stand.waits == [0.25]


@pytest.mark.parametrize("verb", ["post", "patch"])
async def test_other_verbs_are_not(verb):
    stand = Stand(busy())
    with pytest.raises(DownstreamApiError):
        await getattr(stand.api, f"{verb}_for_user")("api")
    assert len(stand.requests) == 1


async def test_the_verbs_are_the_clients_choice():
    stand = Stand(busy(), ok(), retry_methods="post")
    assert await stand.api.post_for_user("api") == []
    with pytest.raises(DownstreamApiError):
        await Stand(busy(), retry_methods=["POST"]).api.get_for_user("api")


@pytest.mark.parametrize("status", [400, 401, 404, 408, 500, 501])
async def test_other_statuses_are_final(status):
    stand = Stand(busy(status=status))
    with pytest.raises(DownstreamApiError):
        await stand.api.get_for_user("api")
    assert len(stand.requests) == 1


async def test_a_call_is_repeated_so_often_and_then_fails_as_it_last_did():
    stand = Stand(httpx.ConnectError("x"), busy(), busy(status=502), busy(status=504), ok())
    with pytest.raises(DownstreamApiError) as caught:
        await stand.api.get_for_user("api")
    assert caught.value.status_code == 504
    assert stand.waits == [0.25, 0.5, 1.0]
    assert [
        (event.attempt, event.reason, event.wait) for event in stand.told(DownstreamRetried)
    ] == [
        (1, "not_connected", 0.25),
        (2, "status_503", 0.5),
        (3, "status_502", 1.0),
    ]
    [called] = stand.told(DownstreamCalled)
    assert (called.attempts, called.status) == (4, 504)


async def test_a_broken_answer_is_asked_for_once_more_where_reading_is_all_that_is_done():
    stand = Stand(httpx.ReadError("x"), httpx.ReadError("x"), ok())
    with pytest.raises(DownstreamConnectionError):
        await stand.api.get_for_user("api")
    assert len(stand.requests) == 2
    stand = Stand(httpx.ReadError("x"), ok())
    with pytest.raises(DownstreamConnectionError):
        await stand.api.put_for_user("api")
    assert len(stand.requests) == 1


async def test_retry_after_is_waited_for():
    stand = Stand(busy("20"), ok())
    await stand.api.get_for_user("api")
    assert stand.waits == [20.25]


@pytest.mark.parametrize(("seconds", "after"), [(20, "20"), (None, "60"), (None, "100")])
async def test_a_wait_that_would_outlast_the_deadline_is_not_begun(seconds, after):
    stand = Stand(busy(after), ok(), timeout=seconds)
    with pytest.raises(DownstreamApiError) as caught:
        await stand.api.get_for_user("api")
    assert caught.value.retry_after == float(after)
    assert stand.waits == []
    [withheld] = stand.told(DownstreamRetryWithheld)
    assert (withheld.limit, withheld.reason, withheld.attempt) == ("deadline", "status_503", 1)


async def test_all_waits_together_stay_within_the_deadline():
    stand = Stand(busy("4"), busy("4"), busy("4"), timeout=10)
    with pytest.raises(DownstreamApiError):
        await stand.api.get_for_user("api")
    assert stand.waits == [4.25, 4.5]


async def test_the_budget_ends_the_repeats_of_all_calls():
    stand = Stand(busy(), retry_reserve=2, retry_budget=0.1)
    for _ in range(4):
        with pytest.raises(DownstreamApiError):
            await stand.api.get_for_user("api")
    assert len(stand.waits) == 2
    assert [event.limit for event in stand.told(DownstreamRetryWithheld)] == ["budget"] * 4


async def test_a_challenge_and_repeats_share_one_count():
    challenge = httpx.Response(401, headers=CHALLENGE)
    stand = Stand(busy(), challenge, busy(), busy(), ok(), retries=2)
    with pytest.raises(DownstreamApiError) as caught:
        await stand.api.get_for_user("api")
    assert caught.value.status_code == 503
    assert len(stand.waits) == 2
    assert len(stand.tokens.asked) == 2


async def test_calls_without_a_token_are_repeated_too():
    stand = Stand(busy(), ok())
    assert await stand.api.get_for_user("open") == []
    assert not stand.tokens.asked


async def test_a_stream_is_repeated_until_its_head_arrives():
    stand = Stand(busy(), httpx.Response(200, text="x"))
    async with stand.api.call_api("api", stream=True) as response:
        assert await response.aread() == b"x"
    assert len(stand.requests) == 2


async def pieces():
    yield b"x"


async def test_an_iterator_that_was_opened_is_not_sent_again():
    async def read(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        await request.aread()
        return busy()

    count = 0
    options = HttpClientOptions(transport=httpx.MockTransport(read), retries=3)
    with pytest.raises(DownstreamApiError):
        await downstream(options).put_for_user("api", content=pieces())
    assert count == 1


class ConnectsLater(httpx.AsyncBaseTransport):
    """Cannot connect the first time, and reads no body then."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._connects = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._connects:
            self._connects = True
            raise httpx.ConnectError("x")
        self.bodies.append(await request.aread())
        return ok()


async def test_an_iterator_that_was_never_opened_is_sent_again():
    transport = ConnectsLater()
    api = downstream(HttpClientOptions(transport=transport, retries=1), random=lambda: 0.0)
    assert await api.put_for_user("api", content=pieces()) == []
    assert transport.bodies == [b"x"]


async def test_while_a_stream_waits_it_holds_no_connection(connect):
    async def by_path(connection: Connection) -> None:
        while True:
            head = await connection.request()
            await connection.send(json_answer(b"[]") if b"/other" in head else BUSY)

    async def call_another(_: float) -> None:
        assert await api.get_for_user("api", "other", timeout=5) == []
        others.append(True)

    others: list[bool] = []
    async with raw_server(by_path) as server:
        api = connect(server.url, max_connections=1, retries=1, parts={"sleep": call_another})
        async with api.call_api("api", stream=True) as response:
            assert response.status_code == 503
    assert others == [True]


async def test_a_failure_of_a_hook_is_not_repeated_even_if_it_is_one_of_another_api():
    def fails(_: httpx.Request) -> None:
        called.append(True)
        raise DownstreamConnectionError("other", service_name="other") from httpx.ConnectError("x")

    called: list[bool] = []
    with pytest.raises(DownstreamConnectionError, match="other"):
        await Stand(ok()).api.get_for_user("api", customize_request=fails)
    assert called == [True]


async def test_a_call_that_is_cancelled_while_it_waits_ends():
    async def wait(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    waiting = asyncio.Event()
    client = HttpClientOptions(transport=httpx.MockTransport(Script(busy())), retries=1)
    call = asyncio.create_task(downstream(client, sleep=wait).get_for_user("api"))
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


# Over sockets

Serve = Callable[[Connection], Awaitable[None]]


def soon(**more: Any) -> dict[str, Any]:
    return {"parts": {"random": lambda: 0.0}, "retries": 2, **more}


async def busy_twice(connection: Connection) -> None:
    for answer in (BUSY, BUSY):
        await connection.request()
        await connection.send(answer)
    await connection.request()
    await connection.send(json_answer(b"[]"))


async def test_a_busy_api_is_asked_again_on_the_same_connection(connect):
    async with raw_server(busy_twice) as server:
        assert await connect(server.url, **soon(max_connections=1)).get_for_user("api") == []
    assert server.connections == 1
    assert len(server.heads) == 3


@pytest.mark.parametrize("sent", [b"", json_answer(b'{"n": 1}')[:-3]], ids=["nothing", "half"])
async def test_a_reset_is_survived_by_a_get_and_typed_for_a_post(connect, sent):
    requests = 0

    async def first_breaks(connection: Connection) -> None:
        nonlocal requests
        await connection.request()
        requests += 1
        await connection.send(sent if requests == 1 else json_answer(b"[]"))

    async with raw_server(first_breaks) as server:
        assert await connect(server.url, **soon()).get_for_user("api") == []
        requests = 0
        with pytest.raises(DownstreamConnectionError):
            await connect(server.url, **soon()).post_for_user("api")


async def test_an_api_that_is_not_there_is_looked_for_again(connect):
    async def nobody(_: Connection) -> None:
        pass

    heard: list[Any] = []
    async with raw_server(nobody) as server:
        pass
    with pytest.raises(DownstreamConnectionError):
        await connect(server.url, events=[heard.append], **soon()).put_for_user("api")
    reasons = [event.reason for event in heard if isinstance(event, DownstreamRetried)]
    assert reasons == ["not_connected"] * 2


async def test_a_repeat_that_hangs_ends_at_the_deadline_of_the_whole(connect):
    async def busy_then_silent(connection: Connection) -> None:
        await connection.request()
        await connection.send(BUSY)
        await connection.request()
        await asyncio.Event().wait()

    async with raw_server(busy_then_silent) as server:
        api = connect(server.url, **soon(timeout=0.3))
        with pytest.raises(DownstreamTimeoutError) as caught:
            await api.get_for_user("api")
    assert "within 0.3 s" in str(caught.value)


# Limits


class Crowd:
    """A server that counts how many requests it holds at one time."""

    def __init__(self, *, release_at: int) -> None:
        self.now = self.most = 0
        self._full = asyncio.Event()
        self._release_at = release_at

    async def __call__(self, connection: Connection) -> None:
        while True:
            await connection.request()
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == self._release_at:
                self._full.set()
            await self._full.wait()
            await asyncio.sleep(0.01)
            self.now -= 1
            await connection.send(json_answer(b"[]"))


async def test_a_client_holds_no_more_connections_than_it_may(connect):
    crowd = Crowd(release_at=3)
    async with raw_server(crowd) as server:
        api = connect(server.url, max_connections=3)
        await asyncio.gather(*(api.get_for_user("api") for _ in range(12)))
    assert crowd.most == 3
    assert server.connections == 3


async def held(api: DownstreamApi, inside: Callable[[], Awaitable[None]]) -> None:
    async with api.call_api("api", stream=True):
        await inside()


@pytest.mark.parametrize(
    ("limits", "call", "code"),
    [
        ({"pool_timeout": 0.05}, {}, "no_free_connection"),
        ({"pool_timeout": 30}, {"timeout": 0.05}, "downstream_timeout"),
    ],
)
async def test_waiting_for_a_connection_ends_and_counts_in_the_deadline(
    connect, limits, call, code
):
    async def wait_in_vain() -> None:
        with pytest.raises(DownstreamTimeoutError) as caught:
            await api.get_for_user("api", **call)
        assert caught.value.code == code

    async def answer(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(json_answer(b"[]"))

    async with raw_server(answer) as server:
        api = connect(server.url, max_connections=1, **limits)
        await held(api, wait_in_vain)
        assert await api.get_for_user("api") == []
