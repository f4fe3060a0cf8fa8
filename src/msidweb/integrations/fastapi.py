"""FastAPI: one object that authenticates, authorizes and documents.

    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    User = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @app.get("/api/userdata")
    async def user_data(user: User, partner: Partner) -> UserData:
        return await partner.get_for_user("api/users/me", response_model=UserData)

Every dependency is asynchronous: FastAPI runs the others in its thread pool, which costs more than
validating a known token.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from types import NoneType
from typing import Any, Protocol, TypeVar, Unpack

from fastapi import FastAPI, Security
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from msidweb.errors import MissingTokenError
from msidweb.kinds import check_kind
from msidweb.principal import Principal
from msidweb.validation import Requirement, RequirementKeys

from .docs_page import serve_docs
from .long_lived import still_valid, until_expiry, while_valid
from .openapi import Documentation
from .starlette import authenticate, install, slot_of
from .web import Names, WebIdentity, accepting

T = TypeVar("T")


class DownstreamApis(Protocol):
    """The downstream APIs of an identity."""

    def named(self, name: str, /) -> object:
        """The one of that name; raises InvalidCallError when there is none."""


class ApiIdentity(WebIdentity, Protocol):
    """What this adapter needs of the identity."""

    @property
    def downstream_api(self) -> DownstreamApis:
        """Calls downstream APIs."""


class OptionalAuth(SecurityBase):
    """The caller, or None where the request has no token; ``optional`` of :class:`EntraAuth`.

        Caller = Annotated[Principal | None, Security(entra.optional, scopes=["orders.read"])]

    A token that is refused, or lacks a scope, is refused here too.
    """

    def __init__(self, required: EntraAuth, documented: Documentation) -> None:
        self._required = required
        self.scheme_name = documented.optional_name
        self.model = documented.model

    async def __call__(
        self, connection: HTTPConnection, security_scopes: SecurityScopes
    ) -> Principal | None:
        """The caller of the request, if it has one.

        Raises:
            AuthenticationError: Its token is refused.
            AuthorizationError: A scope is missing.
        """
        try:
            return await self._required(connection, security_scopes)
        except MissingTokenError:
            return None


class EntraAuth(SecurityBase):
    """Authenticates callers with Entra ID tokens.

    As ``Security(entra, scopes=[…])`` it gives the :class:`~msidweb.principal.Principal` and wants
    all of the scopes; as ``Depends(entra)`` any caller whose token is valid. It is the key for
    ``app.dependency_overrides``, which then replaces the caller of every :meth:`require` too;
    :meth:`override` does so for tests.

    Args:
        identity: The application's identity.
        scheme: Name of the authentication scheme; the identity's default one where not given.
        schemes: Names of schemes of which one must accept the token, instead; tried in this order.

    Attributes:
        optional: The same for routes that callers without a token may use as well.

    Raises:
        InvalidCallError: It is no identity, it has no such scheme, or both are given.
    """

    def __init__(
        self,
        identity: ApiIdentity,
        *,
        scheme: str | None = None,
        schemes: Sequence[str] | None = None,
    ) -> None:
        self._identity = identity
        self._accepted = accepting(identity, scheme, schemes)
        names = [scheme] if schemes is None else schemes
        self._documented = Documentation([identity.scheme(name) for name in names])
        self.scheme_name = self._documented.name
        self.model = self._documented.model
        self._required: dict[tuple[str, ...], Requirement] = {}
        self.optional = OptionalAuth(self, self._documented)
        self._apis: dict[str, Callable[[], Awaitable[object]]] = {}

    async def __call__(
        self, connection: HTTPConnection, security_scopes: SecurityScopes
    ) -> Principal:
        """The caller of the request.

        Raises:
            AuthenticationError: There is no token, or it is refused.
            AuthorizationError: A scope is missing.
        """
        return self._checked(
            await authenticate(connection, self._identity, self._accepted), security_scopes
        )

    def _checked(self, principal: Principal, wanted: SecurityScopes) -> Principal:
        scopes = tuple(wanted.scopes)
        if scopes:
            if scopes not in self._required:
                self._required[scopes] = Requirement(scopes=scopes)
            self._required[scopes].check(principal)
        return principal

    def require(
        self,
        *,
        scopes: Names = (),
        any_scope: Names = (),
        any_role: Names = (),
        **keys: Unpack[RequirementKeys],
    ) -> Callable[..., Awaitable[Principal]]:
        """A dependency that authenticates, and lets in whoever meets the requirement.

            reader = entra.require(any_scope="a.read", any_role="A.Read")
            Reader = Annotated[Principal, Depends(reader)]

        Args:
            scopes: Delegated permissions of which the token needs all.
            any_scope: Delegated permissions of which it needs one.
            any_role: App roles of which it needs one, as an alternative to ``any_scope``.
            keys: ``required_scopes_configuration_key`` and
                ``required_app_permissions_configuration_key`` of :meth:`Requirement.of`.

        Raises:
            InvalidCallError: Nothing is required.
            ConfigurationError: A key is missing, empty, or stands beside names.
        """
        requirement = Requirement.of(
            self._identity.configuration, scopes, any_scope=any_scope, any_role=any_role, **keys
        )
        self._documented.scopes.update(dict.fromkeys(requirement.any_scope))

        async def required(
            principal: Principal = Security(self, scopes=requirement.scopes),  # noqa: B008 - FastAPI's way
        ) -> Principal:
            requirement.check(principal)
            return principal

        return required

    def api(self, name: str) -> Callable[[], Awaitable[Any]]:
        """A dependency that gives the downstream API *name*; always the same one for a name.

        Raises:
            InvalidCallError: There is no API of that name.
        """
        self._identity.downstream_api.named(name)
        if name not in self._apis:

            async def named() -> object:
                return self._identity.downstream_api.named(name)

            self._apis[name] = named
        return self._apis[name]

    async def downstream_api(self) -> Any:
        """A dependency that gives the :class:`~msidweb.downstream.DownstreamApi`."""
        return self._identity.downstream_api

    @contextlib.contextmanager
    def override(self, app: FastAPI, principal: Principal) -> Iterator[None]:
        """Let *principal* call every route of *app* inside the ``with`` block; for tests.

        No token is looked at; scopes and roles are required as ever, and calls for the user find
        the principal. ``EntraEmulator.principal`` makes one.
        """
        check_kind("app", app, FastAPI)
        check_kind("principal", principal, Principal)

        async def overridden(
            connection: HTTPConnection, security_scopes: SecurityScopes
        ) -> Principal:
            slot_of(connection, self._identity).principal = principal
            return self._checked(principal, security_scopes)

        keys = (self, self.optional)
        app.dependency_overrides.update(dict.fromkeys(keys, overridden))
        try:
            yield
        finally:
            for key in keys:
                del app.dependency_overrides[key]

    def still_valid(self, principal: Principal) -> bool:
        """Whether the token of *principal* would be accepted now, as far as time goes.

        Raises:
            InvalidCallError: *principal* is none, or of a scheme that the identity does not have.
        """
        return still_valid(self._identity, principal)

    def until_expiry(self, principal: Principal) -> AbstractAsyncContextManager[None]:
        """A block that is cancelled, and ends in an error, when the token of *principal* ends.

        For WebSockets: the error closes them with 1008.

            async with entra.until_expiry(user):
                async for order in websocket.iter_json():
                    await websocket.send_json(await partner.post_for_user("orders", json=order))

        Raises:
            ExpiredTokenError: The token has ended.
            InvalidCallError: As :meth:`still_valid`.
        """
        check_kind("principal", principal, Principal)
        return until_expiry(self._identity, principal)

    def while_valid(self, principal: Principal, items: AsyncIterable[T]) -> AsyncGenerator[T, None]:
        """The *items*, until they end or the token of *principal* does.

        For server-sent events and other streams, which end with it.

        Raises:
            InvalidCallError: As :meth:`still_valid`.
        """
        check_kind("principal", principal, Principal)
        check_kind("items", items, AsyncIterable)
        return while_valid(self._identity, principal, items)

    def install(
        self,
        app: FastAPI,
        *,
        docs_client_id: str | None = None,
        swagger_assets: str | os.PathLike[str] | None = None,
    ) -> None:
        """Make the caller ambient in *app*, answer errors of msidweb, set up the docs page.

        The page signs in by authorization code with PKCE. A mounted application needs its own
        ``install``.

        Args:
            app: The application.
            docs_client_id: Client id of the registration that the page signs in with; without one
                the API's own. Register ``<root>/docs/oauth2-redirect`` there as a SPA redirect URI.
            swagger_assets: Folder of npm's ``swagger-ui-dist``, from which the page has its scripts
                then; without one they come from the CDN that FastAPI names.

        Raises:
            InvalidCallError: An argument is of a wrong kind, or the folder not that of Swagger UI.
        """
        check_kind("docs_client_id", docs_client_id, str, NoneType)
        check_kind("swagger_assets", swagger_assets, str, os.PathLike, NoneType)
        install(app, self._identity)
        client_id = docs_client_id or self._documented.client_id
        app.swagger_ui_init_oauth = {
            "usePkceWithAuthorizationCodeGrant": True,
            "clientId": client_id,
            **(app.swagger_ui_init_oauth or {}),
        }
        original = app.openapi

        def openapi() -> dict[str, Any]:
            return self._documented.complete(original())

        app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
        serve_docs(app, swagger_assets)
