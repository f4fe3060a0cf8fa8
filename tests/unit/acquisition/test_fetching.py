import asyncio
import datetime as dt
import gzip
from email.utils import format_datetime

import httpx
import pytest
from tests.support.token_endpoint import (
    NOW,
    OTHER_TENANT,
    TENANT,
    Bench,
    encoded,
    granted,
    principal,
    refused,
)

from msidweb.configuration.options import AcquireTokenOptions
from msidweb.credentials import ClientSecret, ProvidedAssertion
from msidweb.errors import (
    AssertionRejectedError,
    CredentialError,
    MsidwebError,
    ThrottledError,
    TokenAcquisitionError,
    UserChallengeError,
)

SCOPES = ["https://api.example/a"]
APP = "https://api.example/.default"


async def for_user(bench, token="user.one.token", **options):
    asked = AcquireTokenOptions(**options) if options else None
    return await bench.acquirer.get_token_for_user(SCOPES, user=principal(token), options=asked)


async def refusal_of(call):
    with pytest.raises(MsidwebError) as caught:
        await call
    return caught.value


async def test_a_success_that_carries_retry_after_reaches_nobody_else():
    def answer(number, asked):
        reply = granted(number, asked)
        reply.headers["Retry-After"] = "120"
        return reply

    bench = Bench(answer)
    first, second = await for_user(bench, "user.a.token"), await for_user(bench, "user.b.token")
    assert first.access_token == "at-1-user.a.token"
    assert second.access_token == "at-2-user.b.token"


async def test_one_users_429_holds_that_user_alone_until_its_time():
    def answer(number, asked):
        if asked.form.get("assertion") == "user.a.token" and number < 6:
            return refused(429, headers={"Retry-After": "10"}, error="temporarily_unavailable")
        return granted(number, asked)

    bench = Bench(answer)
    first = await refusal_of(for_user(bench, "user.a.token"))
    bench.clock.advance(4)
    second = await refusal_of(for_user(bench, "user.a.token"))
    assert (type(first), first.retry_after) == (ThrottledError, 10)
    assert (type(second), second.retry_after) == (ThrottledError, 6)
    assert len(bench.asked) == 1

    assert (await for_user(bench, "user.b.token")).access_token == "at-2-user.b.token"
    assert (await bench.acquirer.get_token_for_app(APP)).access_token == "at-3-app"
    await bench.acquirer.get_token_for_user(["other/x"], user=principal("user.c.token"))
    bench.clock.advance(6)
    await refusal_of(for_user(bench, "user.a.token"))
    assert len(bench.asked) == 5


async def test_a_cached_token_is_served_while_its_renewal_is_throttled():
    bench = Bench(
        lambda n, asked: (
            granted(n, asked) if n == 1 else refused(429, headers={"Retry-After": "60"}, error="x")
        )
    )
    await for_user(bench)
    await refusal_of(for_user(bench, force_refresh=True))
    assert (await for_user(bench)).access_token == "at-1-user.one.token"


@pytest.mark.parametrize(
    ("value", "seconds", "requests"),
    [
        ("2", 2, 1),
        ("0", 0, 1),
        (" 7 ", 7, 1),
        ("99999", 3600, 1),
        ("99999999999", None, 2),
        ("1.5", None, 2),
        ("-1", None, 2),
        ("3, 5", None, 2),
        ("soon", None, 2),
        ("", None, 2),
        (format_datetime(dt.datetime.fromtimestamp(NOW + 30, dt.UTC)), 30, 1),
        (format_datetime(dt.datetime.fromtimestamp(NOW + 7_200, dt.UTC)), 3600, 1),
        (format_datetime(dt.datetime.fromtimestamp(NOW - 30, dt.UTC)), 0, 1),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None, 2),
    ],
)
async def test_retry_after_is_whole_seconds_or_a_date_and_else_counts_as_missing(
    value, seconds, requests
):
    bench = Bench(lambda n, asked: refused(503, headers={"Retry-After": value}))
    error = await refusal_of(for_user(bench))
    assert error.retry_after == seconds
    assert len(bench.asked) == requests
    assert isinstance(error, ThrottledError) is bool(seconds)


async def test_a_500_is_repeated_once_after_a_short_pause():
    bench = Bench(lambda n, asked: refused(500) if n == 1 else granted(n, asked))
    assert (await for_user(bench)).access_token == "at-2-user.one.token"
    assert len(bench.slept) == 1
    assert 0.2 <= bench.slept[0] <= 1.0


