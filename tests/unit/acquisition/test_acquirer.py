import asyncio
import contextlib
import random

import pytest
from tests.support.token_endpoint import OTHER_TENANT, TENANT, Bench, granted, principal, refused

from msidweb.acquisition import AuthorizationHeaderProvider
from msidweb.configuration.options import (
    AcquireTokenOptions,
    DownstreamApiOptions,
    ManagedIdentityOptions,
)
from msidweb.errors import AssertionRejectedError, InvalidCallError, UserRequiredError
from msidweb.principal import principal_scope
from msidweb.telemetry import (
    CredentialLoaded,
    RefreshAheadFailed,
    TokenAcquired,
    TokenAcquisitionFailed,
    correlation_scope,
)
from msidweb.tokens import CacheLevel, RefreshReason, TokenSource

SCOPES = ["https://api.example/a"]
APP = "https://api.example/.default"


async def test_the_second_call_is_served_from_memory_with_the_same_object_every_time():
    bench = Bench()
    first = await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    second = await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    third = await bench.acquirer.get_token_for_user(SCOPES, user=principal())

    assert (first.source, first.refresh_reason) == (
        TokenSource.IDENTITY_PROVIDER,
        RefreshReason.NO_CACHED_TOKEN,
    )
    assert (second.source, second.cache_level) == (TokenSource.CACHE, CacheLevel.L1)
    assert second is third
    assert first.header == second.header == "Bearer at-1-user.one.token"
    assert first.home_account_id == "u.t"
    assert len(bench.asked) == 1


async def test_a_hit_is_answered_without_a_suspension():
    bench = Bench()
    user = principal()
    await bench.acquirer.get_token_for_user(SCOPES, user=user)
    call = bench.acquirer.get_token_for_user(SCOPES, user=user)
    with pytest.raises(StopIteration):
        call.send(None)


async def test_the_ambient_principal_is_the_user_where_none_is_given():
    bench = Bench()
    with principal_scope(principal("ambient.user.token")):
        token = await bench.acquirer.get_token_for_user(SCOPES)
    assert token.access_token == "at-1-ambient.user.token"


async def test_no_user_at_all_is_an_error_that_says_what_to_pass():
    with pytest.raises(UserRequiredError) as caught:
        await Bench().acquirer.get_token_for_user(SCOPES)
    assert "user=principal" in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("user", "error", "code"),
    [
        (principal(is_app=True), InvalidCallError, "app_only_caller"),
        (principal(scheme="Second"), InvalidCallError, "foreign_scheme"),
        (principal(""), UserRequiredError, "user_required"),
    ],
)
async def test_what_cannot_be_exchanged_never_reaches_the_wire(user, error, code):
    bench = Bench()
    with pytest.raises(error) as caught:
        await bench.acquirer.get_token_for_user(SCOPES, user=user)
    assert caught.value.code == code
    assert not bench.asked


async def test_an_expired_assertion_is_refused_here_and_points_to_session_keys():
    bench = Bench()
    bench.clock.advance(3_600 + 300)
    with pytest.raises(AssertionRejectedError) as caught:
        await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    assert caught.value.code == "assertion_expired"
    assert "session key" in (caught.value.remedy or "")
    assert not bench.asked


async def test_a_token_in_memory_outlives_the_assertion_it_came_from():
    bench = Bench(lambda n, asked: granted(n, asked, expires_in=90_000))
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    bench.clock.advance(50_000)
    token = await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    await bench.settle()
    assert token.source is TokenSource.CACHE
    assert len(bench.asked) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"session_key": "k"},
        {"managed_identity": ManagedIdentityOptions()},
        {"fmi_path": "a/b"},
        {"pop_public_key": "k"},
        {"pop_claim": "c"},
        {"user_flow": "f"},
        {"extra_parameters": {"a": 1}},
        {"authentication_options_name": "Second"},
        {"tenant": "organizations"},
        {"tenant": "a/../b"},
        {"claims": "[]"},
        {"claims": '{"access_token": null}'},
        {"claims": "{" + " " * 8192 + "}"},
        {"claims": f'{{"a": "{"ä" * 4100}"}}'},
        {"claims": "[" * 5000},
        {"claims": '{"a":' * 33 + "1" + "}" * 33},
        {"extra_headers_parameters": {"x": "a\r\nb: c"}},
        {"extra_headers_parameters": {"a b": "c"}},
        {"extra_headers_parameters": {"Authorization": "Basic x"}},
        {"correlation_id": "a b"},
    ],
    ids=" ".join,
)
async def test_options_that_cannot_be_honored_are_refused_by_both_calls(options):
    bench = Bench()
    for call in (
        bench.acquirer.get_token_for_user(
            SCOPES, user=principal(), options=AcquireTokenOptions(**options)
        ),
        bench.acquirer.get_token_for_app(APP, options=AcquireTokenOptions(**options)),
    ):
        with pytest.raises(InvalidCallError):
            await call
    assert not bench.asked


