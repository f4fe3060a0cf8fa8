import traceback
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest
from tests.support.downstream import Script, Tokens, api_options, downstream

from msidweb.configuration.options import (
    AcquireTokenOptions,
    DownstreamApiOptions,
    HttpClientOptions,
)
from msidweb.errors import (
    DownstreamApiError,
    DownstreamConnectionError,
    DownstreamTimeoutError,
    ThrottledError,
)
from msidweb.telemetry import ChallengeAnswered, DownstreamCalled, Event, correlation_scope
from msidweb.testing.clock import ManualClock

CHALLENGE = {"www-authenticate": 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ"'}
SECRET = "the-secret"
PATH = f"x?q={SECRET}"
NOW = 1_780_000_000.0


async def failure(answer: httpx.Response, **fields) -> DownstreamApiError:
    api = downstream(Script(answer), clock=ManualClock(NOW))
    with pytest.raises(DownstreamApiError) as caught:
        await api.get_for_user("api", PATH, **fields)
    return caught.value


async def test_an_error_status_is_one_error_with_everything_in_attributes():
    headers = {"X-Request-Id": "7", "Content-Type": "text/plain"}
    error = await failure(httpx.Response(404, headers=headers, text=SECRET))
    assert str(error) == "'api' answered 404"
    assert (error.service_name, error.status_code, error.reason) == ("api", 404, "Not Found")
    assert error.headers["x-request-id"] == "7"
    assert (error.body, error.truncated, error.retryable) == (SECRET, False, False)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert "token-1" not in repr(error.__dict__)


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_statuses_that_may_pass_are_retryable(status):
    assert (await failure(httpx.Response(status))).retryable


@pytest.mark.parametrize("status", [300, 304, 308, 400, 401, 403, 500])
async def test_every_other_status_is_an_error_too(status):
    assert not (await failure(httpx.Response(status))).retryable


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True), 30.0),
        (format_datetime(datetime.fromtimestamp(NOW - 30, UTC), usegmt=True), 0.0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", 0.0),
        ("1.5", None),
        ("-1", None),
        ("soon", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("", None),
        ("9" * 400, None),
        ("²", None),
    ],
)
async def test_retry_after_is_whole_seconds_or_a_date(field, seconds):
    headers = [(b"retry-after", field.encode())]
    expected = seconds
    if "-0000" in field:
        expected = max(0.0, datetime(2026, 10, 21, 7, 28, tzinfo=UTC).timestamp() - NOW)
    assert (await failure(httpx.Response(429, headers=headers))).retry_after == expected


async def test_a_plain_401_asks_for_no_other_token():
    tokens, service = Tokens(), Script(httpx.Response(401))
    with pytest.raises(DownstreamApiError):
        await downstream(service, tokens=tokens).get_for_user("api")
    assert len(tokens.asked) == len(service.requests) == 1


async def test_an_anonymous_call_answers_no_challenge():
    tokens, service = Tokens(), Script(httpx.Response(401, headers=CHALLENGE))
    api = downstream(service, {"api": api_options(scopes=[])}, tokens=tokens)
    with pytest.raises(DownstreamApiError):
        await api.get_for_user("api")
    assert not tokens.asked
    assert len(service.requests) == 1


@pytest.mark.parametrize("method", ["get_for_app", "call_api_for_app", "call_api_for_user"])
async def test_every_call_with_a_token_answers_a_challenge(method):
    tokens = Tokens()
    service = Script(httpx.Response(401, headers=CHALLENGE), httpx.Response(200, json=[]))
    caller = DownstreamApiOptions(acquire_token_options=AcquireTokenOptions(tenant="t"))
    await getattr(downstream(service, tokens=tokens), method)("api", options=caller)
    second = tokens.asked[1].options
    assert (second.claims, second.force_refresh, second.tenant) == ('{"a":1}', True, "t")
    assert tokens.asked[0].options.claims is None
    assert caller.acquire_token_options == AcquireTokenOptions(tenant="t")


