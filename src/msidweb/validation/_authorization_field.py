"""From the Authorization fields of a request to the one token in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from msidweb.errors import InvalidCallError, MalformedTokenError, MissingTokenError, MsidwebError
from msidweb.kinds import check_kind, wrong_kind

_TOKEN_SIGN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]")
_MAX_PARAMETERS = 1_000
_ROOM = 1_024
"""Signs beside the token; to go through a field of megabytes takes milliseconds."""
# Each sign as it is or escaped: to undo the escapes of a long query takes milliseconds.
_SECOND = re.compile(
    "".join(rf"(?:{sign}|(?i:%{ord(sign):02x}))" for sign in "access_token") + r"(?:=|\Z)"
)


def token_in(fields: Sequence[bytes | str], query_string: bytes | str, *, longest: int) -> bytes:
    """The one token of a request with these Authorization *fields*; its own form is not judged.

    Nothing else of the request can hold a token (T4): not its query, form, cookies or forwarded
    fields.

    Raises:
        MissingTokenError: T0, there is no bearer token.
        MalformedTokenError: T1, more than one field; T2, the field's form; T3, too long; T5, the
            query holds a token too.
        InvalidCallError: The arguments are of another kind than a request's.
    """
    try:
        if len(fields) > 1:
            raise _not_one(fields)
        field = fields[0] if fields else b""
        if len(field) > longest + _ROOM:
            raise MalformedTokenError("The Authorization field is too long.", rule="T3")
        value = field if isinstance(field, bytes) else field.encode("latin-1", "replace")
        value = value.strip(b" ")
        if value[:7].lower() != b"bearer ":
            _refuse_scheme(value.partition(b" ")[0].lower())
        if query_string:
            refuse_second_token(query_string)
    except (AttributeError, TypeError) as error:
        raise InvalidCallError(
            "The Authorization fields are no list of texts or bytes.", code="invalid_argument"
        ) from error
    return value[7:].lstrip(b" ")


def _not_one(fields: Sequence[bytes | str]) -> MsidwebError:
    if isinstance(fields, str | bytes):
        return wrong_kind("fields", fields, "a list of them")
    return MalformedTokenError("The request has several Authorization fields.", rule="T1")


def _refuse_scheme(scheme: bytes) -> NoReturn:
    rest = scheme.removeprefix(b"bearer")
    if rest in (scheme, b"") or _TOKEN_SIGN.match(rest):
        raise MissingTokenError("The request carries no bearer token.", rule="T0")
    raise MalformedTokenError("The Authorization field is malformed.", rule="T2")


def refuse_second_token(query_string: bytes | str) -> None:
    """Refuse a request that carries a token in its field and in its query (RFC 6750 section 2).

    Raises:
        MalformedTokenError: T5; the answer is 400.
        InvalidCallError: *query_string* is neither text nor bytes.
    """
    check_kind("query_string", query_string, bytes, str)
    query = query_string.decode("latin-1") if isinstance(query_string, bytes) else query_string
    if "access" not in query and "%" not in query:
        return
    if query.count("&") >= _MAX_PARAMETERS:
        raise MalformedTokenError("The request's query has too many members.", rule="T5")
    if any(map(_SECOND.match, query.split("&"))):
        raise MalformedTokenError("The request carries a second token in its query.", rule="T5")
