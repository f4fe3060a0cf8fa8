"""The three parts of a signed token in compact form (RFC 7515 section 7.1)."""

from __future__ import annotations

from typing import NamedTuple

from msidweb.encoding import EncodingError, decode_base64url, parse_object
from msidweb.errors import MalformedTokenError

_SIGNED = 3
_ENCRYPTED = 5
_FOREIGN = (b" ", b"\t", b",", b'"')
"""Signs that end the token of an Authorization field."""

_LONGEST_HEADER = 4_096
"""Signs; whoever has no key must not have more JSON than this read."""


class CompactToken(NamedTuple):
    """A token taken apart; nothing in it is trusted yet.

    A tuple, because a frozen dataclass costs a tenth of a signature check.

    Attributes:
        header: The header's text, still encoded.
        signed: What the signature covers.
        payload: The claims' bytes.
        signature: The signature's bytes.
    """

    header: bytes
    signed: bytes
    payload: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "CompactToken(…)"


def take_apart(token: bytes) -> CompactToken:
    """What the three parts of *token* hold.

    Raises:
        MalformedTokenError: T2, not three parts, or a sign that ends a field's token; B1, B2, a
            part is not strict base64url.
    """
    parts = token.split(b".", _ENCRYPTED)
    if len(parts) == _ENCRYPTED:
        raise MalformedTokenError(
            "The token is encrypted; this version does not decrypt tokens.", rule="T2"
        )
    if len(parts) != _SIGNED:
        raise MalformedTokenError("The token has not three parts.", rule="T2")
    header, payload, signature = parts
    signed = token[: -len(signature) - 1]
    try:
        return CompactToken(header, signed, decode_base64url(payload), decode_base64url(signature))
    except EncodingError as error:
        raise _malformed(error, token) from None


def read_header(text: bytes) -> dict[str, object]:
    """The members of an encoded header.

    Raises:
        MalformedTokenError: T3, far longer than any that Entra writes; T2, B1, B2, J1-J6.
    """
    if len(text) > _LONGEST_HEADER:
        raise MalformedTokenError("The token's header is too long.", rule="T3")
    try:
        return parse_object(decode_base64url(text))
    except EncodingError as error:
        raise _malformed(error, text) from None


def read_claims(payload: bytes) -> dict[str, object]:
    """The claims of a token whose signature holds.

    Raises:
        MalformedTokenError: J1-J6.
    """
    try:
        return parse_object(payload)
    except EncodingError as error:
        raise _malformed(error) from None


def _malformed(error: EncodingError, text: bytes = b"") -> MalformedTokenError:
    if any(sign in text for sign in _FOREIGN):
        return MalformedTokenError("The token holds a sign that ends a field's token.", rule="T2")
    return MalformedTokenError(f"The token is malformed: {error.message}.", rule=error.rule)
