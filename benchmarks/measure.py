"""How a figure is taken: both sides in the same rounds of one run, and of each the best round."""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

Lap: TypeAlias = Callable[[], Awaitable[float]]
"""One round of one side: microseconds of one call in it."""

MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """Ours beside theirs.

    Attributes:
        question: What is compared.
        ours: Microseconds, or bytes where ``unit`` says so.
        theirs: The same of what it is held against.
        against: What that is.
        aim: Largest ratio ours/theirs that is aimed at, or None where the row only informs.
        difference: Judge ``ours - theirs`` by the aim, not the ratio.
        unit: Of ``ours`` and ``theirs``.
    """

    question: str
    ours: float
    theirs: float
    against: str
    aim: float | None = None
    difference: bool = False
    unit: str = "us"

    @property
    def value(self) -> float:
        return self.ours - self.theirs if self.difference else self.ours / self.theirs

    @property
    def reached(self) -> bool:
        return self.aim is None or self.value <= self.aim


async def best_of(*laps: Lap, rounds: int) -> list[float]:
    """The best round of each side. The sides take turns, so that a disturbance meets them all."""
    async with _garbage_kept():
        taken = [[await _clean(lap) for lap in laps] for _ in range(rounds)]
    return [min(side) for side in zip(*taken, strict=True)]


def plain(work: Callable[[], object], *, number: int) -> Lap:
    """A side whose call is a plain function."""

    async def lap() -> float:
        turns = range(number)
        started = time.perf_counter()
        for _ in turns:
            work()
        return since(started, number)

    return lap


def awaited(work: Callable[[], Awaitable[object]], *, number: int) -> Lap:
    """A side whose call is a coroutine function."""

    async def lap() -> float:
        turns = range(number)
        started = time.perf_counter()
        for _ in turns:
            await work()
        return since(started, number)

    return lap


def since(started: float, number: int) -> float:
    """Microseconds of each of *number* calls since *started* on the performance counter."""
    return (time.perf_counter() - started) / number * MICRO


async def _clean(lap: Lap) -> float:
    gc.collect()
    return await lap()


@asynccontextmanager
async def _garbage_kept() -> AsyncIterator[None]:
    """No collection inside of a round, and a short one between two."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
