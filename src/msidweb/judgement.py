"""What is wrong with options that are about to become an identity, and what may not be meant."""

from __future__ import annotations

from collections.abc import Iterator

from msidweb.configuration import (
    ENTRA_CLIENT,
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
from msidweb.downstream import plan_api
from msidweb.errors import ConfigurationError, InvalidCallError, Problem
from msidweb.telemetry import ConfigurationNoted


def contradictions(options: IdentityOptions) -> Iterator[Problem]:
    """What is wrong with the APIs and HTTP clients, each by itself and with each other."""
    for name, api in options.downstream_apis.items():
        yield from check_downstream_api(api, Place(f"downstream API {name!r}"))
        yield from _unfit(name, api, options)
    for name, client in options.http_clients.items():
        yield from check_http_client(client, Place(f"HTTP client {name!r}"))


def web_api_problems(
    container: IdentityContainer, options: IdentityOptions, place: Place
) -> list[Problem]:
    """What is wrong with the application, first by its options, then as the parts see it."""
    problems = check_web_api(options.web_api, place)
    told = {problem.place for problem in problems}
    return problems + [item for item in _refusals(container, options) if item.place not in told]


def notes(options: IdentityOptions) -> Iterator[ConfigurationNoted]:
    """What works, and may not be what was meant."""
    for field in _NOT_YET:
        if getattr(options.web_api, field):
            yield ConfigurationNoted(
                place=str(MicrosoftIdentityOptions.model_fields[field].alias),
                note="has no effect in this version",
            )
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
)


def _unfit(name: str, api: DownstreamApiOptions, options: IdentityOptions) -> Iterator[Problem]:
    place = f"downstream API {name!r}"
    try:
        plan_api(name, api)
    except InvalidCallError as error:
        yield Problem(place, error.message)
    if api.scopes and not options.enable_token_acquisition:
        yield Problem(place, "needs tokens", "call enable_token_acquisition()")
    client = api.http_client_name
    if client is not None and client not in options.http_clients:
        near = did_you_mean(client, options.http_clients)
        yield Problem(f"{place}: HttpClientName", f"no HTTP client is called {client!r}{near}")
    if ENTRA_CLIENT in (client, name):
        yield Problem(place, f"{ENTRA_CLIENT!r} is the client that asks Entra ID, not an API's")


def _refusals(container: IdentityContainer, options: IdentityOptions) -> Iterator[Problem]:
    parts = ["token_validator"]
    if options.enable_token_acquisition:
        parts += ["credentials", "token_acquirer"]
    for part in parts:
        try:
            container.providers[part]()
        except ConfigurationError as error:
            yield from error.problems
            return
    if options.enable_token_acquisition and container.credentials().is_empty:
        yield Problem(
            f"{container.section()}:ClientCredentials",
            "no client credential, so no token can be acquired",
            "a ClientSecret, or a credential passed in code",
        )
