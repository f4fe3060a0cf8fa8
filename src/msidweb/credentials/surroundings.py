"""What credentials are made with, besides their descriptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from msidweb.clock import Clock
from msidweb.telemetry import Telemetry

from .proof import AssertionRequest

AssertionProvider: TypeAlias = Callable[[AssertionRequest], Awaitable[str] | str]
"""Returns a client assertion; one that is no coroutine function runs in a thread."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one application has around its credentials.

    Attributes:
        clock: The time.
        telemetry: Hears of what should be looked after.
        send_x5c: Whether assertions carry the certificate chain.
        providers: The application's own assertion providers, by name.
    """

    clock: Clock
    telemetry: Telemetry
    send_x5c: bool = False
    providers: Mapping[str, AssertionProvider] = field(default_factory=dict)
