import asyncio
import os
import threading

import pytest
from tests.support.token_endpoint import encoded

from msidweb.credentials import (
    AssertionRequest,
    CredentialUnavailableError,
    ProofKind,
    ProvidedAssertion,
    SignedAssertionFile,
)
from msidweb.credentials import assertion as assertion_module
from msidweb.credentials import files as files_module
from msidweb.credentials.kept import MAX_KEPT, PAUSE
from msidweb.testing.clock import ManualClock

ENDPOINT = "https://login.example/t/oauth2/v2.0/token"
REQUEST = AssertionRequest(ENDPOINT, "client")
SECRET = "a secret of no worth"


def jwt(clock, life, name="s"):
    return f"h.{encoded({'exp': int(clock.time()) + life})}.{name}"


class Provider:
    """Gives assertions of a certain life, and counts."""

    def __init__(self, clock, life=600):
        self.clock, self.life, self.asked, self.down = clock, life, [], False

    async def __call__(self, request):
        self.asked.append(request.token_endpoint)
        await asyncio.sleep(0)
        if self.down:
            raise OSError(SECRET)
        return jwt(self.clock, self.life, f"s{len(self.asked)}")


async def test_an_assertion_is_kept_until_five_minutes_before_its_end():
    clock = ManualClock(1_000)
    provider = Provider(clock, life=600)
    credential = ProvidedAssertion(provider, clock=clock)
    for _ in range(2):
        assert (await credential.proof(REQUEST)).kind is ProofKind.ASSERTION
    clock.advance(299)
    await credential.proof(REQUEST)
    assert len(provider.asked) == 1
    clock.advance(1)
    await credential.proof(REQUEST)
    assert len(provider.asked) == 2


async def test_of_a_short_life_half_is_used():
    clock = ManualClock(1_000)
    provider = Provider(clock, life=60)
    credential = ProvidedAssertion(provider, clock=clock)
    await credential.proof(REQUEST)
    clock.advance(29)
    await credential.proof(REQUEST)
    assert len(provider.asked) == 1
    clock.advance(1)
    await credential.proof(REQUEST)
    assert len(provider.asked) == 2


async def test_an_assertion_outlives_its_provider_until_its_end():
    clock = ManualClock(1_000)
    provider = Provider(clock, life=600)
    credential = ProvidedAssertion(provider, clock=clock)
    good = await credential.proof(REQUEST)
    clock.advance(301)
    provider.down = True
    for _ in range(3):
        assert await credential.proof(REQUEST) == good
    assert len(provider.asked) == 2
    clock.advance(PAUSE)
    assert await credential.proof(REQUEST) == good
    assert len(provider.asked) == 3
    clock.advance(299 - PAUSE)
    with pytest.raises(CredentialUnavailableError, match="OSError"):
        await credential.proof(REQUEST)


async def test_fifty_waiters_ask_the_provider_once_per_endpoint():
    clock = ManualClock()
    provider = Provider(clock)
    credential = ProvidedAssertion(provider, clock=clock)
    other = AssertionRequest("other", "client")
    await asyncio.gather(*(credential.proof(r) for r in (REQUEST, other) for _ in range(50)))
    assert sorted(provider.asked) == [ENDPOINT, "other"]


async def test_renewing_forgets_what_was_kept():
    clock = ManualClock()
    provider = Provider(clock)
    credential = ProvidedAssertion(provider, clock=clock)
    assert await credential.renew(await credential.proof(REQUEST)) is True
    await credential.proof(REQUEST)
    assert len(provider.asked) == 2


async def test_the_provider_knows_what_for():
    heard = []

    async def provider(request):
        heard.append(request)
        return "opaque"

    credential = ProvidedAssertion(provider, clock=ManualClock(), data={"Section": SECRET})
    await credential.proof(REQUEST)
    assert heard == [AssertionRequest(ENDPOINT, "client", {"Section": SECRET})]
    assert SECRET not in repr(heard) + repr(credential)


async def test_a_plain_function_runs_in_a_thread():
    def provider(request):
        return f"{request.client_id} {threading.current_thread() is threading.main_thread()}"

    proof = await ProvidedAssertion(provider, clock=ManualClock()).proof(REQUEST)
    assert proof.value == "client False"


async def test_a_function_that_returns_a_coroutine_is_awaited():
    clock = ManualClock()
    provider = Provider(clock)

    def begun(request):
        return provider(request)

    credential = ProvidedAssertion(begun, clock=clock)
    assert (await credential.proof(REQUEST)).value.endswith(".s1")


@pytest.mark.parametrize(
    "text",
    [
        "opaque",
        "a.!.c",
        "a.AA.c",
        f"a.{encoded([1])}.c",
        f"a.{encoded({'exp': 'soon'})}.c",
        f"a.{encoded({'exp': True})}.c",
        f"a.{encoded({'exp': 10**400})}.c",
        f"a.{encoded({})}.c",
    ],
)
async def test_an_assertion_without_a_readable_end_is_asked_for_each_time(text):
    asked = []

    async def provider(request):
        asked.append(request)
        return text

    credential = ProvidedAssertion(provider, clock=ManualClock())
    for _ in range(2):
        assert (await credential.proof(REQUEST)).value == text
    assert len(asked) == 2


