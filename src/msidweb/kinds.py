"""What a call does not take, refused in one voice."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator
from types import NoneType

from msidweb.errors import InvalidCallError


def wrong_kind(argument: str, value: object, takes: str) -> InvalidCallError:
    """That *argument* is of a kind it may not be; tells the kind of *value* and nothing of it."""
    kind = "None" if value is None else type(value).__name__
    return InvalidCallError(f"{argument} takes {takes}, not {kind}.", code="invalid_argument")


def check_kind(argument: str, value: object, *kinds: type) -> None:
    """Return if *value* is of one of *kinds*.

    Raises:
        InvalidCallError: ``invalid_argument``: it is not.
    """
    if not isinstance(value, kinds):
        names = ("None" if kind is NoneType else kind.__name__ for kind in kinds)
        raise wrong_kind(argument, value, " or ".join(names))


def refused(
    checks: Iterable[tuple[str, Callable[[], object]]],
) -> Iterator[tuple[str, InvalidCallError]]:
    """Each name whose check raises InvalidCallError, with what it raised."""
    for name, check in checks:
        try:
            check()
        except InvalidCallError as error:
            yield name, error


def is_asynchronous(answer: object) -> bool:
    """Whether a function that should be plain returned something to await.

    It is ended, as nobody will: a coroutine would warn of that, a task would go on.
    """
    if inspect.iscoroutine(answer):
        answer.close()
    elif isinstance(answer, asyncio.Future):
        answer.cancel()
    return inspect.isawaitable(answer)
