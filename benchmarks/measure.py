"""How a figure is taken: the best of several rounds, always beside another in the same run."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """Ours beside theirs.

    Attributes:
        question: What is compared.
        ours: Microseconds.
        theirs: Microseconds of what it is held against.
        against: What that is.
        aim: Largest ratio ours/theirs that is aimed at, or None where the row only informs.
        difference: Judge ``ours - theirs`` in microseconds by the aim, not the ratio.
    """

    question: str
    ours: float
    theirs: float
    against: str
    aim: float | None = None
    difference: bool = False

    @property
    def value(self) -> float:
        return self.ours - self.theirs if self.difference else self.ours / self.theirs

    @property
    def reached(self) -> bool:
        return self.aim is None or self.value <= self.aim


def timed(work: Callable[[], object], *, number: int, rounds: int = 7) -> float:
    """Microseconds of one call of *work*, the best of several rounds."""
    return _best(lambda: _loop(work, number), rounds) / number * 1e6


def timed_async(work: Callable[[], Awaitable[object]], *, number: int, rounds: int = 7) -> float:
    """Microseconds of one awaited call of *work*, the best of several rounds."""

    async def loop() -> float:
        started = time.perf_counter()
        for _ in range(number):
            await work()
        return time.perf_counter() - started

    async def all_rounds() -> float:
        return min([await loop() for _ in range(rounds)])

    gc.collect()
    return asyncio.run(all_rounds()) / number * 1e6


def _loop(work: Callable[[], object], number: int) -> float:
    started = time.perf_counter()
    for _ in range(number):
        work()
    return time.perf_counter() - started


def _best(round_: Callable[[], float], rounds: int) -> float:
    gc.collect()
    return min(round_() for _ in range(rounds))
