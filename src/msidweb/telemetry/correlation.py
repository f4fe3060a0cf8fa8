"""The id that ties a request's events and token requests together."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from contextvars import Context, ContextVar

_current: ContextVar[str | None] = ContextVar("msidweb_correlation_id", default=None)


def current_correlation_id() -> str | None:
    """The id of the request that this code runs in, or None."""
    return _current.get()


def correlation_id() -> str:
    """The id of the current request, or a new one for a call outside of any."""
    return _current.get() or str(uuid.uuid4())


def correlation_context() -> Context:
    """A context for work that is not the caller's own: the id of the request, and nothing else.

    No ambient user travels in it, nor any other context variable.
    """
    context = Context()
    current = _current.get()
    if current is not None:
        context.run(_current.set, current)
    return context


@contextlib.contextmanager
def correlation_scope(value: str | None = None) -> Iterator[str]:
    """Give everything inside the ``with`` block one id: *value*, or a new one."""
    chosen = value or str(uuid.uuid4())
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)
