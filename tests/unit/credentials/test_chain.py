import asyncio
import pickle

import pytest
from pydantic import SecretStr

from msidweb.credentials import (
    AssertionRequest,
    ClientProof,
    ClientSecret,
    CredentialChain,
    CredentialUnavailableError,
    ProofKind,
)
from msidweb.credentials.chain import REST
from msidweb.errors import CredentialError
from msidweb.telemetry import (
    CredentialFailed,
    CredentialLoaded,
    CredentialReloaded,
    Telemetry,
)
from msidweb.testing.clock import ManualClock

ENDPOINT = "https://login.example/t/oauth2/v2.0/token"
SECRET = "a secret of no worth"


class Changeable:
    """A credential that tests break, repair and change."""

    def __init__(self, source="Changeable", *, fresh=()):
        self.source = source
        self.value = f"{source} 0"
        self.down = False
        self.renewals = 0
        self._fresh = list(fresh)

    async def proof(self, request):
        assert request == AssertionRequest(ENDPOINT, "client")
        await asyncio.sleep(0)
        if self.down:
            raise CredentialUnavailableError("is not there")
        return ClientProof(ProofKind.SECRET, self.value)

    async def renew(self, refused):
        assert refused.value.startswith(self.source)
        self.renewals += 1
        await asyncio.sleep(0)
        if not self._fresh:
            return False
        self.value = self._fresh.pop(0)
        return True


class Bench:
    def __init__(self, *credentials):
        self.clock = ManualClock()
        self.events = []
        self.chain = CredentialChain(
            credentials,
            client_id="client",
            clock=self.clock,
            telemetry=Telemetry([self.events.append]),
        )

    def show(self):
        return self.chain.show(ENDPOINT)

    async def first(self):
        return (await self.show().first()).value

    def heard(self, kind):
        return [event.source for event in self.events if isinstance(event, kind)]


async def test_a_secret_is_shown_as_it_is_and_hidden_in_text():
    credential = ClientSecret(SecretStr(SECRET))
    proof = await credential.proof(AssertionRequest(ENDPOINT, "client"))
    assert (proof.kind, proof.value, proof.not_after) == (ProofKind.SECRET, SECRET, None)
    assert SECRET not in repr(credential) + repr(proof)
    assert await credential.renew(proof) is False
    with pytest.raises(TypeError):
        pickle.dumps(proof)


async def test_the_first_credential_that_can_be_had_is_shown_and_told_once():
    first = Changeable()
    first.down = True
    bench = Bench(first, ClientSecret(SECRET))
    one, two = await bench.show().first(), await bench.show().first()
    assert (one.value, two.value) == (SECRET, SECRET)
    assert one.generation == two.generation
    assert bench.heard(CredentialLoaded) == ["ClientSecret"]
    assert bench.heard(CredentialFailed) == ["Changeable"]
    assert SECRET not in repr(bench.chain)


async def test_a_credential_that_failed_comes_back_after_a_minute():
    first = Changeable()
    first.down = True
    bench = Bench(first, ClientSecret(SECRET))
    earlier = await bench.show().first()
    first.down = False
    bench.clock.advance(REST - 1)
    assert await bench.first() == SECRET
    bench.clock.advance(1)
    later = await bench.show().first()
    assert later.value == "Changeable 0"
    assert later.generation != earlier.generation


async def test_one_that_failed_is_still_tried_where_the_others_fail():
    first, second = Changeable("First"), Changeable("Second")
    first.down = True
    bench = Bench(first, second)
    assert await bench.first() == "Second 0"
    first.down, second.down = False, True
    assert await bench.first() == "First 0"


async def test_every_attempt_is_in_the_error_when_none_can_be_had():
    first, second = Changeable("First"), Changeable("Second")
    first.down = second.down = True
    with pytest.raises(CredentialError) as caught:
        await Bench(first, second).show().first()
    assert caught.value.code == "credential_unavailable"
    assert [(a.source, a.reason) for a in caught.value.attempts] == [
        ("First", "is not there"),
        ("Second", "is not there"),
    ]
    assert "First: is not there" in str(caught.value)


async def test_without_any_credential_the_error_says_so():
    bench = Bench()
    assert bench.chain.is_empty
    with pytest.raises(CredentialError, match="none is given"):
        await bench.show().first()
    assert await bench.show().another("never shown", reload=True) is None


async def test_a_refused_credential_gives_way_to_the_next():
    bench = Bench(Changeable("First"), Changeable("Second"))
    showing = bench.show()
    await showing.first()
    other = await showing.another("is wrong", reload=False)
    assert other is not None
    assert other.value == "Second 0"
    assert await showing.another("is wrong too", reload=False) is None
    assert [(a.source, a.reason) for a in showing.attempts] == [
        ("First", "is wrong"),
        ("Second", "is wrong too"),
    ]
    assert bench.heard(CredentialFailed) == ["First", "Second"]


async def test_a_refused_credential_is_loaded_anew_once_then_the_next_is_shown():
    first = Changeable("First", fresh=["First 1", "First 2"])
    bench = Bench(first, Changeable("Second"))
    showing = bench.show()
    shown = [await showing.first()]
    shown += [await showing.another("is wrong", reload=True) for _ in range(2)]
    assert [proof.value for proof in shown] == ["First 0", "First 1", "Second 0"]
    assert len({proof.generation for proof in shown}) == 3
    assert bench.heard(CredentialReloaded) == ["First"]
    assert first.renewals == 1


async def test_what_is_the_same_when_loaded_anew_is_not_shown_again():
    first = Changeable("First")
    showing = Bench(first).show()
    await showing.first()
    assert await showing.another("is wrong", reload=True) is None
    assert first.renewals == 1


async def test_a_hundred_refusals_load_a_credential_anew_once():
    first = Changeable("First", fresh=["First 1", "First 2"])
    bench = Bench(first, Changeable("Second"))
    showings = [bench.show() for _ in range(100)]
    await asyncio.gather(*(showing.first() for showing in showings))
    others = await asyncio.gather(*(s.another("is wrong", reload=True) for s in showings[:50]))
    # These come when the other one is in place already.
    others += await asyncio.gather(*(s.another("is wrong", reload=True) for s in showings[50:]))
    assert {proof.value for proof in others} == {"First 1"}
    assert first.renewals == 1
    assert bench.heard(CredentialReloaded) == ["First"]


async def test_a_late_refusal_of_an_earlier_one_does_not_loop():
    first = Changeable("First", fresh=["First 1"])
    bench = Bench(first)
    slow, quick = bench.show(), bench.show()
    await slow.first()
    await quick.first()
    await quick.another("is wrong", reload=True)
    again = await slow.another("is wrong", reload=False)
    assert again is not None
    assert again.value == "First 1"
    assert await slow.another("is wrong as well", reload=True) is None
