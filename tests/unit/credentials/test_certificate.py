import asyncio
import base64
import copy
import hashlib
import pickle
import threading
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from tests.support.certificates import COUNT, SALT, element, made, pfx_of_rounds

from msidweb.configuration import CertificateWithKey, CredentialDescription
from msidweb.credentials import AssertionRequest, CredentialUnavailableError, ProofKind, files
from msidweb.credentials.certificate import (
    CertificateContent,
    ClientCertificate,
    load_base64_certificate,
    load_certificate_file,
    load_given_certificate,
)
from msidweb.credentials.signing import SigningCertificate
from msidweb.credentials.surroundings import Surroundings
from msidweb.telemetry import CredentialNoted, Telemetry
from msidweb.testing.clock import ManualClock

NOW = 1_795_557_420.0
ENDPOINT = "https://login.example/t/oauth2/v2.0/token"
REQUEST = AssertionRequest(ENDPOINT, "client")
PASSWORD = "a password of no worth"


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def events():
    return []


@pytest.fixture
def surroundings(clock, events):
    return Surroundings(clock, Telemetry([events.append]))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "api.pem"
    path.touch(mode=0o600)
    return path


@pytest.fixture
def in_file(path, surroundings):
    """The credential that the file at *path* holds."""

    def load(content=None, password=None):
        if content is not None:
            path.write_bytes(content)
        description = CredentialDescription(
            source_type="Path",
            certificate_disk_path=str(path),
            certificate_password=password,
        )
        return load_certificate_file(description, surroundings, place="P")

    return load


def header_and_claims(assertion, certificate=None):
    public = (certificate or made()).key.public_key()
    claims = jwt.decode(
        assertion,
        public,
        algorithms=["PS256"],
        audience=ENDPOINT,
        options={"verify_exp": False, "verify_nbf": False},
    )
    return jwt.get_unverified_header(assertion), claims


def s256(certificate):
    digest = hashlib.sha256(certificate.der).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def test_the_assertion_is_the_one_that_entra_id_knows(in_file):
    proof = await in_file(made().pem()).proof(REQUEST)
    header, claims = header_and_claims(proof.value)
    assert header == {"typ": "JWT", "alg": "PS256", "x5t#S256": s256(made())}
    assert claims.pop("jti").count("-") == 4
    assert claims == {
        "aud": ENDPOINT,
        "iss": "client",
        "sub": "client",
        "nbf": int(NOW),
        "exp": int(NOW) + 600,
    }
    assert proof.kind is ProofKind.ASSERTION
    assert proof.not_after == datetime(2080, 1, 1, tzinfo=UTC).timestamp()


async def test_the_chain_goes_along_where_that_is_asked_for(clock):
    surroundings = Surroundings(clock, Telemetry(), send_x5c=True)
    content = CertificateWithKey(made().pfx(None, made("issuer")))
    description = CredentialDescription(source_type="Certificate", certificate=content)
    credential = load_given_certificate(description, surroundings, place="P")
    header, _ = header_and_claims((await credential.proof(REQUEST)).value)
    assert header["x5c"] == [base64.b64encode(one.der).decode() for one in (made(), made("issuer"))]