async def test_the_own_scheme_may_be_named():
    options = AcquireTokenOptions(authentication_options_name="Bearer")
    token = await Bench().acquirer.get_token_for_app(APP, options=options)
    assert token.tenant_id == TENANT


@pytest.mark.parametrize(
    "scopes", [[], ["openid", "Profile", "offline_access", "email"], ["a b"], [""], [7], "a b"]
)
async def test_scopes_that_ask_for_nothing_are_refused(scopes):
    bench = Bench()
    with pytest.raises(InvalidCallError):
        await bench.acquirer.get_token_for_user(scopes, user=principal())
    assert not bench.asked


@pytest.mark.parametrize(
    "scope", ["https://api.example/a", [], [APP, APP], ["https://api.example/a"]]
)
async def test_an_application_asks_for_exactly_one_default_scope(scope):
    bench = Bench()
    with pytest.raises(InvalidCallError):
        await bench.acquirer.get_token_for_app(scope)
    assert not bench.asked


async def test_order_case_and_reserved_scopes_make_no_other_request():
    bench = Bench()
    for scopes in (["b/x", "a/y"], ["A/Y", "b/x", "openid"], ("a/y", "b/x", "b/x")):
        await bench.acquirer.get_token_for_user(scopes, user=principal())
    assert len(bench.asked) == 1
    assert set(bench.asked[0].form["scope"].split()) == {
        "a/y",
        "b/x",
        "openid",
        "profile",
        "offline_access",
    }


async def test_a_narrower_request_is_served_by_a_wider_token():
    bench = Bench()
    await bench.acquirer.get_token_for_user(["r/a", "r/b"], user=principal())
    await bench.acquirer.get_token_for_user(["r/b"], user=principal())
    assert len(bench.asked) == 1


async def test_two_apis_of_one_user_keep_their_tokens_side_by_side():
    bench = Bench()
    for scopes in (["one/a"], ["two/a"], ["one/a"], ["two/a"]):
        await bench.acquirer.get_token_for_user(scopes, user=principal())
    assert len(bench.asked) == 2


async def test_two_users_never_get_each_others_token():
    bench = Bench()
    users = [principal(f"user.{n}.token", object_id=f"{n}") for n in range(20)]

    async def round_of(user):
        for _ in range(20):
            await asyncio.sleep(0)
            token = await bench.acquirer.get_token_for_user(SCOPES, user=user)
            assert token.access_token.endswith(user.assertion.token)

    await asyncio.gather(*(round_of(user) for user in users for _ in range(5)))
    assert len(bench.asked) == 20


@pytest.mark.parametrize(
    "options",
    [
        {"tenant": OTHER_TENANT},
        {"extra_query_parameters": {"dc": "x"}},
    ],
)
async def test_what_makes_another_token_has_an_entry_of_its_own(options):
    bench = Bench()
    other = AcquireTokenOptions(**options)
    for each in (None, other, None, other):
        await bench.acquirer.get_token_for_user(SCOPES, user=principal(), options=each)
        await bench.acquirer.get_token_for_app(APP, options=each)
    assert len(bench.asked) == 4


async def test_telemetry_parameters_of_callers_make_no_other_token():
    bench = Bench()
    for value in ("1", "2"):
        options = AcquireTokenOptions(extra_query_parameters={"caller-sdk-ver": value})
        await bench.acquirer.get_token_for_app(APP, options=options)
    assert len(bench.asked) == 1


