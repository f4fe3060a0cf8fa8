from __future__ import annotations

import asyncio

import pytest
from tests.support.documents import DocumentServer, authority_keys
from tests.support.signing import NOW, TENANT, app_claims, key_pair, user_claims, v1_claims
from tests.support.validating import KEY, Bench

from msidweb.challenge import answer_for
from msidweb.errors import (
    AuthenticationError,
    ExpiredTokenError,
    MalformedTokenError,
    MetadataUnavailableError,
    MissingTokenError,
)
from msidweb.telemetry import TokenRejected, TokenValidated, correlation_scope
from msidweb.testing.clock import ManualClock
from msidweb.validation import TokenValidator

TOKEN = KEY.token(user_claims())


class CountingClock(ManualClock):
    reads = 0

    def time(self) -> float:
        self.reads += 1
        return super().time()


def fetching(server: DocumentServer) -> tuple[TokenValidator, Bench]:
    bench = Bench()
    keys = authority_keys(server, clock=bench.clock)
    return (
        TokenValidator(bench.policy, keys, clock=bench.clock, telemetry=bench.validator._telemetry),
        bench,
    )


async def test_a_cold_validator_fetches_the_keys_and_judges():
    server = DocumentServer([KEY.jwk()])
    validator, _ = fetching(server)
    assert (await validator.validate(TOKEN)).tenant_id == TENANT
    assert (await validator.validate(KEY.token(v1_claims()))).tenant_id == TENANT
    assert server.refreshes == 1


async def test_fj1_without_any_keys_the_answer_is_503_and_no_refusal():
    server = DocumentServer([])
    validator, bench = fetching(server)
    with pytest.raises(MetadataUnavailableError) as error:
        await validator.validate(TOKEN)
    answer = answer_for(error.value)
    assert answer.status == 503
    assert answer.headers == {"Retry-After": "1"}
    assert not any(isinstance(event, TokenRejected) for event in bench.events)


async def test_fj1_garbage_is_refused_without_keys_and_without_io():
    server = DocumentServer([])
    validator, _ = fetching(server)
    for token in ("a.b.c", "x", KEY.token(user_claims(), alg="none")):
        with pytest.raises(AuthenticationError):
            await validator.validate(token)
    assert server.asked == []


async def test_fj3_the_first_request_with_a_new_key_succeeds():
    server = DocumentServer([KEY.jwk()])
    validator, _ = fetching(server)
    await validator.validate(TOKEN)
    second = key_pair("second")
    server.publish(KEY.jwk(), second.jwk())
    await asyncio.gather(*(validator.validate(second.token(user_claims())) for _ in range(20)))
    assert server.refreshes == 2


async def test_g1_a_known_key_is_judged_while_the_authority_hangs():
    server = DocumentServer([KEY.jwk()])
    validator, bench = fetching(server)
    await validator.validate(TOKEN)
    server.hold = asyncio.Event()
    bench.clock.advance(13 * 3600)
    token = KEY.token(user_claims(now=bench.clock.time()))
    await asyncio.wait_for(validator.validate(token), 1)
    server.hold.set()


async def test_a_token_costs_one_look_at_the_clock():
    bench = Bench()
    clock = CountingClock(NOW)
    validator = TokenValidator(
        bench.policy, bench.keys, clock=clock, telemetry=bench.validator._telemetry
    )
    await validator.validate(TOKEN)
    assert clock.reads == 1


async def test_accepted_tokens_are_told_of():
    bench = Bench(scheme="Second", pii=True)
    assert bench.validator.scheme == "Second"
    with correlation_scope("the-id"):
        await bench.accept_claims(preferred_username="alice@example.com")
        await bench.accept(KEY.token(app_claims()))
    user, app = bench.events
    assert isinstance(user, TokenValidated)
    assert (user.kind, user.scheme, user.from_memo) == ("user", "Second", False)
    assert (user.tenant_id, user.object_id) == (TENANT, user_claims()["oid"])
    assert user.user_name == "alice@example.com"
    assert (app.kind, app.user_name) == ("app", None)
    assert user.correlation_id == "the-id"


async def test_refused_tokens_are_told_of_by_their_rule():
    bench = Bench()
    await bench.refuse_claims(aud="x")
    (event,) = bench.events
    assert isinstance(event, TokenRejected)
    assert (event.rule, event.code, event.suppressed) == ("C2", "invalid_claim", 0)


async def test_322_a_flood_is_told_of_once_a_second_and_kind():
    bench = Bench()
    forged = key_pair("other").token(user_claims(), kid="first")
    for _ in range(100):
        await bench.refuse(forged)
        await bench.refuse_claims(aud="x")
    assert [event.code for event in bench.events] == ["invalid_signature", "invalid_claim"]
    bench.clock.advance(1)
    await bench.refuse(forged)
    assert bench.events[-1].suppressed == 99
    bench.clock.advance(1)
    await bench.refuse(forged)
    assert bench.events[-1].suppressed == 0


async def test_a_malformed_field_is_told_of_and_a_missing_token_is_not():
    bench = Bench()
    for fields in ([], ["Basic x"], ["Bearer a b"]):
        with pytest.raises(AuthenticationError):
            await bench.validator.validate_authorization(fields)
    assert [event.rule for event in bench.events] == ["T2"]


async def test_325_refusals_show_the_caller_few_texts():
    bench = Bench()
    bodies = set()
    for token in (
        "a.b.c",
        KEY.token(user_claims(), alg="none"),
        key_pair("other").token(user_claims()),
        key_pair("other").token(user_claims(), kid="first"),
        KEY.token(user_claims(aud="x")),
        KEY.token(user_claims(iss="x")),
        KEY.token(user_claims(scp=None)),
        KEY.token(user_claims(exp=1)),
    ):
        with pytest.raises(AuthenticationError) as refusal:
            await bench.validator.validate(token)
        answer = answer_for(refusal.value)
        assert answer.status == 401
        bodies.add(str((answer.body, answer.headers)))
    assert len(bodies) == 2


async def test_an_expired_token_is_told_apart():
    with pytest.raises(ExpiredTokenError) as refusal:
        await Bench().validator.validate(KEY.token(user_claims(exp=NOW - 3600, nbf=None)))
    assert answer_for(refusal.value).body["error_description"] == "The access token expired."


async def test_no_refusal_shows_the_token(caplog):
    caplog.set_level("DEBUG")
    bench = Bench()
    for changes in ({"aud": "canary"}, {"iss": "canary"}, {"tid": "canary"}, {"exp": "canary"}):
        await bench.refuse_claims(**changes)
        bench.clock.advance(2)
    await bench.accept(TOKEN)
    assert "canary" not in caplog.text
    assert TOKEN not in caplog.text
    assert "canary" not in str(bench.events)


@pytest.mark.parametrize(
    ("token", "kind", "rule"),
    [
        (None, MissingTokenError, "T0"),
        *(
            (token, MalformedTokenError, "T2")
            for token in (3, TOKEN.encode(), "", [], {}, [TOKEN], object())
        ),
    ],
)
async def test_t_what_is_no_token_is_refused_as_one(token, kind, rule):
    bench = Bench()
    await bench.accept(TOKEN)
    with pytest.raises(kind) as caught:
        await bench.validator.validate(token)
    assert caught.value.rule == rule
    refusals = [event.rule for event in bench.events if isinstance(event, TokenRejected)]
    assert refusals == ([] if kind is MissingTokenError else [rule])
