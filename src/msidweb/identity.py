"""The owner: opens the parts of one identity, hands them out and closes them."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import NoneType, TracebackType
from typing import Any, Self, TypeAlias

import httpx

from msidweb.acquisition import (
    AuthorizationHeaderProvider,
    TokenAcquirer,
    TokenProvider,
    acquires_nothing,
)
from msidweb.blocking import BlockingIdentity
from msidweb.concurrency import Portal, forget_in_children
from msidweb.configuration import (
    ENTRA_CLIENT,
    Configuration,
    IdentityOptions,
    MicrosoftIdentityOptions,
)
from msidweb.configuration.spelling import unknown_name
from msidweb.container import IdentityContainer
from msidweb.downstream import DownstreamApi, DownstreamAuth
from msidweb.errors import InvalidCallError
from msidweb.health import HealthReport, health_of
from msidweb.kinds import check_kind, wrong_kind
from msidweb.principal import Principal
from msidweb.telemetry import Telemetry
from msidweb.validation import TokenValidator

OwnLifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


class Identity:
    """One application's identity: validates its callers and acquires tokens for them.

    Made by :meth:`msidweb.IdentityBuilder.build`. The constructor does no I/O. Open it with
    ``async with`` or by handing :attr:`lifespan` to the web framework; an identity that is used
    without opens itself, with one warning. It can be opened again after it was closed.

    Attributes:
        container: The object graph, for ``wire()``, ``Provide[…]``, overrides and nesting.
        lifespan: Opens and closes the identity with the application.
        blocking: The same calls for code that blocks.
    """

    def __init__(self, container: IdentityContainer) -> None:
        self.container = container
        self.lifespan = Lifespan(self)
        self._holders: Counter[asyncio.AbstractEventLoop] = Counter()
        self.blocking = BlockingIdentity(self, Portal(self, lambda: tuple(self._holders)))
        forget_in_children(self)

    @property
    def _options(self) -> IdentityOptions:
        return self.container.options()

    @property
    def _schemes(self) -> tuple[IdentityContainer, ...]:
        return (self.container, *self.container.schemes().values())

    @property
    def options(self) -> IdentityOptions:
        """The options that this identity was built from; changing them changes nothing."""
        return self._options.model_copy(deep=True)

    @property
    def configuration(self) -> Configuration:
        """The layered settings that it was built over, for values of the application's own."""
        return self.container.configuration()

    @property
    def token_validator(self) -> TokenValidator:
        """Turns an Authorization field into a principal, by the default scheme."""
        return self.container.token_validator()

    @property
    def token_acquirer(self) -> TokenProvider:
        """Acquires tokens for the user and for the application. .NET: ITokenAcquirer.

        Of several schemes it takes the one that validated the user, for the application the default
        one, or the one that ``AcquireTokenOptions.authentication_options_name`` names.

        Raises:
            InvalidCallError: Token acquisition was not enabled.
        """
        if not any(s.enable_token_acquisition for s in self._options.all_schemes.values()):
            raise InvalidCallError("No tokens are acquired; call enable_token_acquisition().")
        return self.container.token_acquirer()

    def scheme(self, name: str | None = None) -> IdentityScheme:
        """The authentication scheme *name*, or the default one.

        Raises:
            InvalidCallError: There is none; the error names those there are.
        """
        check_kind("the scheme's name", name, str, NoneType)
        if name is None or name == self._options.scheme:
            return IdentityScheme(self.container)
        schemes = self.container.schemes()
        if name not in schemes:
            known = [self._options.scheme, *schemes]
            raise unknown_name("authentication scheme", name, known, code="unknown_scheme")
        return IdentityScheme(schemes[name])

    @property
    def authorization_header_provider(self) -> AuthorizationHeaderProvider:
        """Makes Authorization values. .NET: IAuthorizationHeaderProvider."""
        return self.container.authorization_header_provider()

    @property
    def downstream_api(self) -> DownstreamApi:
        """Calls the named downstream APIs. .NET: IDownstreamApi."""
        return self.container.downstream_api()

    def auth(
        self,
        api: str | Sequence[str],
        *,
        base_url: str | None = None,
        user: Principal | None = None,
        for_app: bool = False,
        session_key: str | None = None,
    ) -> DownstreamAuth:
        """Attaches an API's token to requests of an ``httpx.AsyncClient`` of your own.

        ``httpx.AsyncClient(auth=identity.auth("PartnerAPI"))``. .NET:
        MicrosoftIdentityMessageHandler.

        Args:
            api: Name of the API; or scopes, with the *base_url* that their tokens may reach.
            base_url: Root of an API that is not configured.
            user: The user, instead of the one of the request in which a call is made.
            for_app: Attach the application's token, not a user's.
            session_key: Long-running session whose user is meant.

        Raises:
            InvalidCallError: There is no such API, scopes come without a base URL or a name with
                one, or the scopes are not those of an application.
        """
        return self.downstream_api.auth(
            api, base_url=base_url, user=user, for_app=for_app, session_key=session_key
        )

    @property
    def telemetry(self) -> Telemetry:
        """Takes events to standard logging and to the hooks."""
        return self.container.telemetry()

    def http_client(self, name: str) -> httpx.AsyncClient:
        """The HTTP client registered as *name*; it belongs to the identity, do not close it.

        ``"Entra"`` and each downstream API have one without a registration.

        Raises:
            InvalidCallError: No client has the name, or no event loop runs.
        """
        options = self.container.options()
        known = [*(options.http_clients | options.downstream_apis | {ENTRA_CLIENT: None})]
        if name not in known:
            raise unknown_name("HTTP client", name, known, code="unknown_client")
        return self.container.http_clients().client(name)

    def health(self) -> HealthReport:
        """How the identity is doing, as far as this process knows; it waits for nothing.

        While an authority's keys never came, they are fetched in the background: a probe finds
        them the next time, without a request that has to go first.
        """
        schemes = self._schemes
        report = health_of(schemes)
        for loop in tuple(self._holders):
            if loop.is_running():
                for container in schemes:
                    loop.call_soon_threadsafe(container.authorities().look_ahead)
                break
        return report

    async def open(self) -> None:
        """Prepare what takes time, so that the first request does not pay for it.

        Whoever opens closes; each event loop opens for itself.
        """
        loop = asyncio.get_running_loop()
        self._holders[loop] += 1
        if self._holders[loop] > 1:
            return
        self.container.http_clients().open()
        for container in self._schemes:
            if container.options().enable_token_acquisition:
                await container.scheme_acquirer().open()

    async def aclose(self) -> None:
        """Let background work end, at most 5 seconds, and close every connection."""
        loop = asyncio.get_running_loop()
        self._holders[loop] -= 1
        if self._holders[loop] > 0:
            return
        del self._holders[loop]
        await self.container.background().aclose()
        await self.container.http_clients().aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def forget_parent(self) -> None:
        """Be closed in a forked child, which opens it for itself; called by the fork."""
        self._holders = Counter()

    def __repr__(self) -> str:
        state = "open" if self._holders else "closed"
        return f"<Identity scheme={self._options.scheme!r} {state}>"

    def __del__(self) -> None:
        if getattr(self, "_holders", 0):
            warnings.warn(f"{self!r} was never closed", ResourceWarning, stacklevel=2, source=self)