async def test_kept_assertions_are_bounded():
    clock = ManualClock()
    credential = ProvidedAssertion(Provider(clock), clock=clock)
    for number in range(300):
        await credential.proof(AssertionRequest(f"endpoint-{number}", "client"))
    assert len(credential._kept._kept) == MAX_KEPT


@pytest.mark.parametrize("given", [None, "", 7])
async def test_a_provider_that_gives_no_text_is_unavailable(given):
    async def provider(_):
        return given

    with pytest.raises(CredentialUnavailableError, match="no text"):
        await ProvidedAssertion(provider, clock=ManualClock()).proof(REQUEST)


async def test_a_provider_that_raises_is_named_without_its_message():
    provider = Provider(ManualClock())
    provider.down = True

    with pytest.raises(CredentialUnavailableError) as caught:
        await ProvidedAssertion(provider, clock=ManualClock()).proof(REQUEST)
    assert "OSError" in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_provider_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(assertion_module, "DEADLINE", 0.01)

    async def provider(_):
        await asyncio.Event().wait()

    with pytest.raises(CredentialUnavailableError, match="in time"):
        await ProvidedAssertion(provider, clock=ManualClock()).proof(REQUEST)


@pytest.fixture
def clock():
    return ManualClock(1_000)


async def test_a_file_is_sent_as_it_is_and_read_anew_ahead_of_its_end(tmp_path, clock):
    path = tmp_path / "token"
    path.write_text(jwt(clock, 3600, "one") + "\n")
    credential = SignedAssertionFile(path, clock=clock)
    assert (await credential.proof(REQUEST)).value == jwt(clock, 3600, "one")
    path.write_text(second := jwt(clock, 7200, "two"))
    clock.advance(3299)
    assert (await credential.proof(REQUEST)).value.endswith("one")
    clock.advance(1)
    assert (await credential.proof(AssertionRequest("other", "client"))).value == second


async def test_a_file_is_not_read_at_every_request(tmp_path, clock):
    path = tmp_path / "token"
    path.write_text(jwt(clock, 3600))
    credential = SignedAssertionFile(path, clock=clock)
    await credential.proof(REQUEST)
    path.unlink()
    await credential.proof(REQUEST)


async def test_a_refused_file_is_renewed_only_where_it_holds_something_else(tmp_path, clock):
    path = tmp_path / "token"
    path.write_text(jwt(clock, 3600, "one"))
    credential = SignedAssertionFile(path, clock=clock)
    first = await credential.proof(REQUEST)
    assert await credential.renew(first) is False
    path.write_text(jwt(clock, 3600, "two"))
    assert await credential.renew(first) is True
    second = await credential.proof(REQUEST)
    assert second.value.endswith("two")
    path.unlink()
    assert await credential.renew(second) is False


@pytest.mark.parametrize(
    "content", [b"", b"one.two", b"a.b.c\nd.e.f", b"\xff.\xff.\xff", b"a.b.\0"]
)
async def test_a_file_without_an_assertion_is_unavailable(tmp_path, clock, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(CredentialUnavailableError, match="holds no signed assertion"):
        await SignedAssertionFile(path, clock=clock).proof(REQUEST)


async def test_a_file_that_is_missing_or_too_long_is_unavailable(tmp_path, clock):
    path = tmp_path / "token"
    credential = SignedAssertionFile(path, clock=clock)
    with pytest.raises(CredentialUnavailableError, match="cannot be read: No such file"):
        await credential.proof(REQUEST)
    path.write_bytes(b"a" * (files_module.MAX_SIZE + 1))
    with pytest.raises(CredentialUnavailableError, match="too long"):
        await credential.proof(REQUEST)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that hangs")
async def test_a_file_system_that_hangs_is_given_up_and_holds_up_nothing_else(
    tmp_path, monkeypatch, clock
):
    monkeypatch.setattr(files_module, "DEADLINE", 0.01)
    os.mkfifo(path := tmp_path / "token")
    credential = SignedAssertionFile(path, clock=clock)
    for _ in range(50):
        with pytest.raises(CredentialUnavailableError, match="in time"):
            await credential.proof(REQUEST)
    (hanging,) = (t for t in threading.enumerate() if t.name == "msidweb-credential")
    async with asyncio.timeout(5):
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        path.write_text(jwt(clock, 3600, "late"))
        await asyncio.to_thread(hanging.join)
    # What came late is picked up: nothing more can be read from there without hanging.
    assert (await credential.proof(REQUEST)).value.endswith("late")


async def test_a_plain_provider_that_hangs_is_not_asked_again_meanwhile(monkeypatch, clock):
    monkeypatch.setattr(assertion_module, "DEADLINE", 0.01)
    hanging, asked = threading.Event(), []

    def provider(request):
        asked.append(request.token_endpoint)
        hanging.wait()
        return jwt(clock, 3600)

    credential = ProvidedAssertion(provider, clock=clock)
    try:
        for _ in range(20):
            for request in (REQUEST, AssertionRequest("other", "client")):
                with pytest.raises(CredentialUnavailableError, match="did not answer in time"):
                    await credential.proof(request)
        assert asked == [ENDPOINT]
    finally:
        hanging.set()


async def test_an_impossible_path_is_unavailable(clock):
    with pytest.raises(CredentialUnavailableError, match="ValueError"):
        await SignedAssertionFile("a\0b", clock=clock).proof(REQUEST)
    assert files_module.is_exposed(files_module.Path("/no/such/file")) is False
    assert "token" in repr(SignedAssertionFile("token", clock=clock))
