"""Answers that are errors, and answers that never came, as typed errors.

Messages name the API and the status. The body is an attribute; what a URL holds is nowhere.
"""

from __future__ import annotations

from typing import Any

import httpx

from msidweb.errors import (
    DownstreamApiError,
    DownstreamConnectionError,
    DownstreamTimeoutError,
)
from msidweb.http import retry_after_seconds

from .answers import Answer

MAX_TEXT = 4096
"""Characters of a body that an error keeps."""

_RETRYABLE = frozenset({408, 429, 502, 503, 504})


NOT_AS_CODED = "that its content coding does not fit"


def refused(
    answer: Answer, *, now: float, challenge_unanswered: bool = False
) -> DownstreamApiError:
    """The error for an answer whose status is no success; a redirect is none either.

    With *challenge_unanswered* it says that the body could not be sent again.
    """
    status = answer.head.status_code
    message = f"{answer.service!r} answered {status}"
    if challenge_unanswered:
        message += (
            " with a claims challenge, which was not answered: the body cannot be sent twice; "
            "give content= a function that makes it, or a file that can seek"
        )
    return _error(
        answer,
        message,
        code="body_not_repeatable" if challenge_unanswered else None,
        body=answer.refusal,
        truncated=answer.truncated,
        retry_after=retry_after_seconds(answer.head.headers.get("retry-after"), now=now),
        retryable=status in _RETRYABLE,
    )


def unreadable(answer: Answer, reason: str) -> DownstreamApiError:
    """The error for a body that cannot be read; *reason* must not quote it."""
    message = f"{answer.service!r} answered {answer.head.status_code} with a body {reason}"
    text = answer.excerpt(MAX_TEXT + 1)
    return _error(
        answer,
        message,
        code="unreadable_answer",
        body=text[:MAX_TEXT],
        truncated=len(text) > MAX_TEXT,
    )


def too_large(answer: Answer, limit: int) -> DownstreamApiError:
    """The error for a body that is longer than anything that is read."""
    message = f"{answer.service!r} answered with more than {limit} bytes"
    return _error(answer, message, code="answer_too_large", truncated=True)


def _error(answer: Answer, message: str, **details: Any) -> DownstreamApiError:
    return DownstreamApiError(
        message,
        service_name=answer.service,
        status_code=answer.head.status_code,
        reason=answer.head.reason_phrase or None,
        headers=dict(answer.head.headers),
        correlation_id=answer.correlation_id,
        **details,
    )


TRANSPORT = (httpx.HTTPError, TimeoutError)
"""What a transport raises."""


def of_transport(
    error: Exception, service: str, correlation_id: str | None
) -> DownstreamTimeoutError | DownstreamConnectionError:
    """The error for what a transport raised."""
    if isinstance(error, httpx.PoolTimeout):
        return no_connection(service, correlation_id)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return too_late(service, correlation_id)
    return broken_off(service, correlation_id, error)


def no_connection(service: str, correlation_id: str | None) -> DownstreamTimeoutError:
    """The error for a request that waited in vain for one of its client's connections."""
    return DownstreamTimeoutError(
        f"{service!r} was not asked: no connection became free in time",
        service_name=service,
        code="no_free_connection",
        correlation_id=correlation_id,
    )


def too_late(
    service: str, correlation_id: str | None, *, seconds: float | None = None
) -> DownstreamTimeoutError:
    """The error for an answer that did not come in time; *seconds* where that was the deadline."""
    within = "in time" if seconds is None else f"within {seconds:g} s"
    return DownstreamTimeoutError(
        f"{service!r} did not answer {within}", service_name=service, correlation_id=correlation_id
    )


def broken_off(
    service: str, correlation_id: str | None, error: Exception
) -> DownstreamConnectionError:
    """The error for a connection that could not be made, or was cut."""
    return DownstreamConnectionError(
        f"{service!r} could not be reached, or broke off ({type(error).__name__})",
        service_name=service,
        correlation_id=correlation_id,
    )
