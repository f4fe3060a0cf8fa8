"""Options edited by a function of the caller's, as a .NET lambda does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from msidweb.errors import ConfigurationError, Problem
from msidweb.kinds import is_asynchronous

from .binding import validation_problems
from .model import Options

M = TypeVar("M", bound=Options)


def edit(options: M, configure: Callable[[M], object], *, place: str) -> tuple[Problem, ...]:
    """Let *configure* change *options*; what is wrong with that, with *place* before its name."""
    try:
        answer = configure(options)
    except ValidationError as error:
        return tuple(validation_problems(type(options), error, place=place))
    except ConfigurationError as error:
        return error.problems
    if is_asynchronous(answer):
        return (Problem(place, "must be edited by a plain function, not an asynchronous one"),)
    return ()
