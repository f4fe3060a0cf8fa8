"""Whom a client trusts is what was configured, and nobody besides."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from msidweb.configuration.options import HttpClientOptions
from msidweb.http.tls import TlsContexts


def _trusted(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509"]


@pytest.fixture
def self_signed(tmp_path) -> Path:
    """A server's own certificate, as ``dotnet dev-certs`` makes it: no authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path / "self-signed.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


async def test_a_ca_file_without_an_authority_does_not_open_the_public_web(self_signed):
    context = await TlsContexts().get(HttpClientOptions(ca_file=str(self_signed)))
    assert _trusted(context) == 1


async def test_a_directory_of_authorities_is_not_taken_for_none(tmp_path, monkeypatch):
    # OpenSSL reads such a directory when it needs a certificate, so none is counted before.
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "0d5b1c3a.0"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert _trusted(await TlsContexts().get(HttpClientOptions())) == 0
