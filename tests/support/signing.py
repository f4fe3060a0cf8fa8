"""RSA keys and the tokens they sign, written by hand so that every part can be wrong."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-8888-7777-6666-555555555555"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
NOW = 1_795_557_405.0


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class KeyPair:
    """A signing key of the authority."""

    def __init__(self, kid: str, *, bits: int = 2048, exponent: int = 65537) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=exponent, key_size=bits)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        member = {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": b64(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
            **changes,
        }
        return {name: value for name, value in member.items() if value is not None}

    def sign(self, signed: bytes) -> bytes:
        return self.private.sign(signed, padding.PKCS1v15(), SHA256())

    def token(
        self,
        claims: Mapping[str, Any] | bytes,
        *,
        header: Mapping[str, Any] | bytes | None = None,
        **members: Any,
    ) -> str:
        """A token; *members* change the header, None takes a member out."""
        plain = {"typ": "JWT", "alg": "RS256", "kid": self.kid, **members}
        head: Any = {k: v for k, v in plain.items() if v is not None} if header is None else header
        first, second = (
            part if isinstance(part, bytes) else json.dumps(part).encode()
            for part in (head, claims)
        )
        signed = f"{b64(first)}.{b64(second)}"
        return f"{signed}.{b64(self.sign(signed.encode()))}"


@functools.cache
def key_pair(kid: str) -> KeyPair:
    """The same key for the same *kid*, made once a test run."""
    return KeyPair(kid)


def without_none(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}


def user_claims(*, now: float = NOW, **changes: Any) -> dict[str, Any]:
    """Claims of a v2 user token; None takes a claim out."""
    return without_none(
        {
            "aud": CLIENT,
            "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "iat": int(now) - 60,
            "nbf": int(now) - 60,
            "exp": int(now) + 3600,
            "azp": "cccccccc-0000-0000-0000-000000000001",
            "oid": "00000000-0000-0000-0000-000000000001",
            "scp": "access_as_user other.scope",
            "sub": "sub-1",
            "tid": TENANT,
            "ver": "2.0",
            **changes,
        }
    )


def v1_claims(*, now: float = NOW, **changes: Any) -> dict[str, Any]:
    """Claims of a v1 user token."""
    return user_claims(
        now=now,
        **{
            "aud": f"api://{CLIENT}",
            "iss": f"https://sts.windows.net/{TENANT}/",
            "azp": None,
            "appid": "cccccccc-0000-0000-0000-000000000001",
            "ver": "1.0",
            **changes,
        },
    )


def app_claims(*, now: float = NOW, **changes: Any) -> dict[str, Any]:
    """Claims of a v2 application token."""
    return user_claims(
        now=now,
        **{
            "scp": None,
            "roles": ["Things.Read.All"],
            "idtyp": "app",
            "sub": "00000000-0000-0000-0000-000000000001",
            **changes,
        },
    )
