"""Certificates with their keys, in the forms that files hold them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Made:
    """A self-signed certificate and its key."""

    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(
        self, password: str | None = None, kind: PrivateFormat = PrivateFormat.PKCS8
    ) -> bytes:
        return self.key.private_bytes(Encoding.PEM, kind, encryption(password))

    def pem(self, password: str | None = None) -> bytes:
        return self.key_pem(password) + self.certificate_pem

    def pfx(self, password: str | None = None, *others: Made) -> bytes:
        rest = [other.certificate for other in others]
        return pkcs12.serialize_key_and_certificates(
            b"api", self.key, self.certificate, rest, encryption(password)
        )


def encryption(password: str | None) -> KeySerializationEncryption:
    return NoEncryption() if password is None else BestAvailableEncryption(password.encode())


@functools.cache
def made(name: str = "a", *, bits: int = 2048, starts: int = 2020, ends: int = 2080) -> Made:
    """The certificate called *name*: the same throughout the process, for keys take long."""
    key = generate_private_key(public_exponent=65537, key_size=bits)
    return Made(_self_signed(key, name, starts, ends), key)


def elliptic_certificate() -> bytes:
    """A certificate that Entra ID takes no assertions of, in DER form."""
    certificate = _self_signed(ec.generate_private_key(ec.SECP256R1()), "elliptic", 2020, 2080)
    return certificate.public_bytes(Encoding.DER)


def _self_signed(
    key: RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str, starts: int, ends: int
) -> x509.Certificate:
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(common)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(starts, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(ends, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )


CIPHERS = {
    "PBES2": pkcs12.PBES.PBESv2SHA256AndAES256CBC,
    "PKCS#12": pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC,
}


def pfx_of_rounds(rounds: int, cipher: str = "PBES2") -> bytes:
    """A PFX file with the password "p", which goes through *rounds*."""
    one = made()
    how = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds)
    how = how.key_cert_algorithm(CIPHERS[cipher]).hmac_hash(hashes.SHA256()).build(b"p")
    return pkcs12.serialize_key_and_certificates(b"a", one.key, one.certificate, None, how)


def element(tag: int, *parts: bytes) -> bytes:
    """An element of DER."""
    content = b"".join(parts)
    length = len(content).to_bytes(3, "big")
    return bytes([tag, 0x83]) + length + content


SALT = element(0x04, b"\0" * 8)
COUNT = element(0x02, (5_000_000).to_bytes(4, "big"))
