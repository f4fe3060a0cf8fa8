"""Named values, headers or parameters, whose names are alike in any case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import AnyStr, TypeVar

V = TypeVar("V")


def laid_over(
    usual: Iterable[tuple[AnyStr, V]], own: Iterable[tuple[AnyStr, V]]
) -> list[tuple[AnyStr, V]]:
    """The *usual* pairs that *own* does not name anew, then *own*."""
    wins = list(own)
    names = {name.lower() for name, _ in wins}
    return [pair for pair in usual if pair[0].lower() not in names] + wins
