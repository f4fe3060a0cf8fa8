"""Where one set of options comes from: a section, an object, keywords, a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msidweb.errors import Problem

from .binding import bind
from .configuration import Configuration, Section
from .editing import edit
from .model import Options

M = TypeVar("M", bound=Options)


@dataclass(frozen=True, slots=True)
class Recipe(Generic[M]):
    """How to make one options object when everything is known, at build.

    Attributes:
        model: Kind of options.
        place: Name of the call, for problems of what no section gives.
        source: Name of a section, a section, a ready object, or None for keywords alone.
        keywords: Values that win over the source.
        configure: Edits the result, as a .NET lambda does.
    """

    model: type[M]
    place: str
    source: str | Section | M | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict, repr=False)
    configure: Callable[[M], object] | None = None

    def make(self, configuration: Configuration, problems: list[Problem]) -> M | None:
        """The options, or None with the reasons added to *problems*."""
        section = self._section(configuration)
        options = bind(
            self.model,
            section or {},
            overrides={**self._given(), **self.keywords},
            place=self.name(configuration),
            problems=problems,
            caller=self.place,
        )
        if options is None:
            return None
        if isinstance(self.source, str) and not section and not options.model_fields_set:
            problems.append(configuration.missing(self.source))
            return None
        if self.configure is None:
            return options
        wrong = edit(options, self.configure, place=self.place)
        problems += wrong
        return None if wrong else options

    def name(self, configuration: Configuration) -> str:
        """What problems call the source: the section's path, else the place."""
        section = self._section(configuration)
        return self.place if section is None else section.path or self.place

    def _section(self, configuration: Configuration) -> Section | None:
        if isinstance(self.source, str):
            return configuration.section(self.source)
        return self.source if isinstance(self.source, Section) else None

    def _given(self) -> dict[str, Any]:
        if not isinstance(self.source, Options):
            return {}
        copy = self.source.model_copy(deep=True)
        return {name: getattr(copy, name) for name in copy.model_fields_set}