async def test_the_body_is_sent_again_after_a_challenge():
    service = Script(httpx.Response(401, headers=CHALLENGE), httpx.Response(200))
    await downstream(service).post_for_user("api", json={"a": 1})
    assert [request.content for request in service.requests] == [b'{"a":1}'] * 2


async def test_a_raw_call_gives_the_second_refusal():
    service = Script(httpx.Response(401, headers=CHALLENGE, text="no"))
    response = await downstream(service).call_api_for_user("api")
    assert (response.status_code, response.text) == (401, "no")
    assert len(service.requests) == 2


async def test_no_token_is_the_acquirers_error_and_no_call():
    service = Script(httpx.Response(200))
    throttled = ThrottledError("wait", retry_after=3)
    with pytest.raises(ThrottledError) as caught:
        await downstream(service, tokens=Tokens([throttled])).get_for_user("api")
    assert caught.value is throttled
    assert not service.requests


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx.ReadTimeout("x"), DownstreamTimeoutError),
        (httpx.PoolTimeout("x"), DownstreamTimeoutError),
        (TimeoutError(), DownstreamTimeoutError),
        (httpx.ConnectError("x"), DownstreamConnectionError),
        (httpx.RemoteProtocolError("x"), DownstreamConnectionError),
    ],
)
async def test_an_answer_that_never_came_is_typed_and_has_no_status(raised, kind):
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    with correlation_scope("c-1"), pytest.raises(kind) as caught:
        await downstream(fail).get_for_user("api", PATH)
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.retryable, error.correlation_id) == (None, True, "c-1")
    assert SECRET not in "".join(traceback.format_exception(error))


async def test_phases_of_the_call_replace_those_of_the_client():
    service = Script(httpx.Response(200))
    client = HttpClientOptions(transport=httpx.MockTransport(service), timeout=50)
    api = downstream(client)
    await api.get_for_user("api")
    await api.get_for_user("api", connect_timeout=1)
    await api.get_for_user("api", read_timeout=2)
    await api.get_for_user("api", timeout=200)
    phases = [request.extensions["timeout"] for request in service.requests]
    assert [(phase["connect"], phase["read"]) for phase in phases] == [
        (10, 50),
        (1, 50),
        (10, 2),
        (10, 200),
    ]


async def test_a_read_timeout_of_the_client_holds_whatever_the_deadline():
    service = Script(httpx.Response(200))
    client = HttpClientOptions(transport=httpx.MockTransport(service), read_timeout=5)
    await downstream(client).get_for_user("api", timeout=200)
    assert service.requests[0].extensions["timeout"]["read"] == 5


async def test_calls_and_challenges_are_told():
    heard: list[Event] = []
    clock = ManualClock()
    answers = iter([httpx.Response(401, headers=CHALLENGE), httpx.Response(503)])

    def slow(_: httpx.Request) -> httpx.Response:
        clock.advance(2)
        return next(answers)

    api = downstream(slow, hooks=[heard.append], clock=clock)
    acquire = AcquireTokenOptions(correlation_id="c-2")
    with correlation_scope("c-1"), pytest.raises(DownstreamApiError) as caught:
        await api.get_for_user("api", options=DownstreamApiOptions(acquire_token_options=acquire))
    assert caught.value.correlation_id == "c-2"
    assert [event for event in heard if event.layer == "downstream"] == [
        ChallengeAnswered(service="api", correlation_id="c-2"),
        DownstreamCalled(
            service="api", method="GET", status=503, attempts=2, seconds=4, correlation_id="c-2"
        ),
    ]


async def test_a_call_without_an_answer_is_told_without_a_status():
    heard: list[Event] = []
    api = downstream(Script(), tokens=Tokens([ThrottledError("wait")]), hooks=[heard.append])
    with pytest.raises(ThrottledError):
        await api.get_for_user("api")
    called = [event for event in heard if isinstance(event, DownstreamCalled)]
    assert [(event.status, event.attempts) for event in called] == [(None, 0)]
