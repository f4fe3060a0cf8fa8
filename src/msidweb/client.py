"""For programs that call an API of msidweb: its challenge to the user, raised as one error.

    response = await http.get("https://orders.example.com/data", headers=headers)
    raise_for_challenge(response)

What is read is what strangers wrote: nothing else is ever raised because of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msidweb.challenge import MAX_FIELDS, decode_claims, parse_challenges
from msidweb.encoding import EncodingError, parse_object
from msidweb.errors import ConsentRequiredError
from msidweb.kinds import check_kind, wrong_kind

__all__ = ["ConsentRequiredError", "Fields", "Response", "find_challenge", "raise_for_challenge"]

MAX_BODY = 64 * 1024
"""Longest body that is looked at, in bytes."""

MAX_DESCRIPTION = 256
"""Longest description that is kept, in characters."""


class Fields(Protocol):
    """Header fields of an answer: a mapping, or whatever else lists them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names in any case, each with a value; a name may come more than once."""


class Response(Protocol):
    """An answer of httpx, requests, Django's or Starlette's test client, and their like."""

    @property
    def status_code(self) -> int | None:
        """HTTP status; None where there was no answer."""

    @property
    def headers(self) -> Fields:
        """Header fields."""


def raise_for_challenge(response: Response) -> None:
    """Raise when the API asks for the user; return after any other answer, whatever its status.

    The body is taken from ``content``, ``text`` or ``body``. One that was not read yet, as of a
    stream, is done without where reading it would have to be awaited, and, as of requests'
    ``stream=True``, unless its Content-Length says that it is at most 64 KiB: the header says it
    all but the description.

    Args:
        response: The answer; also a ``DownstreamApiError``. For clients whose answers are built
            otherwise, such as aiohttp's, there is :func:`find_challenge`.

    Raises:
        ConsentRequiredError: The user must consent or sign in again.
        InvalidCallError: *response* has no ``status_code`` and ``headers``.
    """
    if not (hasattr(response, "status_code") and hasattr(response, "headers")):
        raise wrong_kind("response", response, "a response with status_code and headers")
    status_code = response.status_code
    if status_code in _CHALLENGING:
        error = find_challenge(status_code, response.headers, _body_of(response))
        if error is not None:
            raise error


def find_challenge(
    status_code: int, headers: Fields, body: bytes | str = b""
) -> ConsentRequiredError | None:
    """The challenge in an answer's parts, or None; either of header and body suffices.

    Args:
        status_code: HTTP status; 401, or .NET's 403.
        headers: Header fields.
        body: The answer's body.

    Raises:
        InvalidCallError: *headers* has no ``items()``, or *body* is neither bytes nor text.
    """
    if not callable(getattr(headers, "items", None)):
        raise wrong_kind("headers", headers, "header fields")
    check_kind("body", body, bytes, str)
    if status_code not in _CHALLENGING:
        return None
    told, said = _in_fields(_authenticate_fields(headers)), _in_body(body)
    error = said.error or told.error
    if not error:
        return None
    return ConsentRequiredError(
        said.description or told.description or _DESCRIPTION,
        scopes=said.scopes or told.scopes,
        claims=told.claims or said.claims,
        code=_CONSENT if error == _CONSENT else _INTERACTION,
    )


_CHALLENGING = (401, 403)
_CONSENT, _INTERACTION = "consent_required", "interaction_required"
_INSUFFICIENT = "insufficient_claims"
_DESCRIPTION = "The user must consent or sign in again."
#: RFC 6749 section 3.3.
_SCOPE = re.compile(r"[!#-\[\]-~]+")
_LENGTH = re.compile(r"[0-9]{1,9}")
#: ReplyForbiddenWithWwwAuthenticateHeader of .NET, which escapes nothing.
_OF_DOTNET = re.compile(
    r'Bearer consentUri="[^"]*", claims="(.*)", scopes="([^"]*)", proposedAction="consent"'
)


@dataclass(frozen=True, slots=True)
class _Asked:
    error: str
    description: str = ""
    scopes: Sequence[str] = ()
    claims: str | None = None

    @property
    def is_challenge(self) -> bool:
        # Without the claims that it wants, a sign-in would lead to the same answer.
        return self.error in {_CONSENT, _INTERACTION} or (
            self.error == _INSUFFICIENT and self.claims is not None
        )


_NOTHING = _Asked("")


def _authenticate_fields(headers: Fields) -> list[str]:
    fields = [
        value
        for name, value in headers.items()
        if isinstance(name, str) and name.lower() == "www-authenticate" and isinstance(value, str)
    ]
    return fields if sum(map(len, fields)) <= MAX_FIELDS else []


def _in_fields(fields: Iterable[str]) -> _Asked:
    for field in fields:
        forbidden = _OF_DOTNET.match(field)
        if forbidden:
            claims, scopes = decode_claims(forbidden[1]), _scopes(forbidden[2].split(","))
            return _Asked(_INTERACTION if claims else _CONSENT, scopes=scopes, claims=claims)
        for challenge in parse_challenges([field]):
            if challenge.scheme != "bearer":
                continue
            parameters = challenge.parameters
            asked = _Asked(
                parameters.get("error", ""),
                _printable(parameters.get("error_description")),
                _scopes(parameters.get("scope", "").split()),
                decode_claims(parameters.get("claims", "")),
            )
            if asked.is_challenge:
                return asked
    return _NOTHING


def _in_body(body: bytes | str) -> _Asked:
    data = body.encode(errors="replace") if isinstance(body, str) else body
    if len(data) > MAX_BODY:
        return _NOTHING
    try:
        document: Mapping[str, object] = parse_object(data)
    except EncodingError:
        return _NOTHING
    # FastAPI puts what an endpoint raises with HTTPException under "detail".
    inner = document.get("detail")
    members = inner if isinstance(inner, dict) else document
    claims, scopes = members.get("claims"), members.get("scopes")
    asked = _Asked(
        str(members.get("error")),
        _printable(members.get("error_description")),
        _scopes(scopes.split() if isinstance(scopes, str) else scopes),
        decode_claims(json.dumps(claims) if isinstance(claims, dict) else str(claims or "")),
    )
    return asked if asked.is_challenge else _NOTHING


def _scopes(values: object) -> tuple[str, ...]:
    texts = (
        [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    )
    return tuple(dict.fromkeys(text for text in texts if _SCOPE.fullmatch(text)))


def _printable(text: object) -> str:
    signs = text if isinstance(text, str) else ""
    return "".join(sign for sign in signs if sign.isprintable())[:MAX_DESCRIPTION]


def _body_of(response: Response) -> bytes | str:
    # requests reads as it is asked, to an end that may never come; what others hold is read.
    if getattr(response, "_content_consumed", True) is False and not _is_short(response.headers):
        return b""
    for name in ("content", "text", "body"):
        try:
            body = getattr(response, name, None)
        except Exception:  # noqa: BLE001 - of a foreign client: not read, closed, broken off
            return b""
        if isinstance(body, bytes | str):
            return body
    return b""


def _is_short(headers: Fields) -> bool:
    fields = {str(name).lower(): value for name, value in headers.items()}
    length = str(fields.get("content-length", ""))
    # Both make more of a body than its length says.
    unframed = fields.keys().isdisjoint(("transfer-encoding", "content-encoding"))
    return unframed and bool(_LENGTH.fullmatch(length)) and int(length) <= MAX_BODY
