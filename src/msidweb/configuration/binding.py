"""From configuration to typed options: every problem is named, no value is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from msidweb.errors import Problem

from .configuration import Section
from .model import Options
from .reading import Location, Reading, read, spell

M = TypeVar("M", bound=Options)

WHOLE = ""
"""Path of the whole of a section."""


@dataclass(frozen=True, slots=True)
class Draft(Generic[M]):
    """Options as far as they could be read, so that the rest can be judged all the same.

    Attributes:
        options: With defaults where a value could not be read.
        unread: Paths of those values, ``ClientCredentials:0:ClientSecret``; :data:`WHOLE` for all.
        is_whole: Whether nothing was wrong.
    """

    options: M
    unread: frozenset[str] = frozenset()
    is_whole: bool = True


def bind(
    model: type[M],
    section: Section | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    place: str,
    problems: list[Problem],
    caller: str | None = None,
) -> M | None:
    """The options that *section* and the keywords over it give, or None when something is wrong.

    Keys are taken in any case, in PascalCase and snake_case; keys that .NET knows and that have no
    effect here are skipped, others refused (3.28). A keyword replaces the whole field.

    Args:
        model: What to make.
        section: Part of a :class:`Configuration`, or a mapping.
        overrides: Keywords by field name.
        place: Where a missing value would stand, ``AzureAd``.
        problems: Gets what is wrong; never holds a value.
        caller: The call that the keywords were given to, for their place.
    """
    reading = read(model, section, overrides=overrides, place=place, caller=caller)
    options, wrong = _validated(model, reading, place)
    problems += reading.problems + [problem for _, problem in wrong]
    return None if options is None or reading.problems else options


def draft(
    model: type[M],
    section: Section | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    place: str,
    problems: list[Problem],
    caller: str | None = None,
) -> Draft[M]:
    """What :func:`bind` makes, and where something is wrong the rest of it.

    Every field of *model* must have a default.
    """
    reading = read(model, section, overrides=overrides, place=place, caller=caller)
    options, wrong = _validated(model, reading, place)
    found = reading.problems + [problem for _, problem in wrong]
    problems += found
    unread = reading.unread | {_cut(reading.values, at) for at, _ in wrong}
    return Draft(
        options or model.model_validate(reading.values).model_copy(deep=True),
        frozenset(":".join(spell(model, at)) for at in unread),
        is_whole=not found,
    )


def _validated(
    model: type[M], reading: Reading, place: str
) -> tuple[M | None, list[tuple[Location, Problem]]]:
    try:
        return model.model_validate(reading.values).model_copy(deep=True), []
    except ValidationError as error:
        return None, [
            (at, Problem(_place(model, reading, at, place), text)) for at, text in _findings(error)
        ]


def _cut(values: dict[str, Any], at: Location) -> Location:
    """Takes what stands at *at* out of *values*, or the nearest thing around it that can go."""
    owner: dict[Any, Any] = values
    within = 1
    inner: Any = values.get(str(at[0]))
    for depth, step in enumerate(at[1:], start=2):
        if isinstance(inner, dict) and step in inner:
            owner, within = inner, depth
        elif not (isinstance(inner, list) and depth < len(at)):
            break
        inner = inner[step]
    owner.pop(at[within - 1], None)
    return at[:within]


def validation_problems(
    model: type[Options], error: ValidationError, *, place: str
) -> list[Problem]:
    """What *error* found in options that code assigned; holds no value."""
    return [Problem(":".join((place, *spell(model, at))), text) for at, text in _findings(error)]


def _findings(error: ValidationError) -> Iterator[tuple[Location, str]]:
    for detail in error.errors(include_url=False, include_input=False):
        text = _text(detail["type"], detail["msg"], detail.get("ctx", {}))
        yield tuple(detail["loc"]), text


_OURS = frozenset({"certificate", "timespan", "transport", "source_type"})
_MESSAGES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "callable_type": "must be callable",
    "dict_type": "must be an object",
    "extra_forbidden": "is unknown",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le:g}",
    "list_type": "must be a list",
    "missing": "is missing",
    "no_such_attribute": "is unknown",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "string_type": "must be text",
}


def _text(kind: str, message: str, context: Mapping[str, Any]) -> str:
    # pydantic's own texts may quote the input (3.12); ours are fixed, or name a limit.
    if kind in _OURS:
        return message
    return _MESSAGES.get(kind, "is not acceptable").format_map(context)


def _place(model: type[Options], reading: Reading, at: Location, place: str) -> str:
    for depth in range(len(at), 0, -1):
        known = reading.places.get(at[:depth])
        if known:
            return ":".join((known, *spell(model, at)[depth:]))
    return ":".join((place, *spell(model, at)))