async def test_a_lasting_failure_is_a_typed_error_after_two_requests():
    bench = Bench(lambda n, asked: refused(503))
    error = await refusal_of(for_user(bench))
    assert (error.code, error.retryable, error.http_status) == ("service_unavailable", True, 503)
    assert len(bench.asked) == 2


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout])
async def test_a_broken_connection_is_tried_once_more(failure):
    def answer(number, asked):
        if number == 1:
            raise failure("secret canary in a foreign message")
        return granted(number, asked)

    assert (await for_user(Bench(answer))).access_token == "at-2-user.one.token"


async def test_a_connection_that_never_works_is_a_typed_error_without_foreign_text():
    def answer(number, asked):
        raise httpx.ConnectError("secret canary in a foreign message")

    bench = Bench(answer)
    error = await refusal_of(for_user(bench))
    assert (error.code, error.retryable) == ("entra_unreachable", True)
    assert "canary" not in str(error)
    assert error.__cause__ is None
    assert error.correlation_id == bench.asked[0].headers["client-request-id"]
    assert len(bench.asked) == 2


async def test_a_silent_service_is_given_up_at_the_deadline():
    bench = Bench(timeout=0.02)
    bench.endpoint.gate = asyncio.Event()
    error = await refusal_of(for_user(bench))
    assert (error.code, error.retryable) == ("entra_timeout", True)
    assert len(bench.asked) == 2
    assert bench.endpoint.under_way == 0


async def test_no_deadline_is_no_deadline():
    bench = Bench(timeout=None)
    assert (await for_user(bench)).access_token == "at-1-user.one.token"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>login</html>"),
        httpx.Response(200, text=""),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, content=b'{"access_token":"a","access_token":"b"}'),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b"x" * (1024 * 1024 + 1)),
        httpx.Response(
            200,
            content=gzip.compress(b"x" * (64 * 1024 * 1024), 1),
            headers={"content-encoding": "gzip"},
        ),
        httpx.Response(302, headers={"location": "https://evil.example/"}),
    ],
    ids=range(10),
)
async def test_an_answer_that_is_no_answer_is_a_typed_error(answer):
    bench = Bench(lambda n, asked: answer)
    error = await refusal_of(for_user(bench))
    assert isinstance(error, TokenAcquisitionError)
    assert not isinstance(error, UserChallengeError)
    assert len(bench.asked) == 1
    assert "html" not in str(error)


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": 7},
        {"access_token": ""},
        {"access_token": "a\r\nb"},
        {"token_type": None},
        {"token_type": "pop"},
        {"expires_in": None},
        {"expires_in": "3599"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": 10**12},
        {"expires_in": 1.5},
    ],
    ids=str,
)
async def test_a_grant_with_an_impossible_member_is_refused(changes):
    error = await refusal_of(for_user(Bench(lambda n, asked: granted(n, asked, **changes))))
    assert error.code == "answer_unreadable"


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": None},
        {"scope": 7},
        {"refresh_in": 0},
        {"refresh_in": "x"},
        {"refresh_in": 10**9},
        {"client_info": None, "id_token": "a.b"},
        {"client_info": "%%%"},
        {"client_info": 7, "id_token": None},
        {"token_type": "bearer"},
    ],
    ids=str,
)
async def test_a_grant_lives_without_what_is_not_needed(changes):
    token = await for_user(Bench(lambda n, asked: granted(n, asked, **changes)))
    assert token.access_token == "at-1-user.one.token"
    assert token.refresh_on is None


def named_by_the_id_token(oid, tid):
    id_token = f"x.{encoded({'oid': oid, 'tid': tid})}.y"
    return Bench(lambda n, asked: granted(n, asked, client_info=None, id_token=id_token))


async def test_the_home_account_comes_from_the_id_token_where_client_info_is_missing():
    bench = named_by_the_id_token(principal().object_id, TENANT)
    assert (await for_user(bench)).home_account_id == f"{principal().object_id}.{TENANT}"


async def test_an_answer_about_another_user_is_thrown_away():
    bench = named_by_the_id_token("another", TENANT)
    assert (await refusal_of(for_user(bench))).code == "answer_of_another_user"
    assert len(bench.cache) == 0


async def test_a_guest_has_another_object_id_in_another_tenant():
    bench = named_by_the_id_token("as-a-guest", OTHER_TENANT)
    assert (await for_user(bench, tenant=OTHER_TENANT)).access_token


