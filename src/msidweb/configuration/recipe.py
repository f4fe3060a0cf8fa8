"""Where one set of options comes from: a section, an object, keywords, a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msidweb.errors import Problem

from .binding import WHOLE, Draft, draft
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

    def draft(self, configuration: Configuration, problems: list[Problem]) -> Draft[M]:
        """The options as far as they can be made; what is wrong is added to *problems*."""
        section = self._section(configuration)
        made = draft(
            self.model,
            {} if section is None else section,
            overrides={**self._given(), **self.keywords},
            place=self.name(configuration),
            problems=problems,
            caller=self.place,
        )
        if isinstance(self.source, str) and not section and not made.options.model_fields_set:
            if configuration.is_whole:
                problems.append(configuration.missing(self.source))
            return self._nothing()
        if self.configure is None:
            return made
        # What is not whole is not shown to a callable, and any value may be the callable's.
        if not (made.is_whole and configuration.is_whole):
            return self._nothing()
        wrong = edit(made.options, self.configure, place=self.place)
        problems += wrong
        return self._nothing() if wrong else made

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

    def _nothing(self) -> Draft[M]:
        return Draft(self.model(), frozenset({WHOLE}), is_whole=False)
