"""WWW-Authenticate fields read and written, and errors turned into answers.

RFC 9110 section 11.6.1, RFC 6750 section 3; the ``claims`` parameter is Entra's.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msidweb.errors import (
    AuthenticationError,
    AuthorizationError,
    MissingTokenError,
    MsidwebError,
    UserChallengeError,
)

MAX_CLAIMS = 8192
"""Longest claims request that is taken from a challenge, in bytes (security rule 3.19)."""

MAX_CLAIMS_DEPTH = 32
"""Deepest nesting of a claims request; Entra's own go to four."""


MAX_FIELDS = 32 * 1024
"""Longest WWW-Authenticate fields that are looked at, together, in characters."""

MAX_CHALLENGES = 64
"""Challenges of an answer that are looked at; one is usual."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a WWW-Authenticate field; parameter names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 calls it so
_PARAMETER = re.compile(
    rf'[\s,]*({_TOKEN})\s*=\s*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s,"]+))\s*(?:,|$)'
)
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(\s+|,|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?:,|$)")


def parse_challenges(fields: Iterable[str]) -> list[Challenge]:
    """The challenges in WWW-Authenticate *fields*; what cannot be read is left out.

    There are none in fields longer than 32 KiB together, and no more than 64 in shorter ones: they
    are read on the event loop, and whoever answers writes them.
    """
    values = list(fields)
    if sum(map(len, values)) > MAX_FIELDS:
        return []
    found = (challenge for value in values for challenge in _challenges(value))
    return list(islice(found, MAX_CHALLENGES))


def _challenges(value: str) -> Iterator[Challenge]:
    position = 0
    while scheme := _SCHEME.match(value, position):
        position = scheme.end()
        if scheme.group(2).isspace() and (opaque := _TOKEN68.match(value, position)):
            position = opaque.end()
        parameters: dict[str, str] = {}
        while match := _PARAMETER.match(value, position):
            quoted, plain = match.group(2), match.group(3)
            text = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(match.group(1).lower(), text)
            position = match.end()
        yield Challenge(scheme.group(1).lower(), parameters)


def claims_challenge(fields: Iterable[str]) -> str | None:
    """The claims request of an ``insufficient_claims`` challenge as JSON text, else None.

    Takes base64 and base64url, padded or not, and raw JSON; anything that is not a JSON object of
    at most 8 KiB is ignored.
    """
    for challenge in parse_challenges(fields):
        wanted = challenge.parameters.get("error") == "insufficient_claims"
        if challenge.scheme == "bearer" and wanted and "claims" in challenge.parameters:
            claims = decode_claims(challenge.parameters["claims"])
            if claims is not None:
                return claims
    return None


def decode_claims(value: str) -> str | None:
    """A claims request from its base64, base64url or raw form; None when it is none."""
    if len(value) > MAX_CLAIMS * 2:
        return None
    text = value if value.lstrip().startswith("{") else _from_base64(value)
    return text if is_claims_request(text) else None


def is_claims_request(text: str) -> bool:
    """Whether *text* is a JSON object of at most 8 KiB and 32 levels.

    Its ``access_token`` is an object too: capabilities are merged into it.
    """
    try:
        request = json.loads(text) if len(text.encode()) <= MAX_CLAIMS else None
    except (ValueError, RecursionError):
        return False
    fits = isinstance(request, dict) and isinstance(request.get("access_token", {}), dict)
    return fits and _shallow(request, MAX_CLAIMS_DEPTH)


def _shallow(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_shallow(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_shallow(item, depth - 1) for item in value)
    return True


def _from_base64(value: str) -> str:
    compact = value.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True).decode()
    except ValueError:
        return ""


def encode_claims(claims: str) -> str:
    """A claims request as the base64 that clients expect in a challenge."""
    return base64.b64encode(claims.encode()).decode()


def bearer(**parameters: str) -> str:
    """A Bearer challenge; values are quoted and escaped, what no header may hold is dropped."""
    quoted = ", ".join(f'{name}="{_quotable(value)}"' for name, value in parameters.items())
    return f"Bearer {quoted}" if quoted else "Bearer"


def _quotable(value: str) -> str:
    visible = "".join(sign for sign in value if " " <= sign <= "~")
    return visible.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What an API answers to its caller when an error ends the request.

    Attributes:
        status: HTTP status.
        body: JSON object.
        headers: Header fields besides the content type.
        cause: The error that decided; for logs, never for the caller.
    """

    status: int
    body: Mapping[str, Any]
    cause: MsidwebError
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_for(error: BaseException, *, authorization_uri: str | None = None) -> ErrorAnswer | None:
    """The answer that fits *error*, or None when it is not one of ours.

    An exception group that holds nothing but user challenges becomes one challenge with all
    scopes, and the claims requests merged member by member, the first one winning. In a mixed
    group the gravest error decides; a foreign exception inside makes it not ours.
    """
    leaves = list(_leaves(error))
    if not all(isinstance(leaf, MsidwebError) for leaf in leaves):
        return None
    ours = [leaf for leaf in leaves if isinstance(leaf, MsidwebError)]
    challenges = [leaf for leaf in ours if isinstance(leaf, UserChallengeError)]
    if len(challenges) == len(ours):
        return _user_challenge(challenges, authorization_uri)
    return _answer(max(ours, key=_gravity), authorization_uri)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