def aadsts(number, error="invalid_grant", **more):
    return refused(
        401 if error == "invalid_client" else 400,
        error=error,
        error_codes=[number],
        error_description=f"AADSTS{number}: someone@example.test did it",
        **more,
    )


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (aadsts(65001, suberror="consent_required"), UserChallengeError, "user_challenge"),
        (aadsts(50076, "interaction_required"), UserChallengeError, "user_challenge"),
        (aadsts(999, "invalid_grant"), UserChallengeError, "user_challenge"),
        (aadsts(70000, suberror="client_mismatch"), TokenAcquisitionError, None),
        (aadsts(53005, suberror="protection_policy_required"), TokenAcquisitionError, None),
        (aadsts(50013), AssertionRejectedError, "assertion_rejected"),
        (aadsts(500133), AssertionRejectedError, "assertion_rejected"),
        (aadsts(7000114, "invalid_request"), AssertionRejectedError, "assertion_rejected"),
        (aadsts(50196), TokenAcquisitionError, "request_loop"),
        (aadsts(7000215, "invalid_client"), CredentialError, "credential_rejected"),
        (aadsts(1, "invalid_client"), CredentialError, "credential_rejected"),
        (aadsts(700213, "invalid_client"), CredentialError, "credential_rejected"),
        (aadsts(700016, "unauthorized_client"), TokenAcquisitionError, "setup_refused"),
        (aadsts(70011, "invalid_scope"), TokenAcquisitionError, "setup_refused"),
        (aadsts(2, "invalid_scope"), TokenAcquisitionError, "setup_refused"),
        (aadsts(90033, "temporarily_unavailable"), TokenAcquisitionError, None),
    ],
)
async def test_refusals_say_who_must_act(answer, kind, code):
    error = await refusal_of(for_user(Bench(lambda n, asked: answer)))
    assert type(error) is kind
    assert error.code == (code or "token_acquisition_failed")
    assert f"AADSTS{error.aadsts}" in str(error)
    assert "someone" not in str(error)
    assert error.retryable is (error.error == "temporarily_unavailable")


async def test_a_challenge_carries_what_the_client_needs():
    claims = '{"access_token":{"polids":{"essential":true}}}'
    answer = aadsts(
        50076,
        "interaction_required",
        suberror="basic_action",
        claims=claims,
        trace_id="00000000-0000-0000-0000-0000000000aa",
        correlation_id="00000000-0000-0000-0000-0000000000bb",
    )
    error = await refusal_of(for_user(Bench(lambda n, asked: answer)))
    assert error.scopes == ("https://api.example/a",)
    assert (error.claims, error.suberror, error.http_status) == (claims, "basic_action", 400)
    assert error.trace_id.endswith("aa")
    assert error.correlation_id.endswith("bb")
    assert error.remedy


async def test_the_number_is_read_from_the_text_where_there_is_no_list():
    answer = refused(400, error="invalid_grant", error_description="AADSTS65001: x\r\nTrace ID: y")
    error = await refusal_of(for_user(Bench(lambda n, asked: answer)))
    assert (error.aadsts, error.challenge) == (65001, "consent_required")


async def test_an_application_is_never_challenged():
    bench = Bench(lambda n, asked: aadsts(65001, suberror="consent_required"))
    error = await refusal_of(bench.acquirer.get_token_for_app(APP))
    assert type(error) is TokenAcquisitionError


async def test_free_text_in_place_of_names_is_not_taken_over():
    answer = refused(400, error="a name: Jane Doe", suberror=["x"], claims="not json", trace_id=7)
    error = await refusal_of(for_user(Bench(lambda n, asked: answer)))
    assert (error.error, error.suberror, error.claims, error.trace_id) == (None,) * 4
    assert "Jane" not in str(error)


async def test_a_challenge_is_not_remembered():
    bench = Bench(
        lambda n, asked: aadsts(65001) if n == 1 else granted(n, asked),
    )
    await refusal_of(for_user(bench))
    assert (await for_user(bench)).access_token == "at-2-user.one.token"


@pytest.mark.parametrize("number", [7000215, 50013])
async def test_a_lasting_refusal_is_heard_twice_a_minute(number):
    error = "invalid_client" if number == 7000215 else "invalid_grant"
    bench = Bench(lambda n, asked: aadsts(number, error))
    for _ in range(30):
        assert (await refusal_of(for_user(bench))).aadsts == number
        bench.clock.advance(1)
    assert len(bench.asked) == 2
    bench.clock.advance(31)
    await refusal_of(for_user(bench))
    assert len(bench.asked) == 3


