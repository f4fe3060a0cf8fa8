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


def refused(answer: Answer, text: str, *, truncated: bool, now: float) -> DownstreamApiError:
    """The error for an answer whose status is no success; a redirect is none either."""
    status = answer.head.status_code
    return _error(
        answer,
        f"{answer.service!r} answered {status}",
        body=text,
        truncated=truncated,
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


def too_late(
    service: str, correlation_id: str | None, *, seconds: float | None = None
) -> DownstreamTimeoutError:
    """The error for an answer that did not come in time; *seconds* where that was the deadline."""
    within = "in time" if seconds is None else f"within {seconds:g} s"
    return DownstreamTimeoutError(
        f"{service!r} did not answer {within}", service_name=service, correlation_id=correlation_id
    )


def broken_off(
    service: str, correlation_id: str | None, error: httpx.HTTPError
) -> DownstreamConnectionError:
    """The error for a connection that could not be made, or was cut."""
    return DownstreamConnectionError(
        f"{service!r} could not be reached, or broke off ({type(error).__name__})",
        service_name=service,
        correlation_id=correlation_id,
    )