PEM = made()
FORMS = {
    "PEM": (PEM.pem(), None),
    "PEM, certificate first": (PEM.certificate_pem + PEM.key_pem(), None),
    "PEM, PKCS#1": (PEM.key_pem(kind=PrivateFormat.TraditionalOpenSSL) + PEM.certificate_pem, None),
    "PEM, issuer first": (made("issuer").certificate_pem + PEM.pem(), None),
    "PEM with text": (b"Bag Attributes\n  name: x\n" + PEM.pem(), None),
    "PEM, encrypted": (PEM.pem(PASSWORD), PASSWORD),
    "PEM, encrypted PKCS#1": (
        PEM.key_pem(PASSWORD, PrivateFormat.TraditionalOpenSSL) + PEM.certificate_pem,
        PASSWORD,
    ),
    "PEM, a password in vain": (PEM.pem(), PASSWORD),
    "PFX": (PEM.pfx(), None),
    "PFX, encrypted": (PEM.pfx(PASSWORD), PASSWORD),
    "PFX with issuer": (PEM.pfx(PASSWORD, made("issuer")), PASSWORD),
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_certificate_is_read_in_every_form(form, in_file, surroundings):
    content, password = FORMS[form]
    header_and_claims((await in_file(content, password).proof(REQUEST)).value)
    encoded = base64.encodebytes(content).decode()
    description = CredentialDescription(
        source_type="Base64Encoded", base64_encoded_value=encoded, certificate_password=password
    )
    credential = load_base64_certificate(description, surroundings, place="P")
    header_and_claims((await credential.proof(REQUEST)).value)


@pytest.mark.parametrize(
    "given",
    [
        CertificateWithKey(PEM.pem()),
        CertificateWithKey(PEM.pem().decode()),
        CertificateWithKey(PEM.certificate_pem, PEM.key_pem()),
        CertificateWithKey(PEM.certificate_pem, PEM.key_pem(PASSWORD).decode(), PASSWORD),
        CertificateWithKey(PEM.certificate_pem, PEM.key),
        CertificateWithKey(PEM.certificate, PEM.key),
        CertificateWithKey([PEM.certificate, made("issuer").certificate], PEM.key_pem()),
        CertificateWithKey(PEM.pfx(PASSWORD), password=SecretStr(PASSWORD)),
    ],
)
async def test_code_gives_a_certificate_as_it_has_it(given, surroundings):
    description = CredentialDescription(source_type="Certificate", certificate=given)
    credential = load_given_certificate(description.model_copy(deep=True), surroundings, place="P")
    proof = await credential.proof(REQUEST)
    header_and_claims(proof.value)
    assert await credential.renew(proof) is False


def elliptic():
    key = elliptic_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted(der):
    text = base64.encodebytes(der)
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n%s-----END ENCRYPTED PRIVATE KEY-----\n" % text


SLOW_KEY = encrypted(element(0x30, element(0x30, SALT, COUNT), element(0x04, b"key")))
NO_KEY = encrypted(b"").replace(b"-----\n", b"-----\nA\n", 1)

BAD = {
    "nothing": (b"", None, "damaged"),
    "noise": (b"\0\1\2", None, "damaged"),
    "a key alone": (PEM.key_pem(), None, "no certificate in it belongs"),
    "a certificate alone": (PEM.certificate_pem, None, "no RSA private key"),
    "another's key": (made("issuer").key_pem() + PEM.certificate_pem, None, "no certificate in it"),
    "a damaged PEM": (PEM.pem().replace(b"MII", b"!!!"), None, "damaged"),
    "an elliptic key": (elliptic() + PEM.certificate_pem, None, "no RSA private key"),
    "a short key": (made("short", bits=1024).pem(), None, "shorter than 2048 bits"),
    "PEM, no password": (PEM.pem(PASSWORD), None, "password does not fit"),
    "PEM, wrong password": (PEM.pem(PASSWORD), "wrong", "password does not fit"),
    "PFX, no password": (PEM.pfx(PASSWORD), None, "password does not fit"),
    "PFX, too many rounds": (pfx_of_rounds(1_000_001), "p", "more than 1,000,000 rounds"),
    "PEM, too many rounds": (SLOW_KEY + PEM.certificate_pem, "p", "more than 1,000,000 rounds"),
    "PEM, encrypted noise": (NO_KEY + PEM.certificate_pem, "p", "damaged"),
    "PFX, wrong password": (PEM.pfx(PASSWORD), "wrong", "password does not fit"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_read_is_unavailable_and_quoted_nowhere(name, in_file):
    content, password, words = BAD[name]
    with pytest.raises(CredentialUnavailableError, match=words) as caught:
        await in_file(content, password).proof(REQUEST)
    assert caught.value.__cause__ is None
    assert PASSWORD not in str(caught.value)
    assert "wrong" not in str(caught.value)


async def test_an_algorithm_that_is_gone_is_named(monkeypatch, in_file):
    from cryptography.exceptions import UnsupportedAlgorithm

    from msidweb.credentials import signing

    def gone(*_):
        raise UnsupportedAlgorithm("RC2")

    monkeypatch.setattr(signing.pkcs12, "load_pkcs12", gone)
    with pytest.raises(CredentialUnavailableError, match="export it anew"):
        await in_file(PEM.pfx()).proof(REQUEST)


async def test_a_key_is_parsed_once_off_the_loop_however_many_wait(monkeypatch, in_file):
    threads = []
    parse = SigningCertificate.of

    def noting(given):
        threads.append(threading.current_thread())
        return parse(given)

    monkeypatch.setattr(SigningCertificate, "of", noting)
    credential = in_file(PEM.pem())
    requests = [REQUEST, AssertionRequest("other", "client")] * 25
    await asyncio.gather(*(credential.proof(request) for request in requests))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_a_certificate_that_comes_late_is_there_for_the_next_request(
    monkeypatch, surroundings
):
    monkeypatch.setattr(files, "DEADLINE", 0.01)
    slow, reads = threading.Event(), []

    def read():
        reads.append(threading.current_thread())
        slow.wait()
        return CertificateContent(CertificateWithKey(PEM.pem()))

    credential = ClientCertificate(read, surroundings, source="slow")
    for _ in range(3):
        with pytest.raises(CredentialUnavailableError, match="in time"):
            await credential.proof(REQUEST)
    slow.set()
    reads[0].join()
    header_and_claims((await credential.proof(REQUEST)).value)
    assert len(reads) == 1


async def test_an_assertion_is_signed_anew_after_five_minutes_and_for_each_endpoint(in_file, clock):
    credential = in_file(PEM.pem())

    async def shown(endpoint=ENDPOINT):
        return (await credential.proof(AssertionRequest(endpoint, "client"))).value

    first = await shown()
    assert await shown() == first
    assert await shown("other") != first
    clock.advance(299)
    assert await shown() == first
    clock.advance(1)
    assert await shown() != first


async def test_a_file_that_was_replaced_is_found_when_it_is_asked_for(in_file, path):
    credential = in_file(PEM.pem())
    before = await credential.proof(REQUEST)
    path.write_bytes(made("next").pem())
    assert await credential.proof(REQUEST) == before
    assert await credential.renew(before) is True
    after = await credential.proof(REQUEST)
    header_and_claims(after.value, made("next"))
    assert await credential.renew(after) is False


async def test_a_file_that_was_damaged_leaves_what_was_loaded(in_file, path):
    credential = in_file(PEM.pem())
    before = await credential.proof(REQUEST)
    path.write_bytes(b"half of a file")
    assert await credential.renew(before) is False
    assert await credential.proof(REQUEST) == before


async def test_a_symbolic_link_is_followed_as_mounted_secrets_need(tmp_path, in_file, path):
    path.unlink()
    (tmp_path / "one").write_bytes(PEM.pem())
    (tmp_path / "two").write_bytes(made("next").pem())
    path.symlink_to(tmp_path / "one")
    credential = in_file()
    before = await credential.proof(REQUEST)
    path.unlink()
    path.symlink_to(tmp_path / "two")
    assert await credential.renew(before) is True


async def test_our_clock_may_be_a_little_behind(in_file, clock):
    starts = datetime(2080, 1, 1, tzinfo=UTC).timestamp()
    credential = in_file(made("soon", starts=2080, ends=2090).pem())
    clock.advance(starts - 301 - NOW)
    with pytest.raises(CredentialUnavailableError, match="outside of its validity"):
        await credential.proof(REQUEST)
    clock.advance(1)
    await credential.proof(REQUEST)


@pytest.mark.parametrize("years", [{"starts": 2020, "ends": 2021}, {"starts": 2070, "ends": 2080}])
async def test_a_certificate_outside_of_its_validity_is_not_shown(in_file, years):
    credential = in_file(made(str(years), **years).pem())
    with pytest.raises(CredentialUnavailableError, match="outside of its validity"):
        await credential.proof(REQUEST)


async def test_a_certificate_that_ends_gives_way_to_the_one_in_its_place(in_file, path, clock):
    credential = in_file(PEM.pem())
    before = await credential.proof(REQUEST)
    path.write_bytes(made("later", ends=2090).pem())
    clock.advance(datetime(2080, 1, 1, tzinfo=UTC).timestamp() - NOW)
    proof = await credential.proof(REQUEST)
    assert proof.not_after == datetime(2090, 1, 1, tzinfo=UTC).timestamp()
    # A request that showed the old one a moment ago is refused, and repeated with the new one.
    assert await credential.renew(before) is True


async def test_a_key_that_everybody_may_read_is_noted_once(in_file, path, events):
    path.chmod(0o644)
    credential = in_file(PEM.pem())
    await credential.renew(await credential.proof(REQUEST))
    [noted] = [event for event in events if isinstance(event, CredentialNoted)]
    assert noted.source == f"Path {path}"
    assert "every user" in noted.note


async def test_a_key_of_its_owner_alone_is_not_noted(in_file, events):
    await in_file(PEM.pem()).proof(REQUEST)
    assert events == []


async def test_nothing_shows_a_key_or_a_password(in_file):
    given = CertificateWithKey(PEM.pem(PASSWORD), password=PASSWORD)
    description = CredentialDescription(source_type="Certificate", certificate=given)
    signing = SigningCertificate.of(given)
    credential = in_file(PEM.pem())
    await credential.proof(REQUEST)
    shown = repr((given, description, description.model_dump(), signing, credential))
    shown += str(vars(credential)) + str(description)
    assert "PRIVATE" not in shown
    assert PASSWORD not in shown
    for secret in (given, description, signing):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    assert copy.copy(description).certificate is given
