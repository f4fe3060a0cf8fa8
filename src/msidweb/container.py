"""The object graph: every long-lived object, and what it is made of."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dependency_injector import containers, providers

from msidweb.acquisition import (
    AuthorizationHeaderProvider,
    SchemeAcquirer,
    TokenAcquirer,
    TokenProvider,
    schemes_of_client,
)
from msidweb.authority import AuthorityKeys, resolve_authority
from msidweb.cache import TokenCache
from msidweb.clock import SystemClock
from msidweb.concurrency import BackgroundTasks
from msidweb.configuration import Configuration, CredentialDescription, IdentityOptions
from msidweb.credentials import AssertionProvider, ClientCredential, load_credentials
from msidweb.customization import Customization
from msidweb.downstream import DownstreamApi
from msidweb.http import HttpClients
from msidweb.telemetry import Hook, Telemetry
from msidweb.validation import TokenValidator, ValidationPolicy


@dataclass(frozen=True, slots=True)
class SchemeSource:
    """Where the options of a scheme came from.

    Attributes:
        section: The section, or what stands for it, as problems name it.
        credentials: Client credentials given in code.
    """

    section: str = "AzureAd"
    credentials: Sequence[ClientCredential | CredentialDescription] = ()


def _schemes(
    options: IdentityOptions, sources: Mapping[str, SchemeSource], **shared: Any
) -> dict[str, IdentityContainer]:
    return {
        name: make_container(
            IdentityOptions(
                web_api=scheme.web_api,
                enable_token_acquisition=scheme.enable_token_acquisition,
                scheme=name,
                environment=options.environment,
            ),
            source=sources.get(name, SchemeSource(name)),
            parts={**shared, "kindred": schemes_of_client(name, options)},
        )
        for name, scheme in options.schemes.items()
    }


def _token_acquirer(
    own: TokenAcquirer, options: IdentityOptions, others: Mapping[str, IdentityContainer]
) -> TokenProvider:
    if not others:
        return own
    acquirers: dict[str, TokenAcquirer | None] = {
        options.scheme: own if options.enable_token_acquisition else None
    }
    for name, scheme in options.schemes.items():
        acquires = scheme.enable_token_acquisition
        acquirers[name] = others[name].scheme_acquirer() if acquires else None
    return SchemeAcquirer(acquirers, default=options.scheme)


class IdentityContainer(containers.DeclarativeContainer):
    """The parts of an identity.

    A part is made once, without I/O, when it is first asked for; until then it can be overridden.
    Those of a single scheme are the default scheme's; every other scheme is a container of its own
    in ``schemes``, which shares with this one what belongs to no scheme.
    """

    options = providers.Dependency(instance_of=IdentityOptions)
    section = providers.Object("AzureAd")
    configuration = providers.ThreadSafeSingleton(Configuration.of_environment, environ={})
    hooks: providers.Provider[Sequence[Hook]] = providers.Object(())
    correlation_id: providers.Provider[str | None] = providers.Object(None)
    client_credentials: providers.Provider[Sequence[ClientCredential | CredentialDescription]] = (
        providers.Object(())
    )
    assertion_providers: providers.Provider[Mapping[str, AssertionProvider]] = providers.Object({})
    scheme_sources: providers.Provider[Mapping[str, SchemeSource]] = providers.Object({})
    customization: providers.Provider[Customization] = providers.Object(Customization())

    clock = providers.ThreadSafeSingleton(SystemClock)
    telemetry = providers.ThreadSafeSingleton(
        Telemetry,
        hooks,
        pii=options.provided.web_api.enable_pii_logging,
        correlation_id=correlation_id,
    )
    background = providers.ThreadSafeSingleton(BackgroundTasks)
    http_clients = providers.ThreadSafeSingleton(
        HttpClients, options.provided.http_clients, telemetry=telemetry
    )

    authority = providers.ThreadSafeSingleton(
        resolve_authority, options.provided.web_api, place=section
    )
    authorities = providers.ThreadSafeSingleton(
        AuthorityKeys,
        authority,
        http_clients,
        clock=clock,
        telemetry=telemetry,
        background=background,
    )
    validation_policy = providers.ThreadSafeSingleton(
        ValidationPolicy.of,
        options.provided.web_api,
        authority,
        scheme=options.provided.scheme,
        place=section,
    )
    token_validator = providers.ThreadSafeSingleton(
        TokenValidator,
        validation_policy,
        authorities,
        clock=clock,
        telemetry=telemetry,
        on_token_validated=customization.provided.on_token_validated,
    )

    credentials = providers.ThreadSafeSingleton(
        load_credentials,
        options.provided.web_api,
        clock=clock,
        telemetry=telemetry,
        place=section,
        given=client_credentials,
        providers=assertion_providers,
    )
    token_cache = providers.ThreadSafeSingleton(
        TokenCache, size_limit=options.provided.token_cache.effective_l1_size_limit
    )
    kindred = providers.ThreadSafeSingleton(schemes_of_client, options.provided.scheme, options)
    scheme_acquirer = providers.ThreadSafeSingleton(
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
        kindred=kindred,
        on_before_token_request=customization.provided.on_before_token_request,
    )

    schemes: providers.Provider[Mapping[str, IdentityContainer]] = providers.ThreadSafeSingleton(
        _schemes,
        options,
        scheme_sources,
        clock=clock.provider,
        telemetry=telemetry.provider,
        background=background.provider,
        http_clients=http_clients.provider,
        token_cache=token_cache.provider,
        customization=customization.provider,
        assertion_providers=assertion_providers.provider,
    )
    token_acquirer = providers.ThreadSafeSingleton(
        _token_acquirer, scheme_acquirer, options, schemes
    )
    authorization_header_provider = providers.ThreadSafeSingleton(
        AuthorizationHeaderProvider, token_acquirer
    )
    downstream_api = providers.ThreadSafeSingleton(
        DownstreamApi,
        options.provided.downstream_apis,
        acquirer=token_acquirer,
        clients=http_clients,
        telemetry=telemetry,
        hooks=customization.provided.request_hooks,
        clock=clock,
    )


def make_container(
    options: IdentityOptions,
    *,
    source: SchemeSource,
    hooks: Sequence[Hook] = (),
    customization: Customization | None = None,
    assertion_providers: Mapping[str, AssertionProvider] | None = None,
    scheme_sources: Mapping[str, SchemeSource] | None = None,
    parts: Mapping[str, Any],
) -> IdentityContainer:
    """A container over *options*, with *parts* in place of its own by their provider's name.

    A part is an object, or a provider that makes it when it is asked for.
    """
    container = IdentityContainer(
        options=options,
        section=source.section,
        hooks=providers.Object(hooks),
        # Given from outside, since the builder throws away what it made to judge the options.
        correlation_id=str(uuid.uuid4()),
        client_credentials=providers.Object(source.credentials),
        assertion_providers=providers.Object(assertion_providers or {}),
        scheme_sources=providers.Object(scheme_sources or {}),
        customization=providers.Object(customization or Customization()),
    )
    for name, part in parts.items():
        container.providers[name].override(part)
    return container