@pytest.mark.parametrize(
    "options",
    [{"force_refresh": True}, {"claims": '{"access_token":{"acrs":{"essential":true}}}'}],
)
async def test_claims_and_force_skip_the_read_and_store_what_comes(options):
    bench = Bench()
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    forced = await bench.acquirer.get_token_for_user(
        SCOPES, user=principal(), options=AcquireTokenOptions(**options)
    )
    later = await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    assert forced.refresh_reason is RefreshReason.FORCED_OR_CLAIMS
    assert later.access_token == forced.access_token == "at-2-user.one.token"
    assert len(bench.asked) == 2


async def test_configured_query_goes_out_on_every_path_and_the_call_wins():
    bench = Bench(extra_query_parameters={"slice": "one", "dc": "a b"})
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    options = AcquireTokenOptions(extra_query_parameters={"Slice": "two"})
    await bench.acquirer.get_token_for_app(APP, options=options)
    assert bench.asked[0].url.endswith("/token?slice=one&dc=a%20b")
    assert bench.asked[1].url.endswith("/token?dc=a%20b&Slice=two")


async def test_a_hundred_first_calls_of_one_user_are_one_request():
    bench = Bench()
    bench.endpoint.gate = asyncio.Event()
    calls = [
        asyncio.create_task(bench.acquirer.get_token_for_user(SCOPES, user=principal()))
        for _ in range(100)
    ]
    await bench.endpoint.reached(1)
    bench.endpoint.gate.set()
    assert {token.access_token for token in await asyncio.gather(*calls)} == {"at-1-user.one.token"}
    assert len(bench.asked) == 1


async def test_at_most_64_token_requests_are_under_way():
    bench = Bench()
    bench.endpoint.gate = asyncio.Event()
    calls = [
        asyncio.create_task(
            bench.acquirer.get_token_for_user(SCOPES, user=principal(f"user.{n}.token"))
        )
        for n in range(200)
    ]
    await bench.endpoint.reached(64)
    bench.endpoint.gate.set()
    await asyncio.gather(*calls)
    assert bench.endpoint.most_under_way == 64
    assert len(bench.asked) == 200


async def test_random_cancellations_leave_nothing_behind_and_no_wrong_result():
    bench = Bench()
    dice = random.Random(11)
    before = len(asyncio.all_tasks())
    for _ in range(150):
        bench.endpoint.gate = asyncio.Event()
        users = [principal(f"user.{dice.randrange(4)}.token") for _ in range(8)]
        options = AcquireTokenOptions(force_refresh=True)
        calls = [
            asyncio.create_task(
                bench.acquirer.get_token_for_user(SCOPES, user=user, options=options)
            )
            for user in users
        ]
        for _ in range(dice.randrange(12)):
            await asyncio.sleep(0)
        doomed = [call for call in calls if dice.random() < 0.5]
        for call in doomed:
            call.cancel()
        bench.endpoint.gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        for call, user, result in zip(calls, users, results, strict=True):
            if call in doomed and isinstance(result, asyncio.CancelledError):
                continue
            assert result.access_token.endswith(user.assertion.token)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before
    assert bench.endpoint.under_way == 0
    assert len(bench.acquirer._flights) == 0


async def test_a_token_is_handed_out_until_a_minute_before_its_end():
    bench = Bench(lambda n, asked: granted(n, asked, expires_in=200))
    await bench.acquirer.get_token_for_app(APP)
    bench.clock.advance(139)
    served = await bench.acquirer.get_token_for_app(APP)
    await bench.settle()
    assert served.access_token == "at-1-app"
    bench.clock.advance(141)
    token = await bench.acquirer.get_token_for_app(APP)
    assert token.refresh_reason is RefreshReason.EXPIRED


async def test_the_wall_clock_ends_a_token_also_after_a_pause_of_the_machine():
    bench = Bench()
    await bench.acquirer.get_token_for_app(APP)
    bench.clock.set(bench.clock.time() + 3_600)
    token = await bench.acquirer.get_token_for_app(APP)
    assert token.access_token == "at-2-app"


