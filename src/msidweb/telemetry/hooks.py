"""Where events go: to standard logging, and to the hooks given to the builder."""

from __future__ import annotations

import dataclasses
import functools
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import TypeAlias

from .correlation import current_correlation_id
from .events import CallerEvent, Event
from .logs import write_line

Hook: TypeAlias = Callable[[Event], None]


class Telemetry:
    """Hands each event to standard logging and to every hook.

    A hook that raises is logged once a call and never disturbs the work it hears of.

    Args:
        hooks: Who hears besides standard logging.
        pii: Tell tenant ids, object ids and user names; without it nobody hears them.
        correlation_id: Id of what no request causes; a new one where it is not given.
    """

    def __init__(
        self, hooks: Sequence[Hook] = (), *, pii: bool = False, correlation_id: str | None = None
    ) -> None:
        self._hooks = tuple(hooks)
        self._pii = pii
        self._own_id = correlation_id or str(uuid.uuid4())

    def listening(self, kind: type[Event]) -> bool:
        """Whether anyone would hear an event of this *kind*; ask before making one per request."""
        return self.hearing(kind)()

    def hearing(self, kind: type[Event]) -> Callable[[], bool]:
        """The same question, for one who asks it all the time."""
        if self._hooks:
            return functools.partial(bool, self._hooks)
        return functools.partial(kind.logger.isEnabledFor, kind.level)

    def emit(self, event: Event) -> None:
        """Tell everyone of *event*, under the id of the request that it happened in."""
        if not self._pii and isinstance(event, CallerEvent):
            event = dataclasses.replace(event, tenant_id=None, object_id=None, user_name=None)
        if event.correlation_id is None:
            current = current_correlation_id() or self._own_id
            event = dataclasses.replace(event, correlation_id=current)
        write_line(event)
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:  # noqa: BLE001 - an observer must not fail what it observes
                logging.getLogger("msidweb.telemetry").warning(
                    "a telemetry hook raised correlation_id=%s", event.correlation_id
                )
