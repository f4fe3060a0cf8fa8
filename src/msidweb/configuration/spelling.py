"""The known name that a misspelled one most likely means."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from msidweb.errors import InvalidCallError
from msidweb.kinds import wrong_kind


def nearest(name: str, known: Collection[str]) -> str | None:
    """The one of *known* that looks most like *name*, upper and lower case alike, or None."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[close[0]] if close else None


def did_you_mean(name: str, known: Collection[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of *known*, or nothing: the end of a sentence."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"


def unknown_name(what: str, name: object, known: Collection[str], *, code: str) -> InvalidCallError:
    """That there is no *what* of this *name*, with the nearest one and those there are."""
    if not isinstance(name, str):
        return wrong_kind(f"the {what}'s name", name, "text")
    near = did_you_mean(name, known)
    listed = ", ".join(map(repr, known)) or "none"
    return InvalidCallError(f"No {what} is called {name!r}{near} (known: {listed}).", code=code)
