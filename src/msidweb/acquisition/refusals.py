"""From a refusal to the error that says who must act."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from msidweb.errors import (
    AssertionRejectedError,
    CredentialAttempt,
    CredentialError,
    ThrottledError,
    TokenAcquisitionError,
    UserChallengeError,
)

from .aadsts import CAUSES, Kind
from .answers import Refusal

_NOT_FOR_THE_USER = frozenset({"client_mismatch", "protection_policy_required"})
_SETUP_ERRORS = frozenset(
    {"unauthorized_client", "invalid_resource", "invalid_scope", "invalid_request"}
)
_OVERLOADED = "Entra ID asks to wait"


def is_overload(status: int) -> bool:
    """Whether *status* reports overload or failure of the service: 429 or 5xx."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def error_for(
    refusal: Refusal, *, for_user: bool, scopes: Sequence[str], correlation_id: str | None
) -> TokenAcquisitionError:
    """The error for *refusal*; only a call for a user can end in a challenge.

    The order is: state of the service, loops and assertions by their code, what the user must do
    by ``error`` and ``suberror``, then credentials and setup.
    """
    cause = CAUSES.get(refusal.aadsts) if refusal.aadsts is not None else None
    kind = cause.kind if cause else None
    details: dict[str, Any] = {
        "aadsts": refusal.aadsts,
        "error": refusal.error,
        "suberror": refusal.suberror,
        "claims": refusal.claims,
        "retry_after": refusal.retry_after,
        "http_status": refusal.status,
        "trace_id": refusal.trace_id,
        "correlation_id": refusal.correlation_id or correlation_id,
        "remedy": cause.remedy if cause else None,
    }
    if is_overload(refusal.status):
        return _of_the_service(refusal, details)
    message = explained(refusal)
    if kind is Kind.ASSERTION and for_user:
        return AssertionRejectedError(message, **details)
    if for_user and kind is not Kind.LOOP and _user_must_act(refusal):
        return UserChallengeError(message, scopes=scopes, **details)
    if kind is Kind.CREDENTIAL or (kind is None and refusal.error == "invalid_client"):
        tried = _tried(refusal.attempts)
        return CredentialError(message + tried, attempts=refusal.attempts, **details)
    return _of_the_request(message, refusal, kind, details)


def _user_must_act(refusal: Refusal) -> bool:
    if refusal.error == "invalid_grant":
        return refusal.suberror not in _NOT_FOR_THE_USER
    return refusal.error == "interaction_required"


def _of_the_service(refusal: Refusal, details: dict[str, Any]) -> TokenAcquisitionError:
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS or refusal.retry_after:
        return ThrottledError(f"{_OVERLOADED} (status {refusal.status}).", **details)
    return TokenAcquisitionError(
        f"Entra ID failed (status {refusal.status}).",
        code="service_unavailable",
        retryable=True,
        **details,
    )


def _of_the_request(
    message: str, refusal: Refusal, kind: Kind | None, details: dict[str, Any]
) -> TokenAcquisitionError:
    if kind is Kind.LOOP:
        return TokenAcquisitionError(message, code="request_loop", **details)
    setup = kind is not Kind.TRANSIENT and refusal.error in _SETUP_ERRORS
    if kind is Kind.SETUP or setup:
        return TokenAcquisitionError(message, code="setup_refused", **details)
    transient = (
        kind is Kind.TRANSIENT
        or refusal.error == "temporarily_unavailable"
        or refusal.status == HTTPStatus.REQUEST_TIMEOUT
    )
    return TokenAcquisitionError(message, retryable=transient, **details)


def explained(refusal: Refusal) -> str:
    """What *refusal* says, in our words."""
    cause = CAUSES.get(refusal.aadsts) if refusal.aadsts is not None else None
    number = f"AADSTS{refusal.aadsts}" if refusal.aadsts is not None else None
    named = number or refusal.error or f"status {refusal.status}"
    if cause is None:
        return f"Entra ID refused the request ({named})."
    return f"{named}: {cause.meaning}."


def _tried(attempts: Sequence[CredentialAttempt]) -> str:
    if len(attempts) <= 1:
        return ""
    each = (f"{attempt.source}: {attempt.reason.rstrip('.')}" for attempt in attempts)
    return f" Tried: {'; '.join(each)}."