class IdentityScheme:
    """One authentication scheme of an identity: who validates, and who acquires, in it alone."""

    def __init__(self, container: IdentityContainer) -> None:
        self._container = container

    @property
    def name(self) -> str:
        """Name of the scheme; principals carry it."""
        return self._container.options().scheme

    @property
    def options(self) -> MicrosoftIdentityOptions:
        """The application and its authority; changing them changes nothing."""
        return self._container.options().web_api.model_copy(deep=True)

    @property
    def token_validator(self) -> TokenValidator:
        """Turns an Authorization field into a principal of this scheme."""
        return self._container.token_validator()

    @property
    def token_acquirer(self) -> TokenAcquirer:
        """Acquires tokens with this scheme's client, for its own callers and for the application.

        Raises:
            InvalidCallError: Token acquisition was not enabled for this scheme.
        """
        if not self._container.options().enable_token_acquisition:
            raise acquires_nothing(self.name)
        return self._container.scheme_acquirer()

    def __repr__(self) -> str:
        return f"<IdentityScheme {self.name!r}>"


class Lifespan:
    """The identity's life tied to a web application's.

    ``FastAPI(lifespan=identity.lifespan)``, or with a lifespan of one's own
    ``FastAPI(lifespan=identity.lifespan.around(own))``: the identity is open while it runs.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    @contextlib.asynccontextmanager
    async def __call__(self, app: Any = None) -> AsyncIterator[None]:  # noqa: ARG002 - the framework passes it
        """Keep the identity open inside the ``async with`` block."""
        async with self._identity:
            yield

    def around(self, own: OwnLifespan) -> OwnLifespan:
        """A lifespan that opens the identity, runs *own* inside, and hands on what it yields.

        Raises:
            InvalidCallError: *own* is no function.
        """
        if not callable(own):
            raise wrong_kind("around", own, "a lifespan function")

        @contextlib.asynccontextmanager
        async def both(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
            async with self._identity, own(app) as state:
                yield state

        return both
