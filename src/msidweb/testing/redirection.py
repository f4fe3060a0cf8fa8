"""An identity that was built for production, led to an emulator until it is let go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import httpx

from msidweb.configuration import (
    ENTRA_CLIENT,
    DownstreamApiOptions,
    HttpClientOptions,
    IdentityOptions,
    MicrosoftIdentityOptions,
)
from msidweb.container import IdentityContainer
from msidweb.identity import Identity

from .entra import App
from .entra.directory import GRAPH_URI, SHARED_TENANTS
from .exchange import AsgiApp
from .stand_in import StandInApi, Switchboard

if TYPE_CHECKING:
    from .sandbox import EntraSandbox

Between = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]

_OF_THE_SERVICE = (
    "allow_user_roles_without_scope",
    "allow_web_api_to_be_authorized_by_acl",
    "app_permissions",
    "client_capabilities",
    "enable_pii_logging",
    "maximum_token_size",
    "scopes",
)
"""What stays of the options; the others say who the service is, and where."""


@contextlib.contextmanager
def redirected(identity: Identity, sandbox: EntraSandbox, *, between: Between) -> Iterator[None]:
    """Lead *identity* to *sandbox* inside the ``with`` block; parts are made anew at both ends.

    Args:
        identity: It is not open.
        sandbox: Gets a stand-in for each of the identity's downstream APIs.
        between: Put around every transport.
    """
    containers = [identity.container, *identity.container.schemes().values()]
    services = [_service(container.options(), sandbox) for container in containers]
    with contextlib.ExitStack() as stack:
        for container in containers:
            stack.callback(_make_anew, container)
        stack.enter_context(identity.container.clock.override(sandbox.clock))
        clients = _http_clients(identity.container.options(), sandbox, services, between)
        for container, service in zip(containers, services, strict=True):
            options = container.options()
            web_api = _web_api(options.web_api, sandbox.azure_ad(service))
            update = {"web_api": web_api, "http_clients": clients}
            stack.enter_context(container.options.override(options.model_copy(update=update)))
            stack.enter_context(container.client_credentials.override(()))
        for container in containers:
            _make_anew(container)
        yield


def _service(options: IdentityOptions, sandbox: EntraSandbox) -> App:
    service = sandbox.service(options.scheme)
    service.multi_tenant |= options.web_api.tenant_id in SHARED_TENANTS
    service.scopes = _united(service.scopes, options.web_api.scopes)
    service.roles = _united(service.roles, options.web_api.app_permissions)
    return service


def _web_api(
    options: MicrosoftIdentityOptions, section: Mapping[str, object]
) -> MicrosoftIdentityOptions:
    kept = {name: getattr(options, name) for name in _OF_THE_SERVICE}
    if options.tenant_id in SHARED_TENANTS:
        kept["tenant_id"] = options.tenant_id
    return MicrosoftIdentityOptions.model_validate(section).model_copy(update=kept)


def _http_clients(
    options: IdentityOptions, sandbox: EntraSandbox, services: Iterable[App], between: Between
) -> dict[str, HttpClientOptions]:
    known = options.http_clients
    places: dict[str, dict[str, AsgiApp]] = {name: {} for name in known}
    places[ENTRA_CLIENT] = {"": sandbox}
    for name, api in options.downstream_apis.items():
        resource = _resource(name, api, sandbox, services)
        stand_in = sandbox.apis[name] = StandInApi(sandbox, resource)
        places.setdefault(api.http_client_name or name, {})[str(api.base_url)] = stand_in
    return {
        name: known.get(name, HttpClientOptions()).model_copy(
            update={"transport": between(Switchboard(answering))}
        )
        for name, answering in places.items()
    }


def _resource(
    name: str, api: DownstreamApiOptions, sandbox: EntraSandbox, services: Iterable[App]
) -> App | None:
    resource: App | None = None
    for scope in api.scopes or ():
        uri, _, permission = scope.rpartition("/")
        resource = sandbox.resource(uri or GRAPH_URI, name)
        if permission != ".default":
            resource.scopes = _united(resource.scopes, [permission])
    if resource is not None:
        for service in services:
            sandbox.consent(client=service, resource=resource)
    return resource


def _united(names: tuple[str, ...], more: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *(more or ()))))


def _make_anew(container: IdentityContainer) -> None:
    for name, provider in container.providers.items():
        # Adapters hold on to the containers of the other schemes.
        if name != "schemes" and hasattr(provider, "reset"):
            provider.reset()
