"""base64url, JSON and ids exactly as they are to be written, for text that strangers wrote."""

from __future__ import annotations

import binascii
import json
import math
import re
from typing import NoReturn

MAX_DEPTH = 64
"""Deepest nesting that is read (security rule J6)."""

MAX_NUMBER = 64
"""Longest number literal that is read, characters (security rule J5)."""


GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A tenant or object id as Entra ID writes it: in lower case."""


class EncodingError(ValueError):
    """Text is not in the strict form; holds the rule's code, never the text."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


# The standard alphabet's own signs and padding become "!", which the strict decoder refuses.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", b"", b"==", b"=")
# With 2 or 3 signs in the last group, the bits that carry nothing must be zero.
_CANONICAL_END = (None, b"", b"AQgw", b"AEIMQUYcgkosw048")


def decode_base64url(text: str | bytes) -> bytes:
    """The bytes of unpadded, canonical base64url *text* (RFC 7515 section 2).

    Raises:
        EncodingError: B1, another sign, padding or an impossible length; B2, stray trailing bits.
    """
    try:
        signs = text if isinstance(text, bytes) else text.encode("ascii")
        rest = len(signs) & 3
        standard = signs.translate(_TO_STANDARD) + _PADDING[rest]
        data = binascii.a2b_base64(standard, strict_mode=True)
    except ValueError:
        raise EncodingError("B1", "a part is not base64url") from None
    end = _CANONICAL_END[rest]
    if end is not None and signs[-1] not in end:
        raise EncodingError("B2", "a part has stray bits at its end")
    return data


def encode_base64url(data: bytes) -> str:
    """*data* as unpadded base64url (RFC 7515 section 2)."""
    return binascii.b2a_base64(data, newline=False).translate(_FROM_STANDARD, b"=").decode()


def parse_object(data: bytes) -> dict[str, object]:
    """The one JSON object that *data* holds (RFC 8259).

    Raises:
        EncodingError: J1 not UTF-8, or text that UTF-8 cannot write; J2 not one object; J3 a
            repeated member; J4 NaN or Infinity; J5 a number too long or not finite; J6 too deep.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise EncodingError("J1", "the JSON is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise EncodingError("J1", "the JSON starts with a byte order mark")
    text = text.strip(" \t\n\r")
    _check_depth(text)
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        raise EncodingError("J2", "the text is not one JSON object") from None
    if not isinstance(value, dict) or end != len(text):
        raise EncodingError("J2", "the text is not one JSON object")
    if "\\u" in text:
        _check_surrogates(value)
    return value


_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def _check_depth(text: str) -> None:
    # Counting is enough nearly always; brackets inside strings only make it count too many.
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for match in _NESTING.finditer(text):
        sign = match.group()
        depth += (sign in "{[") - (sign in "}]")
        if depth > MAX_DEPTH:
            raise EncodingError("J6", "the JSON is nested too deeply")


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise EncodingError("J1", "the JSON holds half a surrogate pair") from None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise EncodingError("J3", "the JSON repeats a member")
    return members


def _integer(literal: str) -> int:
    if len(literal) > MAX_NUMBER:
        raise EncodingError("J5", "the JSON holds an overlong number")
    return int(literal)


def _fraction(literal: str) -> float:
    value = float(literal)
    if len(literal) > MAX_NUMBER or not math.isfinite(value):
        raise EncodingError("J5", "the JSON holds a number out of range")
    return value


def _constant(_: str) -> NoReturn:
    raise EncodingError("J4", "the JSON holds NaN or Infinity")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
