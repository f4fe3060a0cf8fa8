"""An Entra ID around the service under test: its tenant, its users, their tokens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx

from msidweb.errors import InvalidCallError
from msidweb.identity import Identity

from ._arguments import checks_arguments
from .clock import ManualClock
from .entra import App, EntraEmulator, User, sample_tenant
from .entra.registry import refuse_strangers
from .exchange import AsgiApp
from .redirection import Between, redirected
from .settings import environment_of
from .stand_in import StandInApi

if TYPE_CHECKING:
    from starlette.testclient import TestClient

_BASE_URL = "https://testserver"


@checks_arguments(also=refuse_strangers)
class EntraSandbox(EntraEmulator):
    """An emulator with the sample tenant, and a service that takes it for Entra ID.

    pytest's fixture ``entra`` is one::

        def test_alice_gets_her_data(entra):
            client = entra.client(app)
            assert client.get("/data", headers=entra.headers("alice")).status_code == 200

    A service that was built from its own settings is redirected: tenant, client id, credentials
    and time are the sandbox's, each downstream API is a :class:`StandInApi`, and nothing leaves the
    process. What was taken from the identity before, such as its ``downstream_api``, still leads to
    production: take it where it is used. Leaving the ``with`` block undoes all of it.

    Args:
        clock: Time of the emulator and the service; stands still at the present unless given.

    Attributes:
        clock: As given.
        sample: The sample tenant; the service is its ``api``.
        apis: The stand-ins, by the names of the service's downstream APIs.
    """

    def __init__(self, *, clock: ManualClock | None = None) -> None:
        self._manual_clock = clock or ManualClock()
        super().__init__(clock=self._manual_clock)
        self.sample = sample_tenant(self)
        self.apis: dict[str, StandInApi] = {}
        self._services: dict[str, App] = {}
        self._redirected: list[Identity] = []
        self._stack = contextlib.ExitStack()

    @property
    def clock(self) -> ManualClock:
        """Time of the emulator and the service; ``clock.advance(seconds)`` moves it."""
        return self._manual_clock

    @property
    def environ(self) -> dict[str, str]:
        """The service's ``AzureAd`` section as environment variables."""
        return environment_of({"AzureAd": self.azure_ad(self.sample.api)})

    def user(self, name: str, *, roles: Iterable[str] = (), admin: bool = False) -> User:
        """The user of that name, who comes into being where there is none.

        *roles* are app roles of the service that they have from now on, in every token.
        """
        known = self._directory.users.get(f"{name.lower()}@{self.tenant.domain}")
        user = known or self.add_user(name, admin=admin)
        wanted = tuple(roles)
        service = self.sample.api
        service.roles = tuple(dict.fromkeys((*service.roles, *wanted)))
        self.assign(user=user, resource=service, roles=wanted)
        return user

    def token(
        self,
        user: User | str = "alice",
        *,
        scopes: Iterable[str] | None = None,
        roles: Iterable[str] | None = None,
        scheme: str | None = None,
        claims: Mapping[str, object] | None = None,
        **details: Any,
    ) -> str:
        """An access token of *user* for the service: a new sign-in each time.

        Args:
            user: Who, or their name.
            scopes: Delegated permissions; all that the service exposes unless given.
            roles: App roles of this token alone; those of the user unless given.
            scheme: Name of an authentication scheme; the default one unless given.
            claims: Claims that are another; None leaves one out.
            details: As for :meth:`EntraEmulator.user_token`.
        """
        who = self.user(user) if isinstance(user, str) else user
        overrides = (
            dict(claims or {}) if roles is None else {"roles": list(roles), **(claims or {})}
        )
        service = self.sample.api if scheme is None else self.service(scheme)
        return self.user_token(who, resource=service, scopes=scopes, claims=overrides, **details)

    def headers(self, user: User | str = "alice", **details: Any) -> dict[str, str]:
        """The Authorization header of a new sign-in of *user*; takes what :meth:`token` takes.

        Keep it for several requests of one sign-in.
        """
        return {"Authorization": f"Bearer {self.token(user, **details)}"}

    def app_headers(self, *, roles: Iterable[str] | None = None, **details: Any) -> dict[str, str]:
        """The Authorization header of the sample's daemon, which calls without a user.

        Args:
            roles: App roles of this token; ``Orders.Read.All`` alone unless given.
            details: As for :meth:`EntraEmulator.app_token`.
        """
        given: dict[str, Any] = {"client": self.sample.daemon, "resource": self.sample.api}
        if roles is not None:
            given["claims"] = {"roles": list(roles)}
        return {"Authorization": f"Bearer {self.app_token(**given | details)}"}

    def client(self, app: AsgiApp, identity: Identity | None = None) -> TestClient:
        """Starlette's test client of *app*, which is redirected; its lifespan runs until the end.

        Args:
            app: The service.
            identity: Its identity, where no adapter of ours was installed on the application.
        """
        from starlette.testclient import TestClient  # noqa: PLC0415 - an optional dependency

        self.redirect(app if identity is None else identity)
        return self._stack.enter_context(TestClient(app, base_url=_BASE_URL))

    def async_client(self, app: AsgiApp, identity: Identity | None = None) -> httpx.AsyncClient:
        """An httpx client of *app*, which is redirected; enter it with ``async with``."""
        self.redirect(app if identity is None else identity)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=_BASE_URL)

    def redirect(
        self, service: Identity | AsgiApp, *, between: Between | None = None
    ) -> list[Identity]:
        """Let *service* take this for Entra ID, until the end; what it was led by is left as it is.

        Args:
            service: An identity that is not open, or an application with adapters of ours on it.
            between: Put around the transports, such as one that delays.

        Returns:
            The identities that were found.

        Raises:
            InvalidCallError: The application has no identity.
        """
        found = [service] if isinstance(service, Identity) else list(_identities(service))
        if not found:
            raise InvalidCallError(
                "No identity is installed on the application.",
                remedy="pass the identity itself",
            )
        for identity in found:
            if identity not in self._redirected:
                leading = redirected(identity, self, between=between or _directly)
                self._stack.enter_context(leading)
                self._redirected.append(identity)
        return found

    def service(self, scheme: str) -> App:
        """The app that the service is in one of its authentication schemes."""
        if scheme not in self._services:
            sample = self.sample.api
            self._services[scheme] = (
                self.add_app(f"{sample.name}-{scheme}", scopes=sample.scopes, roles=sample.roles)
                if self._services
                else sample
            )
        return self._services[scheme]

    def resource(self, uri: str, name: str) -> App:
        """The app with the identifier *uri*, which is registered as *name* where there is none."""
        found = self._directory.find_resource(uri, self.tenant.id)
        return found or self.add_app(name, app_id_uri=uri, scopes=["access"], multi_tenant=True)

    def close(self) -> None:
        """Close the clients and let the services go."""
        self._redirected.clear()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _directly(transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    return transport


def _identities(app: object) -> Iterator[Identity]:
    for middleware in getattr(app, "user_middleware", ()):
        identity = middleware.kwargs.get("identity")
        if isinstance(identity, Identity):
            yield identity
    for route in getattr(app, "routes", ()):
        # A mounted application has its own.
        yield from _identities(getattr(route, "app", None))
