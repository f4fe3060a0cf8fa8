"""The authentication schemes that a chain adds, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msidweb.configuration import (
    WHOLE,
    Configuration,
    CredentialDescription,
    IdentityOptions,
    MicrosoftIdentityOptions,
    Recipe,
    SchemeOptions,
)
from msidweb.configuration.spelling import did_you_mean
from msidweb.container import SchemeSource
from msidweb.credentials import ClientCredential
from msidweb.errors import Problem

_ADD = "add_microsoft_identity_web_api"
_Credential = ClientCredential | CredentialDescription
_Name = str | None
"""Of a scheme; None is the default one, whose name is known at build."""


class SchemeRecipes:
    """What the chain said about schemes, over the options that it started from.

    Attributes:
        default: Name of the default scheme, where it was given.
    """

    def __init__(self, base: IdentityOptions) -> None:
        self.default: object = None
        self._base = base
        self._recipes: dict[_Name, Recipe[MicrosoftIdentityOptions]] = {}
        self._acquiring: dict[_Name, list[_Credential]] = {}
        self._problems: list[Problem] = []
        self._latest: _Name = None

    def add(self, name: object, recipe: Recipe[MicrosoftIdentityOptions]) -> None:
        """Add the scheme *name*, the default one where that is None; that one may be said again."""
        chosen: _Name = None
        if isinstance(name, str):
            chosen = name or None
        elif name is not None:
            self._problems.append(Problem(f"{_ADD}: scheme", "must be text"))
        if chosen is not None and chosen in self._recipes:
            self._problems.append(_twice(chosen))
        self._recipes[chosen] = recipe
        self._latest = chosen

    def enable(self, credentials: Sequence[_Credential]) -> None:
        """Acquire tokens in the scheme added last, in the default one where there is none yet."""
        self._acquiring.setdefault(self._latest, []).extend(credentials)

    def make(
        self, options: IdentityOptions, configuration: Configuration, problems: list[Problem]
    ) -> dict[str, frozenset[str]]:
        """Write the schemes into *options*, a copy of those that the chain started from.

        What could not be read of each, as in a ``Draft``, is what comes back.
        """
        options.scheme = self._default_name()
        problems += self._contradictions(options)
        lacking = not options.web_api.model_fields_set
        unread = {options.scheme: frozenset({WHOLE})} if lacking else {}
        for name, recipe in self._recipes.items():
            draft = recipe.draft(configuration, problems)
            unread[self._named(name)] = draft.unread
            if name in (None, options.scheme):
                options.web_api = draft.options
            else:
                options.schemes[name] = SchemeOptions(web_api=draft.options)
        for name in map(self._named, self._acquiring):
            if name == options.scheme:
                options.enable_token_acquisition = True
            else:
                options.schemes[name].enable_token_acquisition = True
        return unread

    def sources(self, configuration: Configuration) -> Mapping[str, SchemeSource]:
        """Where each scheme's options came from."""
        credentials: dict[str, list[_Credential]] = {}
        for name, given in self._acquiring.items():
            credentials.setdefault(self._named(name), []).extend(given)
        sections = {
            self._named(n): recipe.name(configuration) for n, recipe in self._recipes.items()
        }
        return {
            name: SchemeSource(sections.get(name, "AzureAd"), tuple(credentials.get(name, ())))
            for name in {**sections, **credentials}
        }

    def _named(self, name: _Name) -> str:
        return self._default_name() if name is None else name

    def _default_name(self) -> str:
        if self.default and isinstance(self.default, str):
            return self.default
        only_named = self._recipes and None not in self._recipes
        if only_named and not self._base.web_api.model_fields_set:
            return next(name for name in self._recipes if name is not None)
        return self._base.scheme

    def _contradictions(self, options: IdentityOptions) -> Iterator[Problem]:
        yield from self._problems
        if not isinstance(self.default, str | None):
            yield Problem("add_authentication: scheme", "must be text")
        has_default = None in self._recipes or options.scheme in self._recipes
        if None in self._recipes and options.scheme in self._recipes:
            yield _twice(options.scheme)
        elif not has_default and not self._base.web_api.model_fields_set:
            if not self._recipes:
                yield Problem("the chain", f"lacks {_ADD}()")
            else:
                near = did_you_mean(options.scheme, [name for name in self._recipes if name])
                message = f"no scheme is called {options.scheme!r}{near}"
                yield Problem("add_authentication", message)


def _twice(name: str) -> Problem:
    return Problem(_ADD, f"adds the scheme {name!r} twice")
