from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.signing import NOW, user_claims
from tests.support.validating import KEY, Bench, key_set

from msidweb.authority import KeySet, SigningKey
from msidweb.principal import fingerprint
from msidweb.validation import Memo, TokenValidator


class Counting(Bench):
    """Counts how often a signature is checked, by the key set it is looked up in."""

    def __init__(self, **policy) -> None:
        super().__init__(**policy)
        self.count()

    def count(self, **changes) -> None:
        self.looked_up = 0
        bench = self

        class Keys(dict[str, SigningKey]):
            def __getitem__(self, kid: str) -> SigningKey:
                bench.looked_up += 1
                return super().__getitem__(kid)

        current: KeySet = self.keys.current
        self.keys.current = replace(current, keys=Keys(current.keys), **changes)


TOKEN = KEY.token(user_claims())


async def test_a_token_is_verified_once():
    bench = Counting()
    first = await bench.accept(TOKEN)
    again = await bench.accept(TOKEN)
    assert bench.looked_up == 1
    assert again is not first
    assert again.claims == first.claims
    assert again.assertion.digest == first.assertion.digest
    assert [event.from_memo for event in bench.events] == [False, True]


async def test_the_whole_token_counts():
    bench = Counting()
    await bench.accept(TOKEN)
    signed, _, signature = TOKEN.rpartition(".")
    assert await bench.refuse(f"{signed}.{'AAAA'}{signature[4:]}") == "S2"
    assert await bench.refuse(f"{TOKEN}=") == "B1"


async def test_refusals_are_not_remembered():
    bench = Counting()
    token = KEY.token(user_claims(aud="other"))
    await bench.refuse(token)
    await bench.refuse(token)
    assert bench.looked_up == 2


async def test_a_remembered_token_expires():
    bench = Counting()
    token = KEY.token(user_claims(exp=NOW + 100))
    await bench.accept(token)
    bench.clock.advance(99)
    await bench.accept(token)
    assert bench.looked_up == 1
    bench.clock.advance(302)
    assert await bench.refuse(token) == "C3"


async def test_a_token_in_its_skew_is_not_remembered():
    bench = Counting()
    token = KEY.token(user_claims(exp=NOW - 1, nbf=None))
    await bench.accept(token)
    await bench.accept(token)
    assert bench.looked_up == 2


async def test_a_verdict_is_renewed_after_300_s():
    bench = Counting()
    await bench.accept(TOKEN)
    bench.clock.advance(299)
    await bench.accept(TOKEN)
    assert bench.looked_up == 1
    bench.clock.advance(1)
    await bench.accept(TOKEN)
    assert bench.looked_up == 2
    await bench.accept(TOKEN)
    assert bench.looked_up == 2


async def test_fk1_a_clock_set_back_makes_no_verdict_immortal():
    bench = Counting()
    token = KEY.token(user_claims(nbf=None, iat=None))
    await bench.accept(token)
    bench.clock.set(NOW - 3600)
    await bench.accept(token)
    assert bench.looked_up == 2


async def test_another_key_set_empties_the_memo():
    bench = Counting()
    await bench.accept(TOKEN)
    bench.count()
    await bench.accept(TOKEN)
    assert bench.looked_up == 1


async def test_fj6_a_withdrawn_key_is_refused_although_its_token_was_remembered():
    bench = Counting()
    await bench.accept(TOKEN)
    bench.keys.current = key_set(KEY.jwk(kid="another"))
    assert await bench.refuse(TOKEN) == "K1"


async def test_what_one_request_does_to_its_claims_reaches_no_other():
    bench = Counting()
    token = KEY.token(user_claims(roles=["a"], deep={"x": [{"y": ["z"]}], "n": None}))
    first = await bench.accept(token)
    first.claims["roles"].append("Admin")
    first.claims["deep"]["x"][0]["y"].append("more")
    with pytest.raises(AttributeError):
        first.roles = frozenset({"Admin"})
    second = await bench.accept(token)
    assert bench.looked_up == 1
    assert second.claims == user_claims(roles=["a"], deep={"x": [{"y": ["z"]}], "n": None})
    assert second.roles == {"a"}


def validator_with(memo: Memo) -> tuple[Bench, TokenValidator]:
    bench = Bench()
    validator = TokenValidator(
        bench.policy, bench.keys, clock=bench.clock, telemetry=bench.validator._telemetry, memo=memo
    )
    return bench, validator


async def test_the_number_of_entries_is_bounded_and_the_oldest_leaves():
    memo = Memo(max_entries=3)
    _, validator = validator_with(memo)
    tokens = [KEY.token(user_claims(n=number)) for number in range(5)]
    for token in tokens:
        await validator.validate(token)
    assert len(memo) == 3
    assert len(memo._entries) == 3
    assert set(memo._entries) == {fingerprint(token.encode()) for token in tokens[2:]}


async def test_the_bytes_are_bounded():
    memo = Memo(max_bytes=20_000)
    _, validator = validator_with(memo)
    for number in range(20):
        await validator.validate(KEY.token(user_claims(n=number)))
    assert 0 < len(memo) < 8
    assert memo._bytes <= 20_000
    await validator.validate(KEY.token(user_claims(pad="x" * 20_000)))
    assert len(memo) == 0
    assert memo._bytes == 0


async def test_a_renewed_entry_counts_once():
    memo = Memo()
    bench, validator = validator_with(memo)
    await validator.validate(TOKEN)
    size = memo._bytes
    bench.clock.advance(301)
    await validator.validate(TOKEN)
    assert memo._bytes == size


@pytest.mark.parametrize("part", ["Accepted", "CompactToken"])
async def test_nothing_on_the_way_shows_a_token(part):
    from msidweb.validation._compact import take_apart

    bench = Bench()
    await bench.accept(TOKEN)
    (entry,) = bench.validator._memo._entries.values()
    shown = {
        "Accepted": repr(entry),
        "CompactToken": repr(take_apart(TOKEN.encode())),
    }[part]
    assert "eyJ" not in shown
    assert "oid" not in shown
    assert TOKEN not in repr(bench.validator._memo._entries)
