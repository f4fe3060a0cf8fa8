"""The builder chain: configuration in, one identity out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Self, TypeAlias, TypeVar

from msidweb.acquisition import TokenRequestDraft
from msidweb.concurrency import Callback
from msidweb.configuration import (
    Configuration,
    CredentialDescription,
    DownstreamApiOptions,
    Draft,
    HttpClientOptions,
    IdentityOptions,
    MicrosoftIdentityOptions,
    Options,
    Place,
    Recipe,
    Section,
    TokenCacheOptions,
    bind,
)
from msidweb.configuration.spelling import did_you_mean
from msidweb.container import IdentityContainer, SchemeSource, make_container
from msidweb.credentials import AssertionProvider, ClientCredential
from msidweb.customization import Customization
from msidweb.downstream import RequestHook
from msidweb.errors import ConfigurationError, InvalidCallError, Problem
from msidweb.identity import Identity
from msidweb.judgement import Unread, contradictions, notes, web_api_problems
from msidweb.kinds import check_kind, wrong_kind
from msidweb.principal import Principal
from msidweb.scheme_recipes import SchemeRecipes
from msidweb.telemetry import Hook

M = TypeVar("M", bound=Options)
Configure: TypeAlias = Callable[[M], object]
Source: TypeAlias = str | Section | M | Configure[M] | None

_HTTP_CLIENTS = "HttpClients"


class IdentityBuilder:
    """Collects what an identity is made of; :meth:`build` reports every problem at once.

    ``IdentityBuilder()`` takes keywords and the environment only, :meth:`from_appsettings` a .NET
    team's file below them, :meth:`from_options` typed options. Nothing is read before ``build``
    but the files, so the order of the calls plays no part, save that token acquisition is enabled
    for the scheme added last; said twice, the later call wins, but a name is given to one scheme.

    Attributes:
        configuration: The layered settings, for values of the application's own.
    """

    def __init__(self, configuration: Configuration | None = None) -> None:
        check_kind("configuration", configuration, Configuration, NoneType)
        self.configuration = configuration or Configuration.of_environment()
        self._base = IdentityOptions(environment=self.configuration.environment)
        self._schemes = SchemeRecipes(self._base)
        self._token_cache: Recipe[TokenCacheOptions] | None = None
        self._apis: dict[str, Recipe[DownstreamApiOptions]] = {}
        self._api_sections: list[str | Section] = []
        self._http_clients: dict[str, Recipe[HttpClientOptions]] = {}
        self._hooks: list[Hook] = []
        self._customization = Customization()
        self._assertion_providers: dict[str, AssertionProvider] = {}
        self._parts: dict[str, Any] = {}

    @classmethod
    def from_appsettings(
        cls,
        path: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        environment: str | None = None,
    ) -> Self:
        """Start from ``appsettings.json``, ``appsettings.{environment}.json`` and the environment.

        Nothing is raised here: :meth:`build` says what is wrong with the files.

        Args:
            path: The file; without it MSIDWEB_APPSETTINGS, the working directory, or the nearest
                parent directory that has a pyproject.toml. A named file must exist.
            environ: Variables to read instead of the process's.
            environment: Instead of MSIDWEB_ENVIRONMENT, ASPNETCORE_ENVIRONMENT, DOTNET_ENVIRONMENT
                and ``Production``.
        """
        return cls(Configuration.load(path, environ=environ, environment=environment))

    @classmethod
    def from_options(cls, options: IdentityOptions) -> Self:
        """Start from typed options; the environment is not read."""
        check_kind("from_options", options, IdentityOptions)
        builder = cls(Configuration.of_environment(environ={}))
        builder._base = options.model_copy(deep=True)
        builder._schemes = SchemeRecipes(builder._base)
        return builder

    def add_authentication(self, scheme: str = "Bearer") -> Self:
        """Name the default authentication scheme. May be left out. .NET: AddAuthentication."""
        self._schemes.default = scheme
        return self

    def add_microsoft_identity_web_api(
        self,
        source: Source[MicrosoftIdentityOptions] = "AzureAd",
        *,
        scheme: str | None = None,
        configure: Configure[MicrosoftIdentityOptions] | None = None,
        **keywords: Any,
    ) -> Self:
        """Protect a web API. .NET: AddMicrosoftIdentityWebApi.

        Called again with another *scheme*, it adds one: with a registration and an authority of its
        own, chosen route by route.

        Args:
            source: Section name, section, options object, or a callable that fills empty options.
            scheme: Name of the authentication scheme; the default one where not given.
            configure: Edits the options after everything else.
            keywords: Fields of :class:`MicrosoftIdentityOptions`; they win over the source.
        """
        of_scheme = "" if scheme is None else f"(scheme={scheme!r})"
        recipe = _recipe(
            MicrosoftIdentityOptions,
            f"add_microsoft_identity_web_api{of_scheme}",
            source,
            configure=configure,
            keywords=keywords,
        )
        self._schemes.add(scheme, recipe)
        return self

    def enable_token_acquisition(
        self, *, credentials: Sequence[ClientCredential | CredentialDescription] = ()
    ) -> Self:
        """Acquire tokens for downstream services, with the client of the scheme added last.

        .NET: EnableTokenAcquisitionToCallDownstreamApi.

        Args:
            credentials: Client credentials given in code, or descriptions of some; tried before
                the configured ones.
        """
        if not isinstance(credentials, list | tuple):
            raise wrong_kind("credentials", credentials, "a list")
        for credential in credentials:
            described = isinstance(credential, CredentialDescription)
            if not described and not callable(getattr(credential, "proof", None)):
                raise wrong_kind("credentials", credential, "client credentials")
        self._schemes.enable(credentials)
        return self

    enable_token_acquisition_to_call_downstream_api = enable_token_acquisition

    def add_signed_assertion_provider(self, name: str, provider: AssertionProvider) -> Self:
        """Let credentials of the type ``CustomSignedAssertion`` name *provider*.

        .NET: a registered ICustomSignedAssertionProvider.

        Args:
            name: What ``CustomSignedAssertionProviderName`` says.
            provider: Given an :class:`~msidweb.credentials.AssertionRequest`, returns a client
                assertion; one that is no coroutine function runs in a thread.
        """
        check_kind("add_signed_assertion_provider: name", name, str)
        if not callable(provider):
            raise wrong_kind("provider", provider, "a function")
        self._assertion_providers[name] = provider
        return self

    def add_in_memory_token_caches(
        self, configure: Configure[TokenCacheOptions] | None = None, **keywords: Any
    ) -> Self:
        """Keep tokens in this process. .NET: AddInMemoryTokenCaches."""
        self._token_cache = _recipe(
            TokenCacheOptions, "add_in_memory_token_caches", configure, keywords=keywords
        )
        return self

    def add_http_client(
        self,
        name: str,
        source: Source[HttpClientOptions] = None,
        *,
        configure: Configure[HttpClientOptions] | None = None,
        **keywords: Any,
    ) -> Self:
        """Register a named HTTP client; ``"Entra"`` is the one that asks Entra ID.

        .NET: AddHttpClient.

        Args:
            name: Name that a downstream API's ``HttpClientName`` refers to; the API's own name
                needs no reference.
            source: Section name, section, options object, or a callable; the section
                ``HttpClients:{name}`` where nothing is given.
            configure: Edits the options after everything else.
            keywords: Fields of :class:`HttpClientOptions`, such as ``timeout`` in seconds.
        """
        check_kind("add_http_client: name", name, str)
        self._http_clients[name] = _recipe(
            HttpClientOptions,
            f"add_http_client({name!r})",
            self.configuration.section(f"{_HTTP_CLIENTS}:{name}") if source is None else source,
            configure=configure,
            keywords=keywords,
        )
        return self

    def add_downstream_apis(self, section: str | Section = "DownstreamApis") -> Self:
        """Make every child of *section* a named downstream API. .NET: AddDownstreamApis."""
        check_kind("add_downstream_apis", section, str, Section)
        self._api_sections.append(section)
        return self

    def add_downstream_api(
        self,
        name: str,
        source: Source[DownstreamApiOptions] = None,
        *,
        configure: Configure[DownstreamApiOptions] | None = None,
        **keywords: Any,
    ) -> Self:
        """Add one named downstream API. .NET: AddDownstreamApi."""
        check_kind("add_downstream_api: name", name, str)
        self._apis[name] = _recipe(
            DownstreamApiOptions,
            f"add_downstream_api({name!r})",
            source,
            configure=configure,
            keywords=keywords,
        )
        return self

    def add_hook(self, hook: Hook) -> Self:
        """Tell *hook* of every event; it is called on the loop and must not block."""
        if not callable(hook) or inspect.iscoroutinefunction(hook):
            raise wrong_kind("add_hook", hook, "a function that is not asynchronous")
        self._hooks.append(hook)
        return self

    def on_token_validated(self, callback: Callback[Principal]) -> Self:
        """Call *callback* with each caller whose token was validated, before the request goes on.

        It may be async, as may the four below. It may refuse the caller by raising, an
        :class:`AuthorizationError` for a 403. What a callback raises reaches the caller as it is.
        Said twice, both are called, in this order. .NET: OnTokenValidated.
        """
        return self._customized(on_token_validated=callback)

    def on_before_token_request(self, callback: Callback[TokenRequestDraft]) -> Self:
        """Call *callback* before a token request is sent, once for all who wait for it.

        .NET: OnBeforeTokenAcquisitionForOnBehalfOf, OnBeforeTokenAcquisitionForApp.
        """
        return self._customized(on_before_token_request=callback)

    def on_before_auth_header(self, callback: RequestHook) -> Self:
        """Call *callback* with each downstream request before a token is asked for.

        .NET: OnBeforeAuthHeaderCreation.
        """
        return self._customized(on_before_auth_header=callback)

    def on_after_auth_header(self, callback: RequestHook) -> Self:
        """Call *callback* with each downstream request that has its Authorization field.

        .NET: OnAfterAuthHeaderCreation.
        """
        return self._customized(on_after_auth_header=callback)

    def customize_request(self, callback: RequestHook) -> Self:
        """Call *callback* with each downstream request, after the two above.

        Reserved headers are put back as they were, and a request that would leave the API's base
        URL is refused. .NET: CustomizeHttpRequestMessage.
        """
        return self._customized(customize_request=callback)

    def override(self, **parts: Any) -> Self:
        """Use *parts* in place of the container's, by the names of its providers.

        ``builder.override(clock=ManualClock())`` is the usual case, in tests.

        Raises:
            InvalidCallError: The container has no such part.
        """
        for name in parts:
            if name not in IdentityContainer.providers:
                near = did_you_mean(name, IdentityContainer.providers)
                raise InvalidCallError(f"The container has no part {name!r}{near}.")
        self._parts.update(parts)
        return self

    def bind(self, section: str, options: Options) -> None:
        """Set the fields of *options* that the configuration gives in *section*.

        For callables: ``lambda options: builder.bind("AzureAd", options)``. .NET:
        ``Configuration.Bind("AzureAd", options)``.

        Raises:
            ConfigurationError: A value cannot be read.
        """
        check_kind("bind: options", options, Options)
        problems: list[Problem] = []
        found = self.configuration.section(section)
        bound = bind(type(options), found, place=section, problems=problems)
        if bound is None:
            raise ConfigurationError(problems)
        for name in bound.model_fields_set:
            setattr(options, name, getattr(bound, name))

    def build(self) -> Identity:
        """The identity, not yet opened; no I/O happens here.

        Raises:
            ConfigurationError: Lists every problem with its place.
        """
        problems = list(self.configuration.problems)
        options, unread = self._options(problems)
        if not self.configuration.is_whole:
            # What seems to be missing or to contradict may be otherwise in the lost file.
            raise ConfigurationError(dict.fromkeys(problems))
        sources = self._schemes.sources(self.configuration)
        container = make_container(
            options,
            source=sources.get(options.scheme, SchemeSource()),
            hooks=tuple(self._hooks),
            customization=self._customization,
            assertion_providers=dict(self._assertion_providers),
            scheme_sources=sources,
            parts={"configuration": self.configuration, **self._parts},
        )
        problems += contradictions(options, unread)
        for scheme in (container, *container.schemes().values()):
            known, section = scheme.options(), scheme.section()
            unread_there = unread.schemes.get(known.scheme, frozenset())
            place = Place(section, self.configuration.section(section), unread_there)
            problems += web_api_problems(scheme, known, place)
        if problems:
            raise ConfigurationError(dict.fromkeys(problems))
        for note in notes(options):
            container.telemetry().emit(note)
        # What was made to be judged goes, so that parts can still be overridden.
        container.reset_singletons()
        return Identity(container)

    def _customized(self, **callbacks: object) -> Self:
        for name, callback in callbacks.items():
            if not callable(callback):
                raise wrong_kind(name, callback, "a function")
        self._customization = self._customization.plus(**callbacks)
        return self

    def _options(self, problems: list[Problem]) -> tuple[IdentityOptions, Unread]:
        options = self._base.model_copy(deep=True)
        schemes = self._schemes.make(options, self.configuration, problems)
        if self._token_cache is not None:
            options.token_cache = self._token_cache.draft(self.configuration, problems).options
        apis = self._drafts(self._all_apis(problems), problems)
        clients = self._drafts(self._all_http_clients(problems), problems)
        options.downstream_apis |= {name: draft.options for name, draft in apis.items()}
        options.http_clients |= {name: draft.options for name, draft in clients.items()}
        return options, Unread(
            schemes,
            {name: draft.unread for name, draft in apis.items()},
            {name: draft.unread for name, draft in clients.items()},
        )

    def _all_apis(self, problems: list[Problem]) -> dict[str, Recipe[DownstreamApiOptions]]:
        listed: dict[str, Recipe[DownstreamApiOptions]] = {}
        for source in self._api_sections:
            section = self.configuration.section(source) if isinstance(source, str) else source
            if isinstance(source, str) and not section and self.configuration.is_whole:
                problems.append(self.configuration.missing(source))
            listed |= _named(DownstreamApiOptions, section, problems)
        return listed | self._apis

    def _all_http_clients(self, problems: list[Problem]) -> dict[str, Recipe[HttpClientOptions]]:
        section = self.configuration.section(_HTTP_CLIENTS)
        return _named(HttpClientOptions, section, problems) | self._http_clients

    def _drafts(
        self, recipes: Mapping[str, Recipe[M]], problems: list[Problem]
    ) -> dict[str, Draft[M]]:
        return {
            name: recipe.draft(self.configuration, problems) for name, recipe in recipes.items()
        }


def _named(model: type[M], section: Section, problems: list[Problem]) -> dict[str, Recipe[M]]:
    """A recipe for each child of *section*, by the child's name."""
    value = section.value()
    if value and not isinstance(value, Mapping):
        place = section.origin() or section.path
        problems.append(Problem(place, "must be an object", "every name in it is one of them"))
        return {}
    return {child.name: Recipe(model, child.path, child) for child in section.children}


def _recipe(
    model: type[M],
    place: str,
    source: Source[M],
    *,
    configure: Configure[M] | None = None,
    keywords: Mapping[str, Any],
) -> Recipe[M]:
    if configure is not None and not callable(configure):
        raise wrong_kind(f"{place}: configure", configure, "a function")
    if not callable(source):
        if source is not None and not isinstance(source, str | Section | model):
            takes = f"a section, its name, {model.__name__} or a function"
            raise wrong_kind(place, source, takes)
        return Recipe(model, place, source, keywords, configure)
    if configure is not None:
        raise InvalidCallError(f"{place} takes one callable, not two.")
    return Recipe(model, place, None, keywords, source)