@pytest.mark.parametrize(
    ("answer", "due"),
    [
        ({"expires_in": 86_400, "refresh_in": 1_000}, 1_000),
        ({"expires_in": 86_400}, 43_200),
        ({"expires_in": 3_599}, 3_299),
        ({"expires_in": 310}, 30),
    ],
)
async def test_a_token_is_renewed_in_the_background_when_it_is_due(answer, due):
    bench = Bench(lambda n, asked: granted(n, asked, **answer))
    await bench.acquirer.get_token_for_app(APP)
    bench.clock.advance(due * 0.9 - 1)
    await bench.acquirer.get_token_for_app(APP)
    await bench.settle()
    assert len(bench.asked) == 1

    bench.clock.advance(due * 0.1 + 2)
    served = await bench.acquirer.get_token_for_app(APP)
    await bench.acquirer.get_token_for_app(APP)
    await bench.settle()
    assert served.access_token == "at-1-app"
    assert len(bench.asked) == 2
    renewed = await bench.acquirer.get_token_for_app(APP)
    assert renewed.access_token == "at-2-app"


async def test_renewal_asks_for_what_the_entry_was_fetched_for():
    bench = Bench(lambda n, asked: granted(n, asked, expires_in=86_400, refresh_in=100))
    user = principal()
    await bench.acquirer.get_token_for_user(["r/a", "r/b"], user=user)
    bench.clock.advance(100)
    await bench.acquirer.get_token_for_user(["r/b"], user=user)
    await bench.settle()
    assert {"r/a", "r/b"} <= set(bench.asked[1].form["scope"].split())


async def test_a_failing_renewal_backs_off_and_the_old_token_is_served_to_its_end():
    bench = Bench(
        lambda n, asked: granted(n, asked, expires_in=7_200) if n == 1 else refused(503, error="x"),
        hooked=True,
    )
    await bench.acquirer.get_token_for_app(APP)
    bench.clock.advance(3_600)
    for _ in range(3_500):
        token = await bench.acquirer.get_token_for_app(APP)
        assert token.access_token == "at-1-app"
        await bench.settle()
        bench.clock.advance(1)
    failures = [event for event in bench.events if isinstance(event, RefreshAheadFailed)]
    assert 10 <= len(failures) <= 20


async def test_what_a_miss_sets_off_has_the_id_that_entra_id_gets():
    async def asked_for(**terms: str) -> None:
        await bench.acquirer.get_token_for_app(APP, options=AcquireTokenOptions(**terms))

    for scope, terms, sent in (
        ("request", {}, "request"),
        ("request", {"correlation_id": "of-the-call"}, "of-the-call"),
        (None, {"correlation_id": "of-the-call"}, "of-the-call"),
    ):
        bench = Bench(hooked=True)
        with correlation_scope(scope) if scope else contextlib.nullcontext():
            await asked_for(**terms)

        assert bench.asked[0].headers["client-request-id"] == sent
        kinds = {type(event): event.correlation_id for event in bench.events}
        assert kinds == {CredentialLoaded: sent, TokenAcquired: sent}


async def test_a_failed_renewal_is_told_of_with_its_request_and_its_user():
    bench = Bench(
        lambda n, asked: granted(n, asked) if n == 1 else refused(503, error="x"),
        hooked=True,
        pii=True,
    )
    user = principal()
    await bench.acquirer.get_token_for_user(SCOPES, user=user)
    bench.clock.advance(3_400)
    with correlation_scope("request"):
        await bench.acquirer.get_token_for_user(SCOPES, user=user)
    await bench.settle()

    (failure,) = (event for event in bench.events if isinstance(event, RefreshAheadFailed))
    assert failure.correlation_id == "request"
    assert (failure.tenant_id, failure.object_id) == (user.tenant_id, user.object_id)


async def test_tokens_that_come_near_their_end_cause_no_spin():
    bench = Bench(lambda n, asked: granted(n, asked, expires_in=40))
    for _ in range(300):
        await bench.acquirer.get_token_for_app(APP)
        await bench.settle()
        bench.clock.advance(1)
    assert len(bench.asked) <= 10


