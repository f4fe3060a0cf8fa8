"""The object graph: every long-lived object, and what it is made of."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from dependency_injector import containers, providers

from msidweb.acquisition import AuthorizationHeaderProvider, TokenAcquirer
from msidweb.authority import AuthorityKeys, resolve_authority
from msidweb.cache import TokenCache
from msidweb.clock import SystemClock
from msidweb.concurrency import BackgroundTasks
from msidweb.configuration import IdentityOptions
from msidweb.credentials import ClientCredential, load_credentials
from msidweb.downstream import DownstreamApi
from msidweb.http import HttpClients
from msidweb.telemetry import Hook, Telemetry
from msidweb.validation import TokenValidator, ValidationPolicy


class IdentityContainer(containers.DeclarativeContainer):
    """The parts of an identity.

    A part is made once, without I/O, when it is first asked for; until then it can be overridden.
    """

    options = providers.Dependency(instance_of=IdentityOptions)
    section = providers.Object("AzureAd")
    hooks: providers.Provider[Sequence[Hook]] = providers.Object(())
    correlation_id: providers.Provider[str | None] = providers.Object(None)
    client_credentials: providers.Provider[Sequence[ClientCredential]] = providers.Object(())

    clock = providers.Singleton(SystemClock)
    telemetry = providers.Singleton(
        Telemetry,
        hooks,
        pii=options.provided.web_api.enable_pii_logging,
        correlation_id=correlation_id,
    )
    background = providers.Singleton(BackgroundTasks)
    http_clients = providers.Singleton(
        HttpClients, options.provided.http_clients, telemetry=telemetry
    )

    authority = providers.Singleton(resolve_authority, options.provided.web_api, place=section)
    authorities = providers.Singleton(
        AuthorityKeys,
        authority,
        http_clients,
        clock=clock,
        telemetry=telemetry,
        background=background,
    )
    validation_policy = providers.Singleton(
        ValidationPolicy.of,
        options.provided.web_api,
        authority,
        scheme=options.provided.scheme,
        place=section,
    )
    token_validator = providers.Singleton(
        TokenValidator, validation_policy, authorities, clock=clock, telemetry=telemetry
    )

    credentials = providers.Singleton(
        load_credentials,
        options.provided.web_api,
        telemetry=telemetry,
        place=section,
        given=client_credentials,
    )
    token_cache = providers.Singleton(
        TokenCache, size_limit=options.provided.token_cache.effective_l1_size_limit
    )
    token_acquirer = providers.Singleton(
        TokenAcquirer,
        options=options.provided.web_api,
        authority=authority,
        clients=http_clients,
        cache=token_cache,
        credentials=credentials,
        clock=clock,
        telemetry=telemetry,
        background=background,
        scheme=options.provided.scheme,
    )
    authorization_header_provider = providers.Singleton(AuthorizationHeaderProvider, token_acquirer)
    downstream_api = providers.Singleton(
        DownstreamApi,
        options.provided.downstream_apis,
        acquirer=token_acquirer,
        clients=http_clients,
        telemetry=telemetry,
        clock=clock,
    )


def make_container(
    options: IdentityOptions,
    *,
    section: str,
    hooks: Sequence[Hook],
    client_credentials: Sequence[ClientCredential],
    parts: Mapping[str, Any],
) -> IdentityContainer:
    """A container over *options*, with *parts* in place of its own by their provider's name."""
    container = IdentityContainer(
        options=options,
        section=section,
        hooks=providers.Object(hooks),
        # Given from outside, since the builder throws away what it made to judge the options.
        correlation_id=str(uuid.uuid4()),
        client_credentials=providers.Object(client_credentials),
    )
    for name, part in parts.items():
        container.providers[name].override(providers.Object(part))
    return container
