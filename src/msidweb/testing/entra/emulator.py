"""The emulator as a test sees it: add apps and users, hand out tokens, let things go wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import parse_qsl, urlsplit

from msidweb.clock import Clock, SystemClock
from msidweb.errors import InvalidCallError
from msidweb.kinds import check_kind
from msidweb.testing._arguments import checks_arguments
from msidweb.testing.exchange import Receive, Scope, Send

from .app import EntraApp
from .browser import Browser
from .codes import AuthorizationCodes
from .continuous import ContinuousAccess
from .devices import Devices
from .directory import App, Tenant, User
from .errors import RefusalError
from .faults import Endpoint, Fault, FaultDetails, Faults
from .grants import TokenEndpoint
from .graph import Graph
from .metadata import PUBLIC_CLOUD, Address
from .mint import Mint
from .policies import Policies, Policy
from .refresh import RefreshTokens
from .registry import refuse_strangers
from .wire import Wire

if TYPE_CHECKING:
    import httpx


@checks_arguments(also=refuse_strangers)
class EntraEmulator(Mint):
    """An Entra ID of your own: an ASGI application and the controls of what it does.

    ``transport()`` answers in process; ``serve_tls(emulator)`` serves it on localhost. Ids are
    the same in every run; secrets and tokens are not.

    Args:
        base_url: Login address in every URL and issuer. By default the public cloud's, until
            ``serve_tls`` brings its own; an address given here stays.
        clock: Time for tokens and refusals; a ``ManualClock`` moves all of it.
        tenant: Name of the first tenant.
        fresh_keys: Generate keys for this emulator alone, instead of the process's.
        hosts: More hosts that it answers for, such as ``login.microsoftonline.us`` or
            ``contoso.ciamlogin.com``: documents and issuers are theirs when a request names them.

    Attributes:
        wire: What was asked.
        faults: What goes wrong.
        lifetimes: How long tokens live.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        clock: Clock | None = None,
        tenant: str = "contoso",
        fresh_keys: bool = False,
        hosts: Iterable[str] = (),
    ) -> None:
        self._pinned = base_url is not None
        self._address = Address(base_url or PUBLIC_CLOUD, hosts)
        super().__init__(tenant, self._address, clock=clock or SystemClock(), fresh_keys=fresh_keys)
        self._policies = Policies()
        self._access = ContinuousAccess(self._directory, self._policies)
        refresh_tokens = RefreshTokens()
        codes = AuthorizationCodes(self.lifetimes, refresh_tokens, clock=self._clock)
        devices = Devices(self._address, self.lifetimes, clock=self._clock)
        self._tokens = TokenEndpoint(
            self._directory,
            self._factory,
            self._policies,
            self._address,
            refresh_tokens=refresh_tokens,
            codes=codes,
            devices=devices,
            clock=self._clock,
            home=self.tenant,
        )
        self._browser = Browser(
            self._directory,
            self._factory,
            self._policies,
            self._address,
            codes=codes,
            devices=devices,
            clock=self._clock,
        )
        self.wire = Wire()
        self.faults = Faults()
        self._app = EntraApp(
            directory=self._directory,
            keys=self._keys,
            address=self._address,
            tokens=self._tokens,
            browser=self._browser,
            devices=devices,
            graph=Graph(self._directory, self._factory, self._access, clock=self._clock),
            faults=self.faults,
            forger=self._forger,
            wire=self.wire,
            clock=self._clock,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._app(scope, receive, send)

    @property
    def base_url(self) -> str:
        """The login address: what ``Instance`` or an authority host is set to."""
        return self._address.base_url

    def served_at(self, base_url: str) -> None:
        """Take the address of a server, unless one was given from the start."""
        if not self._pinned:
            self._address.move(base_url)

    def at(self, host: str, *, policy: str | None = None) -> AbstractContextManager[None]:
        """Be at another host while a ``with`` block lasts: tokens and addresses are those of there.

        *policy* is a user flow of Azure AD B2C, such as ``B2C_1_susi``.
        """
        return self._address.at(host, policy)

    def authority(self, tenant: Tenant | str | None = None) -> str:
        """``{base_url}/{tenant}``; a text goes in as it is, such as ``common``."""
        segment = tenant if isinstance(tenant, str) else (tenant or self.tenant).id
        return self._address.of_tenant(segment)

    def token_endpoint(self, tenant: Tenant | str | None = None) -> str:
        """Where tokens are asked for."""
        return f"{self.authority(tenant)}/oauth2/v2.0/token"

    def azure_ad(self, app: App) -> dict[str, Any]:
        """The ``AzureAd`` section of an API's configuration, its client secret included."""
        section: dict[str, Any] = {
            "Instance": f"{self.base_url}/",
            "TenantId": app.tenant.id,
            "ClientId": app.client_id,
        }
        if app.secrets:
            credential = {"SourceType": "ClientSecret", "ClientSecret": app.client_secret}
            section["ClientCredentials"] = [credential]
        return section

    def transport(self) -> httpx.AsyncBaseTransport:
        """An httpx transport that answers every host in process."""
        import httpx  # noqa: PLC0415 - only tests that talk in process need it

        return httpx.ASGITransport(app=self)

    @property
    def repeat_openid_scopes(self) -> bool:
        """Whether ``scope`` of an answer repeats ``openid profile email``; Entra ID does both."""
        return self._tokens.repeat_openid_scopes

    @repeat_openid_scopes.setter
    def repeat_openid_scopes(self, value: bool) -> None:
        check_kind("repeat_openid_scopes", value, bool)
        self._tokens.repeat_openid_scopes = value

    def sign_in(self, user: User, url: str, *, approve: bool = True) -> dict[str, str]:
        """What a client gets back when its user follows an authorize *url*: a code, or an error.

        The user signs in, approves a second factor and consents, as far as they are asked.

        Args:
            user: Who follows.
            url: The address that the client made, such as MSAL's ``auth_uri``.
            approve: Whether they approve a second factor.

        Raises:
            InvalidCallError: Entra ID would answer with a page, and the client would hear nothing.
        """
        try:
            return self._browser.visit(user, url, approve=approve)
        except RefusalError as refusal:
            if refusal.face is None:
                raise InvalidCallError(_told(refusal)) from None
            state = dict(parse_qsl(urlsplit(url).query)).get("state", "")
            return {"error": refusal.error, "error_description": _told(refusal), "state": state}

    def sign_in_device(self, user: User, user_code: str, *, approve: bool = True) -> None:
        """Let a user enter the code of a device, as :meth:`sign_in` does for a browser.

        Raises:
            InvalidCallError: No device waits with that code, or the user is refused.
        """
        try:
            self._browser.visit_for_device(user, user_code, approve=approve)
        except RefusalError as refusal:
            raise InvalidCallError(_told(refusal)) from None

    def fail_next(self, endpoint: Endpoint, **details: Unpack[FaultDetails]) -> Fault:
        """Let the next request to an endpoint go wrong; :class:`Fault` says in which ways.

        ``times=None`` lasts until ``lift()``; ``for_seconds`` ends it by the emulator's clock;
        ``user``, ``app``, ``scope`` and ``grant_type`` narrow it down.
        """
        return self.faults.add(Fault.of(endpoint, details, now=self._clock.time()))

    def require_mfa(
        self,
        resource: App,
        *,
        user: User | None = None,
        client: App | None = None,
        registered: bool = True,
    ) -> Policy:
        """Conditional access: refuse tokens for a resource to users without a second factor.

        Args:
            resource: Whose tokens are refused, also in an on-behalf-of exchange.
            user: The only user that it is for.
            client: The only app that it is for: the one that asks for the token.
            registered: Whether users have a second factor: 50076, otherwise 50079.
        """
        code = 50076 if registered else 50079
        return self._policies.add(resource, code, user=user, client=client)

    def block_access(
        self,
        resource: App,
        *,
        user: User | None = None,
        client: App | None = None,
        code: int = 53003,
    ) -> Policy:
        """Conditional access: refuse tokens for a resource, whatever the user does.

        *code* is 53003, or 53000 and 53001 for a device that is not compliant or not joined.
        """
        return self._policies.add(resource, code, user=user, client=client)

    def lift_policy(self, policy: Policy) -> None:
        """Undo :meth:`require_mfa` or :meth:`block_access`.

        Raises:
            InvalidCallError: It is of another emulator, or was lifted already.
        """
        self._policies.lift(policy)

    def revoke_sessions(self, user: User) -> None:
        """End every sign-in of a user.

        Older assertions and refresh tokens answer 50173, and APIs with continuous access
        evaluation (Graph's stand-in, ``DownstreamEcho``) refuse older tokens of clients that
        declared ``cp1``. Time counts in seconds: let a ``ManualClock`` tick before the user signs
        in again.
        """
        self._policies.revoke_sessions(user.oid, at=self._clock.time())

    def access_challenge(self, claims: Mapping[str, object]) -> str | None:
        """The claims request with which an API refuses a token after a revocation, else None.

        *claims* are the token's; for stand-ins of APIs with continuous access evaluation.
        """
        return self._access.challenge(claims)


def _told(refusal: RefusalError) -> str:
    return f"AADSTS{refusal.code}: {refusal.text}"