async def test_one_users_rejected_assertion_refuses_nobody_else():
    bench = Bench(
        lambda n, asked: (
            aadsts(50013) if asked.form["assertion"] == "bad.one.x" else granted(n, asked)
        )
    )
    for _ in range(3):
        await refusal_of(for_user(bench, "bad.one.x"))
    await for_user(bench, "good.one.x")


async def test_a_refused_assertion_is_made_anew_and_shown_once_more():
    made = 0

    async def provider(endpoint):
        nonlocal made
        made += 1
        return f"assertion-{made}"

    bench = Bench(
        lambda n, asked: (
            granted(n, asked)
            if asked.form["client_assertion"] != "assertion-1"
            else aadsts(700024, "invalid_client")
        ),
    )
    bench = Bench(
        bench.endpoint.answer,
        credentials=[ProvidedAssertion(provider, clock=bench.clock)],
    )
    assert (await for_user(bench)).access_token == "at-2-user.one.token"
    assert [asked.form["client_assertion"] for asked in bench.asked] == [
        "assertion-1",
        "assertion-2",
    ]
    assert bench.asked[0].form["client_assertion_type"].endswith(":jwt-bearer")
    assert "client_secret" not in bench.asked[0].form


async def test_what_the_next_credential_meets_is_no_strike_against_credentials():
    def answer(number, asked):
        wrong = asked.form["client_secret"] == "wrong"
        return aadsts(7000215, "invalid_client") if wrong else aadsts(65001)

    bench = Bench(answer, credentials=[ClientSecret("wrong"), ClientSecret("right")])
    for _ in range(5):
        assert type(await refusal_of(for_user(bench))) is UserChallengeError
    assert [asked.form["client_secret"] for asked in bench.asked] == ["wrong", *["right"] * 5]


async def test_attempts_are_told_from_memory_too():
    bench = Bench(
        lambda n, asked: aadsts(7000215, "invalid_client"),
        credentials=[ClientSecret("wrong"), ClientSecret("wrong as well")],
    )
    for _ in range(3):
        error = await refusal_of(for_user(bench))
        assert [attempt.source for attempt in error.attempts] == ["ClientSecret"] * 2
        assert "Tried: ClientSecret: AADSTS7000215" in str(error)
    assert len(bench.asked) == 2


async def test_a_refused_secret_is_not_shown_again():
    bench = Bench(lambda n, asked: aadsts(700027, "invalid_client"))
    await refusal_of(for_user(bench))
    assert len(bench.asked) == 1


async def test_without_a_credential_nothing_is_sent():
    bench = Bench(credentials=[])
    error = await refusal_of(for_user(bench))
    assert (type(error), error.code) == (CredentialError, "credential_unavailable")
    assert not bench.asked


async def test_headers_of_a_request_for_a_user():
    bench = Bench()
    await for_user(bench, correlation_id="my-id", extra_headers_parameters={"x-extra": "1"})
    sent = bench.asked[0].headers
    assert sent["client-request-id"] == "my-id"
    assert sent["return-client-request-id"] == "true"
    assert sent["x-anchormailbox"].startswith("oid:00000000-0000-0000-0000-000000000001@1111")
    assert sent["x-extra"] == "1"
    assert sent["content-type"] == "application/x-www-form-urlencoded"
    assert len(sent.get_list("client-request-id")) == 1


async def test_no_routing_hint_for_applications_or_users_without_an_object_id():
    bench = Bench()
    await bench.acquirer.get_token_for_app(APP)
    await bench.acquirer.get_token_for_user(SCOPES, user=principal(object_id=None))
    assert not any("x-anchormailbox" in asked.headers for asked in bench.asked)


async def test_a_routing_hint_of_the_callers_own_goes_out_alone():
    bench = Bench()
    await for_user(bench, extra_headers_parameters={"x-AnchorMailbox": "oid:x@y"})
    assert bench.asked[0].headers.get_list("x-anchormailbox") == ["oid:x@y"]


@pytest.mark.parametrize("number", [50000, 90036])
async def test_a_transient_code_is_retryable_whatever_error_it_comes_with(number):
    bench = Bench(lambda n, asked: aadsts(number, "invalid_request"))
    assert (await refusal_of(for_user(bench))).retryable