_GRAVITY = {500: 7, 502: 6, 504: 5, 503: 4, 403: 3, 404: 2, 400: 1}


def _gravity(error: MsidwebError) -> int:
    return _GRAVITY.get(error.response_status, 0)


def _answer(error: MsidwebError, authorization_uri: str | None) -> ErrorAnswer:
    if isinstance(error, UserChallengeError):
        return _user_challenge([error], authorization_uri)
    if isinstance(error, MissingTokenError):
        body = {"error": "missing_token", "error_description": "An access token is required."}
        return ErrorAnswer(401, body, error, {"WWW-Authenticate": "Bearer"})
    if isinstance(error, AuthenticationError):
        status = error.response_status
        name = "invalid_token" if status == error.default_status else "invalid_request"
        body = {"error": name, "error_description": error.description}
        return ErrorAnswer(status, body, error, {"WWW-Authenticate": bearer(**body)})
    if isinstance(error, AuthorizationError):
        return _forbidden(error)
    status = error.response_status
    name, description = _COARSE.get(status, _COARSE[500])
    body = {"error": name, "error_description": description}
    return ErrorAnswer(status, body, error, _retry_after(error))


#: No cause of a 5xx goes out: whoever calls must not learn which credential or cache failed (3.25).
_COARSE = {
    404: ("not_found", "There is no such thing."),
    500: ("server_error", "The request could not be completed."),
    502: ("upstream_failed", "A service that this API depends on failed."),
    503: (
        "temporarily_unavailable",
        "A service that this API depends on is unavailable; try again later.",
    ),
    504: ("upstream_timeout", "A service that this API depends on did not answer in time."),
}


def _retry_after(error: MsidwebError) -> dict[str, str]:
    seconds = getattr(error, "retry_after", None)
    if seconds is None or not math.isfinite(seconds):
        return {}
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _forbidden(error: AuthorizationError) -> ErrorAnswer:
    parameters = {"error": "insufficient_scope"}
    if error.missing_scopes:
        parameters["scope"] = " ".join(error.missing_scopes)
    body: dict[str, Any] = {
        "error": "insufficient_scope",
        "error_description": "The access token lacks a required permission.",
        "scopes": list(error.missing_scopes),
        "roles": list(error.missing_roles),
    }
    return ErrorAnswer(403, body, error, {"WWW-Authenticate": bearer(**parameters)})


def _user_challenge(
    errors: Sequence[UserChallengeError], authorization_uri: str | None
) -> ErrorAnswer:
    scopes = list(dict.fromkeys(scope for error in errors for scope in error.scopes))
    claims = _merged_claims(error.claims for error in errors)
    consent = all(error.challenge == "consent_required" for error in errors)
    body: dict[str, Any] = {
        "error": "consent_required" if consent else "interaction_required",
        "error_description": (
            "Additional user consent required" if consent else "The user must sign in again"
        ),
        "scopes": scopes,
        "claims": claims,
    }
    parameters = {"error": "insufficient_claims" if claims else body["error"]}
    if claims:
        parameters["claims"] = encode_claims(claims)
    if scopes:
        parameters["scope"] = " ".join(scopes)
    if authorization_uri:
        parameters["authorization_uri"] = authorization_uri
    return ErrorAnswer(401, body, errors[0], {"WWW-Authenticate": bearer(**parameters)})


def _merged_claims(requests: Iterable[str | None]) -> str | None:
    parsed = [claims for text in requests if text and (claims := decode_claims(text))]
    merged: dict[str, Any] = {}
    for claims in parsed:
        _fill(merged, json.loads(claims))
    text = json.dumps(merged, separators=(",", ":")) if merged else None
    return text if text is None or len(text) <= MAX_CLAIMS else parsed[0]


def _fill(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _fill(into[name], value)
        else:
            into.setdefault(name, value)
