import itertools
import json
import logging

import msal
import pytest
from tests.support.token_endpoint import CLIENT, TENANT, Bench, granted, principal, refused

from msidweb.acquisition.msal_writer import MAX_APPLICATIONS, MsalWriter
from msidweb.configuration.options import AcquireTokenOptions
from msidweb.credentials import ClientProof, ProofKind, ProvidedAssertion
from msidweb.errors import MsidwebError, TokenAcquisitionError

ENDPOINT = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
SECRET = ClientProof(ProofKind.SECRET, "a secret of no worth")
ASSERTION = ClientProof(ProofKind.ASSERTION, "an.assertion.x")
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1"}},"id_token":{"a":null}}'
VOLATILE = {"client-request-id"}


class CapturingClient:
    """What stock MSAL would send."""

    def get(self, url, **_):
        return Reply(
            {
                "issuer": "https://x",
                "token_endpoint": ENDPOINT,
                "authorization_endpoint": "https://x/authorize",
            }
        )

    def post(self, url, *, data, headers, **_):
        self.url, self.form, self.headers = url, data, headers
        return Reply({"error": "invalid_grant"}, 400)

    def close(self):
        pass


class Reply:
    def __init__(self, body, status=200):
        self.text, self.status_code, self.headers = json.dumps(body), status, {}


@pytest.mark.parametrize(
    ("flow", "proof", "claims", "capabilities"),
    list(
        itertools.product(["user", "app"], [SECRET, ASSERTION], [None, CLAIMS], [[], ["cp1", "x"]])
    ),
)
def test_form_and_headers_are_those_of_stock_msal(flow, proof, claims, capabilities):
    client = CapturingClient()
    stock = msal.ConfidentialClientApplication(
        CLIENT,
        authority=f"https://login.microsoftonline.com/{TENANT}",
        client_credential=proof.value
        if proof is SECRET
        else {"client_assertion": lambda: proof.value},
        client_capabilities=capabilities or None,
        http_client=client,
        instance_discovery=False,
    )
    writer = MsalWriter(CLIENT, capabilities=capabilities)
    if flow == "user":
        stock.acquire_token_on_behalf_of("a.user.token", ["r/b", "r/a"], claims_challenge=claims)
        ours = writer.on_behalf_of(
            "a.user.token", ["r/b", "r/a"], endpoint=ENDPOINT, proof=proof, claims=claims
        )
    else:
        stock.acquire_token_for_client(["r/.default"], claims_challenge=claims)
        ours = writer.for_client("r/.default", endpoint=ENDPOINT, proof=proof, claims=claims)

    assert ours.url == client.url
    assert ours.form == {name: str(value) for name, value in client.form.items()}
    assert {k: v for k, v in ours.headers.items() if k not in VOLATILE} == {
        k: v for k, v in client.headers.items() if k not in VOLATILE
    }


def test_neither_request_nor_proof_shows_what_it_holds():
    request = MsalWriter(CLIENT).for_client("r/.default", endpoint=ENDPOINT, proof=SECRET)
    assert SECRET.value not in repr(request) + repr(SECRET)


def test_msal_refusing_to_write_is_a_typed_error():
    writer = MsalWriter(CLIENT)
    with pytest.raises(TokenAcquisitionError) as caught:
        writer.on_behalf_of("a.b.c", ["openid"], endpoint=ENDPOINT, proof=SECRET)
    assert caught.value.code == "request_not_written"
    assert caught.value.__cause__ is None


def test_msal_returning_without_asking_is_a_typed_error():
    writer = MsalWriter(CLIENT)
    writer._make = lambda *_, **__: Silent()
    with pytest.raises(TokenAcquisitionError) as caught:
        writer.for_client("r/.default", endpoint=ENDPOINT, proof=SECRET)
    assert caught.value.code == "request_not_written"


class Silent:
    def acquire_token_for_client(self, *_, **__):
        return {"access_token": "from nowhere"}


