"""A certificate's key, parsed once, and the client assertions that it signs.

Imported in a thread, at the first use: cryptography's X.509 and PyJWT take a while.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from pydantic import SecretStr

from msidweb.configuration import CertificateWithKey
from msidweb.encoding import encode_base64url

from .proof import AssertionRequest, CredentialUnavailableError
from .rounds import MAX_ROUNDS, rounds_in

LIFE = 600
"""Seconds that an assertion is good for (security rule 3.27)."""

MIN_BITS = 2048
"""Shortest key that Entra ID takes."""

_KEY = re.compile(rb"-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_BEGIN = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A certificate with its key; equal where the certificates are.

    Attributes:
        chain: Certificates as base64 of DER, the application's own first.
        thumbprint: ``x5t#S256`` (RFC 7515 section 4.1.8).
        not_before: Start of its validity, unix seconds.
        not_after: End of its validity, unix seconds.
    """

    chain: tuple[str, ...] = field(repr=False)
    thumbprint: str
    not_before: float
    not_after: float
    _key: RSAPrivateKey = field(repr=False, compare=False)

    @classmethod
    def of(cls, given: CertificateWithKey) -> Self:
        """The certificate and key in *given*.

        Raises:
            CredentialUnavailableError: They cannot be read, do not belong together, or Entra ID
                takes no such key.
        """
        try:
            key, certificates = _parts(given)
        except (ValueError, TypeError):
            # Not chained, here and below: what cryptography says may quote the content.
            _refuse("the password does not fit, or the content is damaged")
        except UnsupportedAlgorithm:
            _refuse("it is encrypted or signed in a way that is not supported; export it anew")
        if not isinstance(key, RSAPrivateKey):
            _refuse("there is no RSA private key in it")
        if key.key_size < MIN_BITS:
            _refuse(f"the key is shorter than {MIN_BITS} bits")
        own = next((one for one in certificates if _public(one) == _public(key)), None)
        if own is None:
            _refuse("no certificate in it belongs to the private key")
        der = own.public_bytes(Encoding.DER)
        rest = (one for one in certificates if one is not own)
        return cls(
            chain=tuple(_base64(one.public_bytes(Encoding.DER)) for one in (own, *rest)),
            thumbprint=encode_base64url(hashlib.sha256(der).digest()),
            not_before=own.not_valid_before_utc.timestamp(),
            not_after=own.not_valid_after_utc.timestamp(),
            _key=key,
        )

    def sign(self, request: AssertionRequest, *, now: float, send_x5c: bool) -> str:
        """A client assertion for *request*: PS256, ten minutes, an id of its own."""
        issued = int(now)
        claims = {
            "aud": request.token_endpoint,
            "iss": request.client_id,
            "sub": request.client_id,
            "jti": str(uuid.uuid4()),
            "nbf": issued,
            "exp": issued + LIFE,
        }
        header: dict[str, object] = {"x5t#S256": self.thumbprint}
        if send_x5c:
            header["x5c"] = list(self.chain)
        return jwt.encode(claims, self._key, algorithm="PS256", headers=header)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A private key is not written out by pickle.")


def _parts(given: CertificateWithKey) -> tuple[object, Sequence[x509.Certificate]]:
    password, content, key = map(_plain, (given.password, given.certificate, given.private_key))
    if isinstance(content, x509.Certificate):
        return _key(key, password), [content]
    if not isinstance(content, bytes):
        return _key(key, password), list(content)
    if _BEGIN in content:
        return _key(content if key is None else key, password), _pem_certificates(content)
    return _from_pkcs12(content, password)


def _plain(given: Any) -> Any:
    text = given.get_secret_value() if isinstance(given, SecretStr) else given
    return text.encode() if isinstance(text, str) else text


def _key(given: object, password: bytes | None) -> object:
    if not isinstance(given, bytes):
        return given
    block = _KEY.search(given)
    if block is None:
        return None
    encrypted = b"ENCRYPTED" in block[0]
    if encrypted:
        _check_rounds(_decoded(block[0]))
    return load_pem_private_key(block[0], password if encrypted else None)


def _decoded(block: bytes) -> bytes:
    body = b"".join(line for line in block.splitlines() if not line.startswith(b"-"))
    try:
        return base64.b64decode(body)
    except ValueError:
        return b""


def _check_rounds(content: bytes) -> None:
    if rounds_in(content) > MAX_ROUNDS:
        _refuse(f"the password goes through more than {MAX_ROUNDS:,} rounds; export it anew")


def _pem_certificates(content: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE-----" not in content:
        return []
    return x509.load_pem_x509_certificates(content)


def _from_pkcs12(
    content: bytes, password: bytes | None
) -> tuple[object, Sequence[x509.Certificate]]:
    _check_rounds(content)
    try:
        stored = pkcs12.load_pkcs12(content, password)
    except ValueError:
        if password is not None:
            raise
        # No password and an empty one are two things in PKCS#12.
        stored = pkcs12.load_pkcs12(content, b"")
    found = (stored.cert, *stored.additional_certs)
    return stored.key, [one.certificate for one in found if one is not None]


def _public(owner: x509.Certificate | RSAPrivateKey) -> bytes:
    return owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _refuse(reason: str) -> NoReturn:
    raise CredentialUnavailableError(reason) from None
