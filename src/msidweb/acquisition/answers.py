"""Entra's answer, read strictly: a grant or a refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from msidweb.challenge import decode_claims
from msidweb.encoding import EncodingError, decode_base64url, parse_object
from msidweb.errors import CredentialAttempt, TokenAcquisitionError
from msidweb.http import retry_after_seconds
from msidweb.http.forms import FormAnswer

LONGEST_WAIT = 3600.0
"""Longest Retry-After that is honored, seconds, as in .NET."""

LONGEST_LIFE = 10 * 365 * 86_400
"""Longest life that is believed, seconds; MSAL.NET ignores longer-lived tokens as well."""

_OK = 200
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_AADSTS = re.compile(r"AADSTS(\d{3,10})\b")


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it came.

    Attributes:
        access_token: The token; hidden in ``repr``.
        expires_in: Its life, seconds.
        refresh_in: After how many seconds a new one should be fetched, or None.
        scopes: What was granted, or empty when the answer does not say.
        home_account_id: ``{uid}.{utid}``, or None.
        subject: Object id and tenant of the user that the answer's id token names, or None.
    """

    access_token: str = field(repr=False)
    expires_in: int
    refresh_in: int | None
    scopes: tuple[str, ...]
    home_account_id: str | None = field(repr=False)
    subject: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no token. Entra's own text may hold names and is not kept (rule 3.12).

    Attributes:
        status: HTTP status.
        error: OAuth 2.0 ``error``, or None.
        suberror: Entra's ``suberror``, or None.
        aadsts: Number of the AADSTS code, or None.
        claims: Claims request to satisfy, as JSON, or None.
        retry_after: Seconds to wait, or None.
        trace_id: Entra's trace id, or None.
        correlation_id: Id of the request as Entra names it, or None.
        attempts: What became of each client credential, where this is about the last of them.
    """

    status: int
    error: str | None = None
    suberror: str | None = None
    aadsts: int | None = None
    claims: str | None = field(default=None, repr=False)
    retry_after: float | None = None
    trace_id: str | None = None
    correlation_id: str | None = None
    attempts: tuple[CredentialAttempt, ...] = ()


def read_answer(answer: FormAnswer, *, now: float) -> Grant | Refusal:
    """What *answer* says.

    Raises:
        TokenAcquisitionError: ``answer_unreadable``: status 200 with anything but a bearer token;
            the body is in no message.
    """
    members = _object(answer.body)
    if answer.status == _OK:
        return _grant(members)
    return _refusal(answer, members or {}, now)


def _object(body: bytes) -> dict[str, object] | None:
    try:
        return parse_object(body)
    except EncodingError:
        return None


def _grant(members: dict[str, object] | None) -> Grant:
    if members is None:
        raise _unreadable("no JSON object")
    token = members.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _unreadable("no access_token")
    kind = members.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _unreadable("no token_type Bearer")
    life = _seconds(members.get("expires_in"))
    if life is None or not 0 < life <= LONGEST_LIFE:
        raise _unreadable("no usable expires_in")
    refresh_in = _seconds(members.get("refresh_in"))
    if refresh_in is not None and not 0 < refresh_in < life:
        refresh_in = None
    scope = members.get("scope")
    scopes = tuple(scope.split()) if isinstance(scope, str) else ()
    subject = _subject(members.get("id_token"))
    account = _home_account(members.get("client_info"), subject)
    return Grant(token, life, refresh_in, scopes, account, subject)


def _seconds(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _subject(id_token: object) -> tuple[str, str] | None:
    parts = id_token.split(".") if isinstance(id_token, str) else []
    claims = _encoded_object(parts[1] if len(parts) > 1 else None)
    oid, tid = claims.get("oid"), claims.get("tid")
    return (oid, tid) if isinstance(oid, str) and isinstance(tid, str) else None


def _home_account(client_info: object, subject: tuple[str, str] | None) -> str | None:
    info = _encoded_object(client_info)
    uid, utid = info.get("uid"), info.get("utid")
    if isinstance(uid, str) and isinstance(utid, str):
        return f"{uid}.{utid}"
    return None if subject is None else ".".join(subject)


def _encoded_object(value: object) -> dict[str, object]:
    if not isinstance(value, str):
        return {}
    try:
        return parse_object(decode_base64url(value))
    except EncodingError:
        return {}


def _refusal(answer: FormAnswer, members: dict[str, object], now: float) -> Refusal:
    claims = members.get("claims")
    wait = retry_after_seconds(answer.headers.get("retry-after"), now=now)
    return Refusal(
        status=answer.status,
        error=_name(members.get("error")),
        suberror=_name(members.get("suberror")),
        aadsts=_aadsts(members),
        claims=decode_claims(claims) if isinstance(claims, str) and claims else None,
        retry_after=None if wait is None else min(wait, LONGEST_WAIT),
        trace_id=_name(members.get("trace_id")),
        correlation_id=_name(members.get("correlation_id")),
    )


def _name(value: object) -> str | None:
    """*value* where it is a bare name or id; free text could hold anything."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _aadsts(members: dict[str, object]) -> int | None:
    codes = members.get("error_codes")
    first = _seconds(codes[0]) if isinstance(codes, list) and codes else None
    if first is not None:
        return first
    text = members.get("error_description")
    match = _AADSTS.search(text) if isinstance(text, str) else None
    return int(match.group(1)) if match else None


def _unreadable(what: str) -> TokenAcquisitionError:
    return TokenAcquisitionError(
        f"The answer of Entra ID holds {what}.",
        code="answer_unreadable",
        retryable=True,
        http_status=_OK,
    )
