"""The emulator's signing keys: published, exchanged with overlap, removed at once."""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from msidweb.encoding import encode_base64url
from msidweb.errors import InvalidCallError
from msidweb.testing._arguments import checks_arguments

_LONGEST_NAME = 64
"""Of a common name (RFC 5280 appendix A.1, ub-common-name)."""


@checks_arguments()
@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key with its certificate, named as Entra ID names them.

    Attributes:
        kid: Thumbprint of the certificate, base64url of SHA-1: also ``x5t``.
        private: The key itself.
        certificate: The certificate in DER form.
    """

    kid: str
    private: RSAPrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)

    @classmethod
    def generate(cls, *, common_name: str = "accounts.accesscontrol.windows.net") -> SigningKey:
        """A new key of 2048 bits; takes about a tenth of a second.

        Raises:
            InvalidCallError: *common_name* is empty; of a long one the certificate has the start.
        """
        if not common_name:
            raise InvalidCallError("common_name takes a name.", code="invalid_argument")
        private = generate_private_key(public_exponent=65537, key_size=2048)
        certificate = _self_signed(private, common_name).public_bytes(Encoding.DER)
        return cls(thumbprint(certificate), private, certificate)

    @property
    def pem(self) -> bytes:
        """The key and its certificate as a PEM file holds them."""
        key = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate_pem

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone as a PEM file holds it."""
        return x509.load_der_x509_certificate(self.certificate).public_bytes(Encoding.PEM)

    def jwk(self, *, issuer: str, cloud: str) -> dict[str, object]:
        """The public key as a member of Entra ID's key document."""
        numbers = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": numbers["n"],
            "e": numbers["e"],
            "x5c": [base64.b64encode(self.certificate).decode()],
            "cloud_instance_name": cloud,
            "issuer": issuer,
        }


class KeyRing:
    """Which key signs, and which ones are published.

    Args:
        fresh: Generate keys for this ring alone. Otherwise the rings of one process share a row
            of keys, which costs a test suite one generation instead of one a test.
    """

    def __init__(self, *, fresh: bool = False) -> None:
        self._fresh = fresh
        self._made = 0
        self._published: dict[str, SigningKey] = {}
        self._signing = self._publish()

    @property
    def signing(self) -> SigningKey:
        """The key that signs now."""
        return self._signing

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """The keys of the key document, oldest first."""
        return tuple(self._published.values())

    def find(self, kid: str | None) -> SigningKey | None:
        """The published key called *kid*."""
        return self._published.get(kid or "")

    def publish(self) -> SigningKey:
        """A new key, published and not yet signing."""
        return self._publish()

    def rotate(self) -> SigningKey:
        """Sign with the newest key from now on; the older ones stay published."""
        newest = self.published[-1]
        self._signing = newest if newest is not self._signing else self._publish()
        return self._signing

    def remove(self, kid: str) -> None:
        """Publish the key no longer; when it was signing, a new one takes over.

        Raises:
            InvalidCallError: No key of that id is published.
        """
        if self._published.pop(kid, None) is None:
            raise InvalidCallError(f"No key {kid!r} is published.")
        if self._signing.kid == kid:
            self._signing = self.published[-1] if self._published else self._publish()

    def _publish(self) -> SigningKey:
        key = SigningKey.generate() if self._fresh else _shared_key(self._made)
        self._made += 1
        self._published[key.kid] = key
        return key


@functools.cache
def _shared_key(index: int) -> SigningKey:
    # The index is the cache's key and nothing else: the n-th key of every ring is the same.
    return SigningKey.generate(common_name=f"key {index}")


def der_of(certificate: str | bytes) -> bytes:
    """The DER form of a certificate in PEM or DER form.

    Raises:
        InvalidCallError: It is neither.
    """
    content = certificate.encode() if isinstance(certificate, str) else certificate
    pem = b"-----BEGIN CERTIFICATE-----" in content
    load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    try:
        return load(content).public_bytes(Encoding.DER)
    except ValueError:
        raise InvalidCallError("That is no certificate in PEM or DER form.") from None


def thumbprint(certificate: bytes) -> str:
    """``x5t`` of a certificate in DER form (RFC 7515 section 4.1.7)."""
    return encode_base64url(hashlib.sha1(certificate, usedforsecurity=False).digest())


def thumbprint_sha256(certificate: bytes) -> str:
    """``x5t#S256`` of a certificate in DER form (RFC 7515 section 4.1.8)."""
    return encode_base64url(hashlib.sha256(certificate).digest())


def _self_signed(private: RSAPrivateKey, common_name: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_NAME])])
    # Fixed and wide: the emulator's clock may stand in any year.
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2200, 1, 1, tzinfo=UTC))
        .sign(private, hashes.SHA256())
    )
