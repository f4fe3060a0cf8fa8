"""Functions that a user hands in, called in their order; each may be sync or async."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Callback: TypeAlias = Callable[[T], object]
"""Takes one object and may return an awaitable; what it returns is not looked at."""


async def call_all(callbacks: Sequence[Callback[T]], subject: T) -> None:
    """Call each of *callbacks* with *subject*; what one raises ends all and passes as it is."""
    for callback in callbacks:
        outcome = callback(subject)
        if inspect.isawaitable(outcome):
            await outcome


async def settled(outcome: T | Awaitable[T]) -> T:
    """*outcome*, awaited where it is awaitable."""
    if inspect.isawaitable(outcome):
        value: T = await outcome
        return value
    return outcome
