"""Client assertions: certificates of the app's own, and issuers that it trusts."""

import base64
import hashlib
import uuid

import jwt
import pytest
from tests.support.certificates import elliptic_certificate, made

from msidweb.errors import InvalidCallError
from msidweb.testing import FederatedIssuer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SUBJECT = "system:serviceaccount:shop:api"


@pytest.fixture
def offer(ask, entra, sample, clock):
    """The code that an assertion is answered with, or None."""
    entra.remove_secrets(sample.daemon)

    async def offered(assertion):
        answer = await ask(
            sample.daemon,
            grant_type="client_credentials",
            scope=sample.api.default_scope,
            client_assertion=assertion,
            client_assertion_type=ASSERTION_TYPE,
        )
        body = answer.json()
        if "access_token" in body:
            return None
        [code] = body["error_codes"]
        assert (answer.status_code, body["error"]) == (401, "invalid_client")
        assert body["error_description"].startswith(f"AADSTS{code}: ")
        return code

    return offered


@pytest.fixture
def signed(entra, sample, clock):
    """An assertion of the app's own, signed by one of our certificates."""

    def sign(certificate=None, *, header=None, **claims):
        certificate = certificate or made()
        now = int(clock.time())
        payload = {
            "aud": entra.token_endpoint(),
            "iss": sample.daemon.client_id,
            "sub": sample.daemon.client_id,
            "jti": str(uuid.uuid4()),
            "exp": now + 600,
            **claims,
        }
        header = header or {"x5t": base64.urlsafe_b64encode(sha1(certificate)).decode()}
        return jwt.encode(payload, certificate.key, algorithm="PS256", headers=header)

    return sign


def sha1(certificate):
    return hashlib.sha1(certificate.der, usedforsecurity=False).digest()


@pytest.mark.parametrize("form", ["PEM", "PEM text", "DER"])
async def test_a_certificate_of_ones_own_is_registered_and_taken_away(
    offer, entra, sample, signed, form
):
    pem = made().certificate_pem
    given = {"PEM": pem, "PEM text": pem.decode(), "DER": made().der}[form]
    assert await offer(signed()) == 700027
    entra.register_certificate(sample.daemon, given)
    assert await offer(signed()) is None
    entra.remove_certificate(sample.daemon, given)
    assert await offer(signed()) == 700027


async def test_one_of_two_certificates_is_taken_away(offer, entra, sample):
    first, second = (entra.add_certificate(sample.daemon) for _ in range(2))
    entra.remove_certificate(sample.daemon, first)
    assert sample.daemon.certificates == [second.certificate]
    with pytest.raises(InvalidCallError, match="no such certificate"):
        entra.remove_certificate(sample.daemon, first)


@pytest.mark.parametrize("given", [b"", "text", b"-----BEGIN CERTIFICATE-----\n!"])
def test_what_is_no_certificate_is_not_registered(entra, sample, given):
    with pytest.raises(InvalidCallError, match="no certificate"):
        entra.register_certificate(sample.daemon, given)


async def test_a_certificate_outside_of_its_validity_is_refused(offer, entra, sample, signed):
    old = made("old", starts=2000, ends=2001)
    entra.register_certificate(sample.daemon, old.der)
    assert await offer(signed(old)) == 1000502


async def test_a_kid_may_name_the_certificate(offer, entra, sample, signed):
    entra.register_certificate(sample.daemon, made().der)
    assert await offer(signed(header={"kid": sha1(made()).hex().upper()})) is None
    assert await offer(signed(header={"kid": "another"})) == 700027


async def test_an_assertion_may_be_shown_again(offer, entra, sample, signed):
    entra.register_certificate(sample.daemon, made().der)
    assertion = signed()
    assert [await offer(assertion) for _ in range(3)] == [None] * 3


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iat": 301}, 700024),
        ({"iat": 299}, None),
        ({"nbf": 301}, 700024),
        ({"exp": -301}, 700024),
        ({"exp": -299}, None),
    ],
)
async def test_the_times_of_an_assertion_count(offer, entra, sample, signed, *, claims, code):
    entra.register_certificate(sample.daemon, made().der)
    times = {name: int(entra.clock.time()) + seconds for name, seconds in claims.items()}
    assert await offer(signed(**times)) == code


async def test_a_certificate_of_another_kind_of_key_signs_nothing(offer, entra, sample, signed):
    der = elliptic_certificate()
    entra.register_certificate(sample.daemon, der)
    assert await offer(signed(header={"x5c": base64.b64encode(der).decode()})) == 700027


@pytest.fixture
def issuer(clock):
    return FederatedIssuer("https://oidc.example/cluster", clock=clock)


async def test_a_federated_assertion_proves_the_app(offer, entra, sample, issuer):
    entra.add_federated_credential(sample.daemon, issuer, subject=SUBJECT)
    assert await offer(issuer.assertion(SUBJECT)) is None
    assert repr(issuer) == "FederatedIssuer('https://oidc.example/cluster')"


async def test_a_federated_assertion_must_match_in_every_part(offer, entra, sample, issuer, clock):
    assert await offer(issuer.assertion(SUBJECT)) == 700211
    entra.add_federated_credential(sample.daemon, issuer, subject=SUBJECT)
    other = FederatedIssuer("https://oidc.example/other", clock=clock)
    assert await offer(other.assertion(SUBJECT)) == 700211
    assert await offer(issuer.assertion("somebody")) == 700213
    assert await offer(issuer.assertion(SUBJECT, audience="api://another")) == 700212
    pretender = FederatedIssuer(issuer.url, clock=clock)
    assert await offer(pretender.assertion(SUBJECT)) == 700027
    assert await offer(issuer.assertion(SUBJECT, expires_in=-301)) == 700024


async def test_the_audience_may_be_one_text(offer, entra, sample, issuer, clock):
    entra.add_federated_credential(sample.daemon, issuer, subject=SUBJECT, audience="api://mine")
    claims = {
        "iss": issuer.url,
        "sub": SUBJECT,
        "aud": "api://mine",
        "exp": int(clock.time()) + 60,
    }
    assert await offer(jwt.encode(claims, issuer.key.private, algorithm="RS256")) is None


def test_an_issuer_has_the_real_clock_unless_told():
    issuer = FederatedIssuer("https://oidc.example")
    claims = jwt.decode(
        issuer.assertion("s"),
        issuer.key.private.public_key(),
        algorithms=["RS256"],
        audience="api://AzureADTokenExchange",
    )
    assert claims["sub"] == "s"


def test_a_key_is_written_as_a_pem_file_holds_it(entra, sample):
    from msidweb.configuration import CertificateWithKey
    from msidweb.credentials.signing import SigningCertificate

    key = entra.add_certificate(sample.daemon)
    read = SigningCertificate.of(CertificateWithKey(key.pem))
    assert base64.b64decode(read.chain[0]) == key.certificate
