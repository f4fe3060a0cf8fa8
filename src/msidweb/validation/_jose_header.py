"""What a token's header may say (RFC 7515 section 4, RFC 8725)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msidweb.errors import InvalidSignatureError, MalformedTokenError

ALGORITHM = "RS256"
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_MAX_KID = 256


@dataclass(frozen=True, slots=True)
class JoseHeader:
    """The part of a header that matters.

    Attributes:
        kid: Id of the key that is said to have signed.
        has_nonce: Whether there is a ``nonce``, the mark of tokens for Microsoft Graph.
    """

    kid: str
    has_nonce: bool


def check_header(header: Mapping[str, object]) -> JoseHeader:
    """The header, if every rule allows it. ``jwk``, ``jku``, ``x5u`` and ``x5c`` are not looked at.

    Raises:
        InvalidSignatureError: H1, another algorithm than RS256.
        MalformedTokenError: H2-H5.
    """
    if header.get("alg") != ALGORITHM:
        raise InvalidSignatureError("The token is not signed with RS256.", rule="H1")
    for name in ("crit", "b64", "zip", "enc"):
        if name in header:
            raise MalformedTokenError(f"The header has the member {name}.", rule="H2")
    if "cty" in header:
        raise MalformedTokenError("The header has the member cty.", rule="H3")
    kind = header.get("typ", "JWT")
    if not (isinstance(kind, str) and kind.lower() in _TYPES):
        raise MalformedTokenError("The header's typ names no access token.", rule="H4")
    kid = header.get("kid")
    if not (isinstance(kid, str) and 0 < len(kid) <= _MAX_KID):
        raise MalformedTokenError("The header names no key.", rule="H5")
    return JoseHeader(kid, "nonce" in header)
