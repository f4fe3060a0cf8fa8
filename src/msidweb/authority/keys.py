"""Signing keys: from a key document to keys that may verify a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from msidweb.encoding import EncodingError, decode_base64url
from msidweb.errors import MetadataUnavailableError

MIN_BITS = 2048
MAX_BITS = 16_384
_MIN_EXPONENT = 65_537
_MAX_EXPONENT_BITS = 32
_MAX_KID = 256

_PADDING = PKCS1v15()
_HASH = SHA256()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key that the authority publishes for RS256 signatures.

    Attributes:
        kid: Its id.
        modulus, exponent: Its public numbers; two keys with the same are the same key.
        issuer: Issuer whose tokens it may sign, with ``{tenantid}`` for any tenant; or None.
        cloud: ``cloud_instance_name`` it belongs to, or None.
    """

    kid: str
    modulus: int = field(repr=False)
    exponent: int = field(repr=False)
    issuer: str | None
    cloud: str | None
    size: int = field(init=False, compare=False)
    _public: RSAPublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        public = RSAPublicNumbers(self.exponent, self.modulus).public_key()
        object.__setattr__(self, "_public", public)
        object.__setattr__(self, "size", (public.key_size + 7) // 8)

    def holds(self, signature: bytes, signed: bytes) -> bool:
        """Whether *signature* is this key's RS256 signature of *signed*."""
        try:
            self._public.verify(signature, signed, _PADDING, _HASH)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeySet:
    """What the authority's documents say, from one refresh.

    Attributes:
        keys: Keys by id.
        issuer_v2: Issuer of v2 tokens; ``{tenantid}`` stands for the token's tenant.
        issuer_v1: Issuer of v1 tokens likewise; None while the v1 document is unknown.
        tenant: The one tenant of the authority, or None where it has many.
        cloud: ``cloud_instance_name`` of the metadata, or None.
    """

    keys: Mapping[str, SigningKey]
    issuer_v2: str
    issuer_v1: str | None = None
    tenant: str | None = None
    cloud: str | None = None


def read_keys(document: Mapping[str, object]) -> dict[str, SigningKey]:
    """The usable keys of a JWK set (RFC 7517); odd members are left out one by one.

    Raises:
        MetadataUnavailableError: There is no usable key, or one id names two different keys.
    """
    members = document.get("keys")
    keys: dict[str, SigningKey] = {}
    for member in members if isinstance(members, list) else ():
        key = _read_key(member) if isinstance(member, dict) else None
        if key is None:
            continue
        if keys.setdefault(key.kid, key) != key:
            raise MetadataUnavailableError("The key document gives one id to two keys.")
    if not keys:
        raise MetadataUnavailableError("The key document holds no usable RSA signing key.")
    return keys


def _read_key(member: Mapping[str, object]) -> SigningKey | None:
    kid = member.get("kid")
    issuer, cloud = member.get("issuer"), member.get("cloud_instance_name")
    if not (isinstance(kid, str) and 0 < len(kid) <= _MAX_KID and _may_verify(member)):
        return None
    # A restriction that cannot be read must not become no restriction.
    if not (isinstance(issuer, str | None) and isinstance(cloud, str | None)):
        return None
    modulus, exponent = _number(member.get("n")), _number(member.get("e"))
    if not _is_sound(modulus, exponent):
        return None
    return SigningKey(kid, modulus, exponent, issuer, cloud)


def _may_verify(member: Mapping[str, object]) -> bool:
    """K2: an RSA key for RS256 signatures, as far as it says what it is for."""
    operations = member.get("key_ops", ["verify"])
    return (
        member.get("kty") == "RSA"
        and member.get("use", "sig") == "sig"
        and member.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _is_sound(modulus: int, exponent: int) -> bool:
    """K3: 2048 bits or more, an odd exponent of at least 65537."""
    return (
        MIN_BITS <= modulus.bit_length() <= MAX_BITS
        and modulus % 2 == 1
        and exponent % 2 == 1
        and exponent >= _MIN_EXPONENT
        and exponent.bit_length() <= _MAX_EXPONENT_BITS
    )


def _number(value: object) -> int:
    if not isinstance(value, str):
        return 0
    try:
        return int.from_bytes(decode_base64url(value), "big")
    except EncodingError:
        return 0
