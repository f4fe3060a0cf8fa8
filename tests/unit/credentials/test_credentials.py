import asyncio
import pickle

import pytest
from pydantic import SecretStr
from tests.support.token_endpoint import encoded

from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.credentials import (
    ClientProof,
    ClientSecret,
    CredentialChain,
    CredentialUnavailableError,
    ProofKind,
    ProvidedAssertion,
    load_credentials,
)
from msidweb.credentials import assertion as assertion_module
from msidweb.errors import ConfigurationError, CredentialError
from msidweb.telemetry import CredentialLoaded, Telemetry
from msidweb.testing.clock import ManualClock

ENDPOINT = "https://login.example/t/oauth2/v2.0/token"
SECRET = "a secret of no worth"


def jwt(clock, life):
    return f"h.{encoded({'exp': int(clock.time()) + life})}.s"


class Provider:
    """Gives assertions of a certain life, and counts."""

    def __init__(self, clock, life=600):
        self.clock, self.life, self.asked = clock, life, []

    async def __call__(self, endpoint):
        self.asked.append(endpoint)
        await asyncio.sleep(0)
        return jwt(self.clock, self.life)


async def test_a_secret_is_shown_as_it_is_and_hidden_in_text():
    credential = ClientSecret(SecretStr(SECRET))
    proof = await credential.proof(ENDPOINT)
    assert (proof.kind, proof.value) == (ProofKind.SECRET, SECRET)
    assert SECRET not in repr(credential) + repr(proof)
    assert credential.renew() is False
    with pytest.raises(TypeError):
        pickle.dumps(proof)


async def test_an_assertion_is_kept_until_five_minutes_before_its_end():
    clock = ManualClock(1_000)
    provider = Provider(clock, life=600)
    credential = ProvidedAssertion(provider, clock=clock)
    for _ in range(2):
        assert (await credential.proof(ENDPOINT)).kind is ProofKind.ASSERTION
    clock.advance(299)
    await credential.proof(ENDPOINT)
    assert len(provider.asked) == 1
    clock.advance(1)
    await credential.proof(ENDPOINT)
    assert len(provider.asked) == 2


async def test_fifty_waiters_ask_the_provider_once_per_endpoint():
    clock = ManualClock()
    provider = Provider(clock)
    credential = ProvidedAssertion(provider, clock=clock)
    await asyncio.gather(*(credential.proof(e) for e in (ENDPOINT, "other") for _ in range(50)))
    assert sorted(provider.asked) == [ENDPOINT, "other"]


async def test_renewing_forgets_what_was_kept():
    clock = ManualClock()
    provider = Provider(clock)
    credential = ProvidedAssertion(provider, clock=clock)
    await credential.proof(ENDPOINT)
    assert credential.renew() is True
    await credential.proof(ENDPOINT)
    assert len(provider.asked) == 2


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

    async def provider(endpoint):
        asked.append(endpoint)
        return text

    credential = ProvidedAssertion(provider, clock=ManualClock())
    for _ in range(2):
        assert (await credential.proof(ENDPOINT)).value == text
    assert len(asked) == 2


async def test_kept_assertions_are_bounded():
    clock = ManualClock()
    credential = ProvidedAssertion(Provider(clock), clock=clock)
    for number in range(300):
        await credential.proof(f"endpoint-{number}")
    assert len(credential._kept) == assertion_module.MAX_KEPT


@pytest.mark.parametrize("given", [None, "", 7])
async def test_a_provider_that_gives_no_text_is_unavailable(given):
    async def provider(_):
        return given

    with pytest.raises(CredentialUnavailableError, match="no text"):
        await ProvidedAssertion(provider, clock=ManualClock()).proof(ENDPOINT)


async def test_a_provider_that_raises_is_named_without_its_message():
    async def provider(_):
        raise OSError(SECRET)

    with pytest.raises(CredentialUnavailableError) as caught:
        await ProvidedAssertion(provider, clock=ManualClock()).proof(ENDPOINT)
    assert "OSError" in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_provider_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(assertion_module, "DEADLINE", 0.01)

    async def provider(_):
        await asyncio.Event().wait()

    with pytest.raises(CredentialUnavailableError, match="in time"):
        await ProvidedAssertion(provider, clock=ManualClock()).proof(ENDPOINT)


