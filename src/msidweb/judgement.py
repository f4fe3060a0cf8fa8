"""What is wrong with options that are about to become an identity, and what may not be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from msidweb.acquisition.terms import (
    check_query,
    later_options,
    read_scopes,
    single_tenant,
)
from msidweb.acquisition.terms import objections as token_objections
from msidweb.authority import read_authority
from msidweb.configuration import (
    ENTRA_CLIENT,
    AcquireTokenOptions,
    DownstreamApiOptions,
    IdentityOptions,
    MicrosoftIdentityOptions,
    Place,
    check_downstream_api,
    check_http_client,
    check_web_api,
)
from msidweb.configuration.spelling import did_you_mean, nearest
from msidweb.container import IdentityContainer
from msidweb.downstream import objections as api_objections
from msidweb.errors import ConfigurationError, InvalidCallError, Problem
from msidweb.http.transports import objections as client_objections
from msidweb.kinds import refused
from msidweb.telemetry import ConfigurationNoted

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unread:
    """Which values could not be read, as in a ``Draft``: nothing that rests on them is judged.

    Attributes:
        schemes: Those of the application in each scheme.
        downstream_apis: Those of each API.
        http_clients: Those of each HTTP client.
    """

    schemes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    downstream_apis: Mapping[str, frozenset[str]] = field(default_factory=dict)
    http_clients: Mapping[str, frozenset[str]] = field(default_factory=dict)


def contradictions(options: IdentityOptions, unread: Unread) -> Iterator[Problem]:
    """What is wrong with the APIs and HTTP clients, each by itself and with each other."""
    for name, api in options.downstream_apis.items():
        place = Place(f"downstream API {name!r}", unread=unread.downstream_apis.get(name, _NONE))
        yield from check_downstream_api(api, place)
        yield from _unfit(name, api, options, place)
    for name, client in options.http_clients.items():
        place = Place(f"HTTP client {name!r}", unread=unread.http_clients.get(name, _NONE))
        yield from check_http_client(client, place)
        for option, refusal in client_objections(name, client):
            if place.knows(option):
                yield Problem(place.of(option), refusal.message)


def web_api_problems(
    container: IdentityContainer, options: IdentityOptions, place: Place
) -> list[Problem]:
    """What is wrong with the application, first by its options, then as the parts see it."""
    problems = check_web_api(options.web_api, place)
    told = {problem.place for problem in problems}
    refusals = [*_unsendable(options.web_api, place), *_refusals(container, options, place)]
    return problems + [item for item in refusals if item.place not in told]


def notes(options: IdentityOptions) -> Iterator[ConfigurationNoted]:
    """What works, and may not be what was meant."""
    for scheme, of_scheme in options.all_schemes.items():
        where = "" if scheme == options.scheme else f" of scheme {scheme!r}"
        for name in _NOT_YET:
            if getattr(of_scheme.web_api, name):
                key = MicrosoftIdentityOptions.model_fields[name].alias
                note = "has no effect in this version"
                yield ConfigurationNoted(place=f"{key}{where}", note=note)
    for name, api in options.downstream_apis.items():
        if not api.scopes:
            note = "has no scopes, so its calls carry no token"
            yield ConfigurationNoted(place=f"downstream API {name!r}", note=note)
    used = {api.http_client_name or name for name, api in options.downstream_apis.items()}
    for name in options.http_clients.keys() - used - {ENTRA_CLIENT}:
        near = nearest(name, used)
        if near is not None:
            note = f"is used by no API, unlike {near!r}"
            yield ConfigurationNoted(place=f"HTTP client {name!r}", note=note)


#: Options of .NET that are read, and that a later version will act on.
_NOT_YET = (
    "azure_region",
    "token_decryption_certificates",
    "token_decryption_credentials",
    "user_assigned_managed_identity_client_id",
)


def _unfit(
    name: str, api: DownstreamApiOptions, options: IdentityOptions, place: Place
) -> Iterator[Problem]:
    for option, error in api_objections(name, api):
        if place.knows(option, *_RESTS_ON.get(option, ())):
            yield Problem(place.of(option), error.message)
    yield from _unasked(api, place)
    yield from _unserved(place.name, api, options)
    client = api.http_client_name
    if client is not None and client not in options.http_clients:
        near = did_you_mean(client, options.http_clients)
        yield Problem(f"{place.name}: HttpClientName", f"no HTTP client is called {client!r}{near}")
    if ENTRA_CLIENT in (client, name):
        yield Problem(
            place.name, f"{ENTRA_CLIENT!r} is the client that asks Entra ID, not an API's"
        )


_RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "BaseUrl": ("AllowEncodedSlash",),
    "RelativePath": ("AllowEncodedSlash",),
    "Scopes": ("RequestAppToken",),
}


def _unasked(api: DownstreamApiOptions, place: Place) -> Iterator[Problem]:
    """What no token of *api* could be asked for with."""
    wanted = api.acquire_token_options
    for later in later_options(wanted):
        key = AcquireTokenOptions.model_fields[later].alias
        yield Problem(f"{place.name}: AcquireTokenOptions:{key}", "is not part of this version")
    for field_name, error in token_objections(wanted):
        key = f"AcquireTokenOptions:{AcquireTokenOptions.model_fields[field_name].alias}"
        if place.knows(key):
            yield Problem(f"{place.name}: {key}", error.message)
    # Empty entries are told already.
    if api.scopes and all(map(str.strip, api.scopes)):
        try:
            read_scopes(api.scopes)
        except InvalidCallError as error:
            yield Problem(place.of("Scopes"), error.message)


def _unserved(place: str, api: DownstreamApiOptions, options: IdentityOptions) -> Iterator[Problem]:
    """What keeps *api* from getting its tokens."""
    schemes = options.all_schemes
    acquiring = [name for name, scheme in schemes.items() if scheme.enable_token_acquisition]
    named = api.acquire_token_options.authentication_options_name
    if named is not None and named not in schemes:
        place = f"{place}: AuthenticationOptionsName"
        known = ", ".join(map(repr, schemes))
        yield Problem(place, f"no scheme is called {named!r}{did_you_mean(named, schemes)}", known)
    elif api.scopes and not acquiring:
        yield Problem(place, "needs tokens", "call enable_token_acquisition()")
    elif api.scopes and named is not None and named not in acquiring:
        yield Problem(place, f"needs tokens, and the scheme {named!r} acquires none")


def _unsendable(options: MicrosoftIdentityOptions, place: Place) -> Iterator[Problem]:
    """What no token request could be written with."""
    checks = ((name, partial(check, getattr(options, name))) for name, check in _SENT.items())
    for name, error in refused(checks):
        key = MicrosoftIdentityOptions.model_fields[name].alias or name
        if place.knows(key):
            yield Problem(place.of(key), error.message)


_SENT: Mapping[str, Callable[[Any], object]] = {
    "app_home_tenant_id": single_tenant,
    "extra_query_parameters": check_query,
}


def _refusals(
    container: IdentityContainer, options: IdentityOptions, place: Place
) -> list[Problem]:
    problems: list[Problem] = []
    has_authority = bool(container.authority.overridden) or (
        read_authority(options.web_api, place, problems) is not None
    )
    if has_authority:
        _part(container, "token_validator", place, problems)
    if options.enable_token_acquisition:
        credentials = _part(container, "credentials", place, problems)
        if credentials is not None and has_authority:
            _part(container, "scheme_acquirer", place, problems)
        if credentials is not None and credentials.is_empty and place.knows(*_CREDENTIALS):
            problems.append(
                Problem(
                    f"{place.name}:ClientCredentials",
                    "no client credential, so no token can be acquired",
                    "a ClientSecret, or a credential passed in code",
                )
            )
    return problems


_CREDENTIALS = (
    "ClientCredentials",
    "ClientCredentialsUsingManagedIdentity:IsEnabled",
    "ClientCertificates",
    "ClientSecret",
)


def _part(container: IdentityContainer, name: str, place: Place, problems: list[Problem]) -> Any:
    """The part *name*, or None; what it objects to stands at the origin of each value."""
    try:
        return container.providers[name]()
    except ConfigurationError as error:
        for problem in error.problems:
            key = problem.place.removeprefix(f"{place.name}:")
            if place.knows(key, f"{key}:SourceType"):
                problems.append(replace(problem, place=place.of(key)))
    return None
