"""Tokens that are wrong in one way, and otherwise as Entra ID makes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Literal

import jwt

from msidweb.encoding import decode_base64url, encode_base64url

from .keys import KeyRing, SigningKey
from .tokens import Claims, TokenFactory, moment

Flaw = Literal[
    "signature", "key", "unsigned", "no_kid", "unknown_kid", "issuer", "expired", "early"
]

_DAY = 86_400
_TIMES = ("iat", "nbf", "exp")


class Forger:
    """Spoils tokens.

    ``signature`` changes a bit of it; ``key`` signs with a key that nobody published, under the
    name of one that is; ``unsigned`` says ``alg: none``; ``no_kid`` and ``unknown_kid`` name no
    key; ``issuer`` is of another host; ``expired`` and ``early`` are a day off. The latter three
    carry a good signature.
    """

    def __init__(self, factory: TokenFactory, keys: KeyRing) -> None:
        self._factory = factory
        self._keys = keys

    def spoil(self, token: str, flaw: Flaw) -> str:
        """The same token with a flaw."""
        header = jwt.get_unverified_header(token)
        claims: Claims = jwt.decode(token, options={"verify_signature": False})
        return self._ways[flaw](token, header, claims)

    @property
    def _ways(self) -> Mapping[Flaw, Callable[[str, Claims, Claims], str]]:
        key = self._keys.signing
        return {
            "signature": lambda token, _, __: _with_another_signature(token),
            "key": lambda _, header, claims: _signed(_strange_key(), header, claims),
            "unsigned": lambda _, header, claims: jwt.encode(
                claims, "", "none", headers=_without(header, "alg")
            ),
            "no_kid": lambda _, header, claims: _signed(key, _without(header, "kid"), claims),
            "unknown_kid": lambda _, header, claims: _signed(
                key, header | {"kid": "unknown"}, claims
            ),
            "issuer": lambda _, header, claims: self._again(
                header, claims | {"iss": f"https://login.impostor.example/{claims['tid']}/v2.0"}
            ),
            "expired": lambda _, header, claims: self._again(header, _moved(claims, -_DAY)),
            "early": lambda _, header, claims: self._again(header, _moved(claims, _DAY)),
        }

    def _again(self, header: Claims, claims: Claims) -> str:
        return self._factory.sign(claims, _without(header, "alg"))


def _signed(key: SigningKey, header: Claims, claims: Claims) -> str:
    return jwt.encode(claims, key.private, "RS256", headers=_without(header, "alg"))


def _moved(claims: Claims, seconds: int) -> Claims:
    return claims | {name: int(moment(claims, name)) + seconds for name in _TIMES}


def _without(header: Claims, name: str) -> Claims:
    return {key: value for key, value in header.items() if key != name}


def _with_another_signature(token: str) -> str:
    signed, _, encoded = token.rpartition(".")
    signature = bytearray(decode_base64url(encoded))
    signature[0] ^= 1
    return f"{signed}.{encode_base64url(bytes(signature))}"


@functools.cache
def _strange_key() -> SigningKey:
    return SigningKey.generate(common_name="stranger")