class Failing:
    source = "Failing"

    def __init__(self):
        self.down = True

    async def proof(self, token_endpoint):
        if self.down:
            raise CredentialUnavailableError("is not there")
        return ClientProof(ProofKind.SECRET, "from failing")

    def renew(self):
        return True


async def test_the_first_credential_that_can_be_had_is_shown_and_told_once():
    events = []
    first = Failing()
    chain = CredentialChain([first, ClientSecret(SECRET)], telemetry=Telemetry([events.append]))
    one, two = await chain.proof(ENDPOINT), await chain.proof(ENDPOINT)
    assert (one.value, two.value) == (SECRET, SECRET)
    assert one.generation == two.generation == chain.generation == 0
    assert [e.source for e in events if isinstance(e, CredentialLoaded)] == ["ClientSecret"]

    first.down = False
    three = await chain.proof(ENDPOINT)
    assert (three.value, three.generation) == ("from failing", 1)
    assert SECRET not in repr(chain)


async def test_every_attempt_is_in_the_error_when_none_can_be_had():
    chain = CredentialChain([Failing(), Failing()], telemetry=Telemetry())
    with pytest.raises(CredentialError) as caught:
        await chain.proof(ENDPOINT)
    assert [(a.source, a.reason) for a in caught.value.attempts] == [
        ("Failing", "is not there")
    ] * 2
    assert "Failing: is not there" in str(caught.value)


async def test_renewing_moves_the_generation_on_only_where_something_can_change():
    chain = CredentialChain([ClientSecret(SECRET)], telemetry=Telemetry())
    assert chain.renew() is False
    await chain.proof(ENDPOINT)
    assert chain.renew() is False

    working = Failing()
    working.down = False
    chain = CredentialChain([working], telemetry=Telemetry())
    await chain.proof(ENDPOINT)
    assert chain.renew() is True
    assert (await chain.proof(ENDPOINT)).generation == 1


def options(**values):
    return MicrosoftIdentityOptions.model_validate(values)


async def test_credentials_in_code_come_before_configured_ones_in_their_order():
    listed = [
        {"SourceType": "ClientSecret", "ClientSecret": "first", "Skip": True},
        {"SourceType": "clientsecret", "ClientSecret": "second"},
    ]
    telemetry = Telemetry()
    chain = load_credentials(options(ClientCredentials=listed), telemetry=telemetry)
    assert (await chain.proof(ENDPOINT)).value == "second"
    chain = load_credentials(
        options(ClientCredentials=listed), telemetry=telemetry, given=[ClientSecret("code")]
    )
    assert (await chain.proof(ENDPOINT)).value == "code"
    chain = load_credentials(options(ClientSecret="top"), telemetry=telemetry)
    assert (await chain.proof(ENDPOINT)).value == "top"


@pytest.mark.parametrize(
    ("values", "place", "words"),
    [
        (
            {"ClientCredentials": [{"SourceType": "ClientSecret", "ClientSecret": ""}]},
            "AzureAd:ClientCredentials:0:ClientSecret",
            "is missing",
        ),
        (
            {"ClientCredentials": [{"SourceType": "KeyVault"}]},
            "AzureAd:ClientCredentials:0",
            "'KeyVault' is not part of this version",
        ),
        (
            {"ClientCertificates": [{"SourceType": "Path"}]},
            "AzureAd:ClientCertificates",
            "is not part of this version",
        ),
        (
            {"ClientCredentialsUsingManagedIdentity": {"IsEnabled": True}},
            "AzureAd:ClientCredentialsUsingManagedIdentity",
            "is not part of this version",
        ),
    ],
)
def test_what_is_wrong_is_a_problem_with_its_place_and_what_is_supported(values, place, words):
    with pytest.raises(ConfigurationError) as caught:
        load_credentials(options(**values), telemetry=Telemetry())
    (problem,) = caught.value.problems
    assert problem.place == place
    assert words in problem.message
    assert "ClientSecret" in (problem.hint or "ClientSecret")
