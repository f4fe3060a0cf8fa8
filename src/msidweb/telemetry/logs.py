"""Events as lines of standard logging, written through structlog."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

from .events import Event
from .redaction import redact_processor


class LogHook:
    """Writes events to ``msidweb.<layer>`` loggers.

    The application decides what is seen: with nothing configured, nothing below WARNING is. The
    event's fields travel as ``extra`` with the prefix ``msidweb_`` and, where the application's
    formatter knows nothing of them, in the message as ``key=value``.

    Args:
        pii: Show tenant and object ids; no event has a name. Tokens and secrets stay hidden.
    """

    def __init__(self, *, pii: bool = False) -> None:
        self._pii = pii

    def __call__(self, event: Event) -> None:
        """Write *event*, if its logger is on."""
        if event.logger.isEnabledFor(event.level):
            _structured(event.logger).log(event.level, event.name, **self._fields(event))

    def _fields(self, event: Event) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for spec in dataclasses.fields(event):
            value = getattr(event, spec.name)
            if value is None or (spec.metadata.get("personal") and not self._pii):
                continue
            shown[spec.name] = value
        return shown


@functools.cache
def _structured(logger: logging.Logger) -> Any:
    return structlog.wrap_logger(
        logger,
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[redact_processor, _as_record],
    )


def _as_record(
    _: Any, __: str, fields: MutableMapping[str, Any]
) -> tuple[tuple[str], dict[str, Any]]:
    name = fields.pop("event")
    line = " ".join([name, *(f"{key}={_text(value)}" for key, value in fields.items())])
    extra = {f"msidweb_{key}": value for key, value in fields.items()}
    return (line,), {"extra": {"msidweb_event": name, **extra}}


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
