"""Arguments of the test kit are of the kinds that signatures say, or refused by their names.

A test that passes something else would fail far from its mistake, or prove nothing.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, NoneType, UnionType
from typing import Any, TypeVar, cast

from msidweb.errors import InvalidCallError
from msidweb.kinds import wrong_kind

C = TypeVar("C", bound=type)
T = TypeVar("T")

Also = Callable[[Any, str, object], None]
"""What else is checked of a part of an argument: by whom, the argument's name, the part."""

_Ask = Callable[[str, object], None]
_KEYWORDS = inspect.Parameter.VAR_KEYWORD


def _nothing_else(*_: object) -> None:
    """Check kinds alone."""


def checks_arguments(*, also: Also = _nothing_else) -> Callable[[C], C]:
    """A decorator: every public method of the class, and its making, check their arguments."""

    def decorate(kind: C) -> C:
        for name, member in list(vars(kind).items()):
            if name.startswith("_") and name != "__init__":
                continue
            if isinstance(member, classmethod):
                setattr(kind, name, classmethod(_checking(member.__func__, kind, also)))
            elif isinstance(member, FunctionType):
                setattr(kind, name, _checking(member, kind, also))
        return kind

    return decorate


def checked_argument(argument: str, value: T, hint: object, ask: _Ask = _nothing_else) -> T:
    """*value*, if it is of the kind that *hint*, a type as signatures have it, tells.

    An iterator comes back as a tuple: to look into it is to use it up.

    Raises:
        InvalidCallError: ``invalid_argument``: it is not.
    """
    if isinstance(value, Iterator):
        value = cast("T", tuple(value))
    _check(argument, value, hint, ask)
    return value


def _checking(function: Callable[..., Any], kind: type, also: Also) -> Callable[..., Any]:
    signature = inspect.signature(function)
    if len(signature.parameters) == 1:
        return function

    @functools.wraps(function)
    def checked(owner: Any, /, *given: Any, **named: Any) -> Any:
        try:
            bound = signature.bind(owner, *given, **named)
        except TypeError:
            # Python tells better what is missing or too much.
            return function(owner, *given, **named)
        rules, ask = _hints(function, kind), functools.partial(also, owner)
        for name, value in list(bound.arguments.items())[1:]:
            if signature.parameters[name].kind is not _KEYWORDS:
                bound.arguments[name] = checked_argument(name, value, rules[name], ask)
        return function(*bound.args, **bound.kwargs)

    return checked


@functools.cache
def _hints(function: Callable[..., Any], kind: type) -> Mapping[str, object]:
    # Not of what is returned: that may be of a library that is imported when it is needed.
    given = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    names = vars(sys.modules[kind.__module__])
    return typing.get_type_hints(type(kind.__name__, (), {"__annotations__": given}), names)


def _check(name: str, value: object, hint: object, ask: _Ask) -> None:
    choices = typing.get_args(hint) if isinstance(hint, UnionType | _Union) else (hint,)
    for choice in choices:
        if _fits(value, choice):
            _look_into(name, value, choice, ask)
            return
    raise wrong_kind(name, value, " or ".join(_told(choice) for choice in choices))


_Union = type(typing.Union[int, str])  # noqa: UP007 - the class of such, which typing hides


def _fits(value: object, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if hint is Any or hint is object:
        return True
    if origin is typing.Literal:
        return type(value) in {type(known) for known in typing.get_args(hint)}
    if origin is Callable:
        return callable(value)
    if typing.is_typeddict(hint):
        return isinstance(value, Mapping)
    if hint is float:
        return isinstance(value, int | float) and -math.inf < value < math.inf
    # A text is no list of its letters.
    return isinstance(value, origin or hint) and not (origin and isinstance(value, str | bytes))


def _look_into(name: str, value: Any, hint: Any, ask: _Ask) -> None:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal and value not in inner:
        known = ", ".join(str(one) for one in inner)
        raise InvalidCallError(f"{name} knows no such value; it knows {known}.")
    if typing.is_typeddict(hint):
        for key, rule in typing.get_type_hints(hint).items():
            if key in value:
                _check(key, value[key], rule, ask)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        for key, content in value.items():
            _check(f"a key of {name}", key, inner[0], ask)
            _check(f"a value of {name}", content, inner[1], ask)
    elif isinstance(origin, type) and issubclass(origin, Iterable):
        for part in () if isinstance(value, Iterator) else value:
            _check(f"a member of {name}", part, inner[0], ask)
    else:
        ask(name, value)


def _told(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return ", ".join(repr(one) for one in typing.get_args(hint))
    if origin is Callable:
        return "a function"
    return "None" if hint is NoneType else str((origin or hint).__name__)
