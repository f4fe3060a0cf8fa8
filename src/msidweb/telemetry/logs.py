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

# Without a handler of ours, logging's last resort would write warnings to stderr where the
# application configured nothing.
logging.getLogger("msidweb").addHandler(logging.NullHandler())


def write_line(event: Event) -> None:
    """Write *event* to its ``msidweb.<layer>`` logger, if that is on.

    The application decides what is seen: with nothing configured, nothing is. The event's fields
    travel as ``extra`` with the prefix ``msidweb_`` and, where the application's formatter knows
    nothing of them, in the message as ``key=value``. Tokens and secrets are hidden.
    """
    if event.logger.isEnabledFor(event.level):
        _structured(event.logger).log(event.level, event.name, **_fields(event))


def _fields(event: Event) -> dict[str, Any]:
    values = ((spec.name, getattr(event, spec.name)) for spec in dataclasses.fields(event))
    return {name: value for name, value in values if value is not None}


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
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    # A line break in a name or an answer must not begin a line of the log.
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