async def test_a_token_of_ten_seconds_is_not_served_past_its_end():
    bench = Bench(lambda n, asked: granted(n, asked, expires_in=10))
    await bench.acquirer.get_token_for_app(APP)
    bench.clock.advance(10)
    assert (await bench.acquirer.get_token_for_app(APP)).access_token == "at-2-app"


async def test_every_acquisition_is_told_as_hit_or_miss_with_its_reason():
    bench = Bench(hooked=True)
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    told = [event for event in bench.events if isinstance(event, TokenAcquired)]
    assert [(event.source, event.cache_level, event.reason) for event in told] == [
        ("identity_provider", "none", "no_cached_token"),
        ("cache", "l1", "not_applicable"),
    ]


async def test_a_failure_is_told_once_however_many_wait():
    bench = Bench(lambda n, asked: refused(error="invalid_grant", error_codes=[65001]), hooked=True)
    calls = [bench.acquirer.get_token_for_user(SCOPES, user=principal()) for _ in range(10)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    told = [event for event in bench.events if isinstance(event, TokenAcquisitionFailed)]
    assert len(results) == 10
    assert [event.aadsts for event in told] == [65001]
    assert len(bench.asked) == 1


async def test_the_headers_of_the_provider_are_ready_to_send():
    provider = AuthorizationHeaderProvider(Bench().acquirer)
    user = await provider.create_authorization_header_for_user(SCOPES, user=principal())
    app = await provider.create_authorization_header_for_app(APP)
    assert (user, app) == ("Bearer at-1-user.one.token", "Bearer at-2-app")


async def test_no_refresh_token_is_kept():
    bench = Bench()
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    entries = [e for p in bench.cache._partitions.values() for e in p._entries]
    assert len(entries) == 1
    texts = [str(getattr(entries[0].token, name)) for name in entries[0].token.__slots__]
    assert not any("refresh-token-canary" in text for text in texts)


async def test_more_scope_lists_than_are_remembered_do_no_harm():
    bench = Bench()
    for number in range(1_100):
        with pytest.raises(InvalidCallError):
            await bench.acquirer.get_token_for_app(f"api{number}/nothing")
    for number in range(1_100):
        bench.acquirer._read((f"api{number}/.default",))
    assert len(bench.acquirer._scopes) <= 1_024


WRONG_SCOPES = [None, 3, [3], [[]], "", b"https://api.example/.default", {}, object()]


@pytest.mark.parametrize("scopes", WRONG_SCOPES)
@pytest.mark.parametrize("warm", [False, True])
async def test_scopes_of_a_wrong_kind_are_refused_whatever_is_in_memory(scopes, warm):
    bench = Bench()
    headers = AuthorizationHeaderProvider(bench.acquirer)
    if warm:
        await bench.acquirer.get_token_for_user(SCOPES, user=principal())
        await bench.acquirer.get_token_for_app(APP)
    asked = len(bench.asked)

    for call in (
        lambda: bench.acquirer.get_token_for_user(scopes, user=principal()),
        lambda: bench.acquirer.get_token_for_app(scopes),
        lambda: headers.create_authorization_header_for_user(scopes, user=principal()),
        lambda: headers.create_authorization_header_for_app(scopes),
    ):
        with pytest.raises(InvalidCallError) as caught:
            await call()
        assert caught.value.code == "invalid_scopes"
    assert len(bench.asked) == asked


@pytest.mark.parametrize("options", [{}, "x", 3, DownstreamApiOptions()], ids=repr)
async def test_options_of_a_wrong_kind_are_refused(options):
    bench = Bench()
    for call in (
        bench.acquirer.get_token_for_user(SCOPES, user=principal(), options=options),
        bench.acquirer.get_token_for_app(APP, options=options),
    ):
        with pytest.raises(InvalidCallError, match="options takes AcquireTokenOptions") as caught:
            await call
        assert caught.value.code == "invalid_argument"
    assert not bench.asked


@pytest.mark.parametrize("user", ["alice@contoso.example", 3, {}, object()])
async def test_a_user_that_is_no_principal_is_refused_and_not_quoted(user):
    with pytest.raises(InvalidCallError, match="user takes Principal") as caught:
        await Bench().acquirer.get_token_for_user(SCOPES, user=user)
    assert caught.value.code == "invalid_argument"
    assert "alice" not in str(caught.value)