def test_msal_applications_are_bounded_and_follow_the_credentials_generation():
    writer = MsalWriter(CLIENT)
    for number in range(MAX_APPLICATIONS + 20):
        endpoint = f"https://login.microsoftonline.com/t{number}/oauth2/v2.0/token"
        assert writer.for_client("r/.default", endpoint=endpoint, proof=SECRET).url == endpoint
    assert len(writer._applications) == MAX_APPLICATIONS

    renewed = ClientProof(ProofKind.SECRET, "another secret", generation=1)
    request = writer.for_client("r/.default", endpoint=endpoint, proof=renewed)
    assert request.form["client_secret"] == "another secret"


def test_an_endpoint_of_any_host_and_port_is_kept():
    endpoint = f"https://localhost:8443/{TENANT}/oauth2/v2.0/token"
    assert MsalWriter(CLIENT).for_client("r/.default", endpoint=endpoint, proof=SECRET).url == (
        endpoint
    )


async def test_msals_cache_and_throttle_stay_empty():
    def answer(number, asked):
        reply = granted(number, asked) if number % 2 else refused(429, headers={"Retry-After": "9"})
        reply.headers["Retry-After"] = "9"
        return reply

    bench = Bench(answer)
    for number in range(6):
        try:
            await bench.acquirer.get_token_for_user(["r/a"], user=principal(f"u.{number}.x"))
        except MsidwebError:
            continue
    (application,) = bench.acquirer._writer._applications.values()
    assert not list(application.token_cache.search("AccessToken"))
    assert not application.http_client._expiring_mapping._mapping


def slices(text):
    return {text[start : start + 12] for start in range(len(text) - 11)}


async def test_no_piece_of_a_secret_or_token_is_in_any_log_error_or_repr(caplog):
    caplog.set_level(logging.DEBUG)
    canaries = {
        "secret": "SECRET-canary-5tgb6yhn7ujm8ik",
        "assertion": "client.ASSERTION-canary-1qaz2wsx3edc.x",
        "user": "user.USERTOKEN-canary-4rfv5tgb6yhn.x",
        "answer": "ANSWER-canary-9ol0p1qaz2wsx",
        "text": "TEXT-canary-7ujm8ik9olzaq",
    }

    def answer(number, asked):
        replies = [
            granted(number, asked, access_token=canaries["answer"]),
            refused(
                400,
                error="invalid_grant",
                error_description=f"AADSTS65001: {canaries['text']}",
                suberror=canaries["text"] + " x",
            ),
            refused(401, error="invalid_client", error_description=canaries["text"]),
            refused(500, error=canaries["text"] + " y"),
        ]
        return replies[number % 4]

    async def provider(_):
        return canaries["assertion"]

    async def failing(_):
        raise RuntimeError(canaries["text"])

    seen = []
    for credential in ("secret", provider, failing):
        bench = Bench(answer, client_secret=canaries["secret"])
        if credential != "secret":
            provided = ProvidedAssertion(credential, clock=bench.clock)
            bench = Bench(answer, credentials=[provided], client_secret=canaries["secret"])
        options = AcquireTokenOptions(force_refresh=True)
        for _ in range(8):
            for call in (
                bench.acquirer.get_token_for_user(
                    ["r/a"], user=principal(canaries["user"]), options=options
                ),
                bench.acquirer.get_token_for_app("r/.default", options=options),
            ):
                try:
                    token = await call
                except MsidwebError as error:
                    seen += [str(error), repr(error), repr(error.__dict__), str(error.remedy)]
                    seen.append(repr(error.__cause__))
                else:
                    seen += [repr(token), repr(bench.cache), repr(bench.acquirer)]
    seen += [record.getMessage() + repr(record.__dict__) for record in caplog.records]
    written = "\n".join(seen)
    assert "msidweb.token_acquired" in written
    assert "correlation_id" in written
    leaked = {name for name, text in canaries.items() for part in slices(text) if part in written}
    assert not leaked
