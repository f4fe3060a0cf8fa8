"""Where events go: to standard logging, and to the hooks given to the builder."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

from .correlation import current_correlation_id
from .events import Event
from .logs import LogHook

Hook: TypeAlias = Callable[[Event], None]


class Telemetry:
    """Hands each event to standard logging and to every hook.

    A hook that raises is logged once a call and never disturbs the work it hears of.
    """

    def __init__(self, hooks: Sequence[Hook] = (), *, pii: bool = False) -> None:
        self._logs = LogHook(pii=pii)
        self._hooks = tuple(hooks)

    def listening(self, kind: type[Event]) -> bool:
        """Whether anyone would hear an event of this *kind*; ask before making one per request."""
        return True if self._hooks else kind.logger.isEnabledFor(kind.level)

    def hearing(self, kind: type[Event]) -> Callable[[], bool]:
        """The same question, for one who asks it all the time."""
        if self._hooks:
            return functools.partial(bool, self._hooks)
        return functools.partial(kind.logger.isEnabledFor, kind.level)

    def emit(self, event: Event) -> None:
        """Tell everyone of *event*, under the id of the request that it happened in."""
        current = current_correlation_id()
        if event.correlation_id is None and current is not None:
            event = dataclasses.replace(event, correlation_id=current)
        self._logs(event)
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:  # noqa: BLE001 - an observer must not fail what it observes
                logging.getLogger("msidweb.telemetry").warning("a telemetry hook raised")
