"""The known name that a misspelled one most likely means."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of *known* that looks most like *name*, upper and lower case alike, or None."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of *known*, or nothing: the end of a sentence."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"
