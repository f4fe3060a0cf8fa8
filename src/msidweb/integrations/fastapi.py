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
from collections.abc import Awaitable, Callable, Iterator
from types import NoneType
from typing import Any, Protocol

from fastapi import FastAPI, Security
from fastapi.openapi.models import OAuth2, OAuthFlowAuthorizationCode, OAuthFlows
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from msidweb.configuration import IdentityOptions
from msidweb.configuration.spelling import unknown_name
from msidweb.kinds import check_kind
from msidweb.principal import Principal
from msidweb.validation import Requirement

from .starlette import (
    Names,
    WebIdentity,
    authenticate,
    authorization_endpoint,
    install,
    options_of,
    slot_of,
)


class DownstreamApis(Protocol):
    """The downstream APIs of an identity."""

    def named(self, name: str, /) -> object:
        """The one of that name; raises InvalidCallError when there is none."""


class ApiIdentity(WebIdentity, Protocol):
    """What this adapter needs of the identity."""

    @property
    def downstream_api(self) -> DownstreamApis:
        """Calls downstream APIs."""


class EntraAuth(SecurityBase):
    """Authenticates callers with Entra ID tokens.

    As ``Security(entra, scopes=[…])`` it gives the :class:`~msidweb.principal.Principal` and wants
    all of the scopes; as ``Depends(entra)`` any caller whose token is valid. It is the key for
    ``app.dependency_overrides``, which then replaces the caller of every :meth:`require` too;
    :meth:`override` does so for tests.

    Args:
        identity: The application's identity.
        scheme: Name of the authentication scheme; the identity's default one where not given.

    Raises:
        InvalidCallError: It is no identity, or it has no such scheme.
    """

    def __init__(self, identity: ApiIdentity, *, scheme: str | None = None) -> None:
        options = options_of(identity)
        known = identity.token_validator.scheme
        if scheme not in (None, known):
            raise unknown_name("scheme", scheme, [known], code="unknown_scheme")
        self.scheme_name = known
        self._identity = identity
        self._documented = _Documentation(options, known)
        self.model = self._documented.model
        self._required: dict[tuple[str, ...], Requirement] = {}
        self._apis: dict[str, Callable[[], Awaitable[object]]] = {}

    async def __call__(
        self, connection: HTTPConnection, security_scopes: SecurityScopes
    ) -> Principal:
        """The caller of the request.

        Raises:
            AuthenticationError: There is no token, or it is refused.
            AuthorizationError: A scope is missing.
        """
        return self._checked(await authenticate(connection, self._identity), security_scopes)

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
    ) -> Callable[..., Awaitable[Principal]]:
        """A dependency that authenticates, and lets in whoever meets the requirement.

            reader = entra.require(any_scope="a.read", any_role="A.Read")
            Reader = Annotated[Principal, Depends(reader)]

        Args:
            scopes: Delegated permissions of which the token needs all.
            any_scope: Delegated permissions of which it needs one.
            any_role: App roles of which it needs one, as an alternative to ``any_scope``.

        Raises:
            InvalidCallError: Nothing is required.
        """
        requirement = Requirement(scopes=scopes, any_scope=any_scope, any_role=any_role)
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

        app.dependency_overrides[self] = overridden
        try:
            yield
        finally:
            del app.dependency_overrides[self]

    def install(self, app: FastAPI, *, docs_client_id: str | None = None) -> None:
        """Make the caller ambient in *app*, answer errors of msidweb, set up the docs page.

        The page signs in by authorization code with PKCE. A mounted application needs its own
        ``install``.

        Args:
            app: The application.
            docs_client_id: Client id of the registration that the page signs in with; without one
                the API's own. Register ``<root>/docs/oauth2-redirect`` there as a SPA redirect URI.
        """
        check_kind("docs_client_id", docs_client_id, str, NoneType)
        install(app, self._identity)
        client_id = docs_client_id or self._identity.options.web_api.client_id
        app.swagger_ui_init_oauth = {
            "usePkceWithAuthorizationCodeGrant": True,
            "clientId": client_id,
            **(app.swagger_ui_init_oauth or {}),
        }
        original = app.openapi

        def openapi() -> dict[str, Any]:
            return self._documented.complete(original())

        app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


class _Documentation:
    """The OpenAPI scheme; scopes are written in full there, as Entra ID wants them."""

    def __init__(self, identity_options: IdentityOptions, name: str) -> None:
        options = identity_options.web_api
        authorize = authorization_endpoint(identity_options)
        flow = OAuthFlowAuthorizationCode(
            authorizationUrl=authorize, tokenUrl=f"{authorize.removesuffix('authorize')}token"
        )
        self.model = OAuth2(
            flows=OAuthFlows(authorizationCode=flow), description="Microsoft Entra ID"
        )
        self.scopes: dict[str, None] = dict.fromkeys(options.scopes or ())
        self._name = name
        audience = options.audience or f"api://{options.client_id}"
        self._resource = audience if "://" in audience else f"api://{audience}"

    def complete(self, schema: dict[str, Any]) -> dict[str, Any]:
        """*schema* with full scope names, at the operations and at the scheme."""
        scheme = schema.get("components", {}).get("securitySchemes", {}).get(self._name)
        if scheme is None:
            return schema
        wanted = {self._full(scope): "" for scope in self.scopes}
        for requirement in self._requirements(schema):
            requirement[self._name] = [self._full(scope) for scope in requirement[self._name]]
            wanted.update(dict.fromkeys(requirement[self._name], ""))
        if not wanted:
            wanted = {f"{self._resource}/.default": ""}
        described = {full: full.rpartition("/")[2] for full in wanted}
        scheme["flows"]["authorizationCode"]["scopes"] = described
        return schema

    def _requirements(self, schema: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
        for path in (*schema.get("paths", {}).values(), *schema.get("webhooks", {}).values()):
            for operation in path.values():
                for requirement in operation.get("security", ()):
                    if self._name in requirement:
                        yield requirement

    def _full(self, scope: str) -> str:
        return scope if "://" in scope else f"{self._resource}/{scope}"
