"""Tokens for other services, from memory where possible. .NET: ITokenAcquirer."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import uuid
from collections.abc import Collection, Sequence

from msidweb.authority import Authority
from msidweb.cache import CacheEntry, RequestKey, TokenCache, app_partition
from msidweb.clock import Clock
from msidweb.concurrency import BackgroundTasks, Callback, Flight
from msidweb.configuration.options import AcquireTokenOptions, MicrosoftIdentityOptions
from msidweb.credentials import CredentialChain
from msidweb.errors import InvalidCallError, MsidwebError, UserRequiredError
from msidweb.kinds import check_kind, wrong_kind
from msidweb.principal import Principal, ambient_slot
from msidweb.telemetry import (
    RefreshAheadFailed,
    Telemetry,
    TokenAcquired,
    correlation_id,
)
from msidweb.tokens import AcquiredToken, RefreshReason

from .demand import Demand
from .draft import TokenRequestDraft
from .fetching import TokenFetcher
from .lifetimes import back_off
from .msal_writer import MsalWriter
from .terms import Scopes, Terms, is_correlation_id, no_scopes, read_scopes, read_terms
from .wire import EntraClients, Sleep, TokenEndpoint

_REMEMBERED_SCOPES = 1024
_DEFAULT = "/.default"


class TokenAcquirer:
    """Gets tokens on behalf of users and for the application itself.

    A token in memory is handed out without waiting, hashing or parsing. Whoever asks while a
    request for the same token is under way waits for that one; tokens that near their end are
    renewed in the background.

    Args:
        options: The application registration.
        authority: Where tokens are asked for.
        clients: HTTP clients; the one called "Entra" is used.
        cache: Where tokens are kept.
        credentials: How the application proves who it is.
        clock: The time.
        telemetry: Hears of every acquisition.
        background: Owns the renewals.
        scheme: Authentication scheme whose callers are served.
        kindred: More schemes whose callers are served: their tokens are for the same client.
        sleep: How the pause before a repeat is waited for.
        on_before_token_request: Each is called before a token request is sent.
    """

    def __init__(
        self,
        *,
        options: MicrosoftIdentityOptions,
        authority: Authority,
        clients: EntraClients,
        cache: TokenCache,
        credentials: CredentialChain,
        clock: Clock,
        telemetry: Telemetry,
        background: BackgroundTasks,
        scheme: str = "Bearer",
        kindred: Collection[str] = (),
        sleep: Sleep = asyncio.sleep,
        on_before_token_request: Sequence[Callback[TokenRequestDraft]] = (),
    ) -> None:
        self._client_id = options.client_id or ""
        self._environment = authority.cache_environment
        self._app_tenant = _app_tenant(authority, options)
        self._query = options.extra_query_parameters
        self._leeway = options.token_validation_parameters.clock_skew
        self._scheme = scheme
        self._serves = frozenset({scheme, *kindred})
        self._find = cache.find
        self._clock = clock
        self._now = clock.time
        self._telemetry = telemetry
        self._is_heard = telemetry.hearing(TokenAcquired)
        self._background = background
        self._plain = read_terms(None, configured_query=self._query, scheme=scheme)
        self._scopes: dict[tuple[str, ...], Scopes] = {}
        self._flights: Flight[AcquiredToken] = Flight()
        self._writer = MsalWriter(self._client_id, capabilities=options.client_capabilities or ())
        self._fetcher = TokenFetcher(
            authority=authority,
            credentials=credentials,
            writer=self._writer,
            endpoint=TokenEndpoint(clients, clock=clock, sleep=sleep),
            cache=cache,
            clock=clock,
            telemetry=telemetry,
            on_before_request=tuple(on_before_token_request),
        )

    @property
    def requests_under_way(self) -> int:
        """Token requests that callers wait for."""
        return len(self._flights)

    async def open(self) -> None:
        """Import MSAL off the loop; the first token request does so where nobody did."""
        await self._writer.open()

    async def get_token_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
    ) -> AcquiredToken:
        """A token for *scopes* on behalf of *user*, or of the caller of the current request.

        Raises:
            UserRequiredError: No user is known.
            InvalidCallError: The user is an application or came by another scheme, or an argument
                cannot be right; nothing was sent.
            UserChallengeError: The user must consent or sign in again.
            AssertionRejectedError: The user's token cannot be exchanged.
            CredentialError: Entra ID refused the client credential, or there is none.
            ThrottledError: Entra ID asked this user's calls to wait.
            TokenAcquisitionError: There is no token for another reason.
        """
        principal = ambient_slot().principal if user is None else user
        if (
            not isinstance(principal, Principal)
            or principal.is_app
            or principal.scheme not in self._serves
            or (assertion := principal.assertion) is None
        ):
            raise _no_exchange(principal, self._scheme, self._serves)
        terms = self._plain if options is None else self._terms(options)
        try:
            names = (scopes,) if isinstance(scopes, str) else tuple(scopes)
            wanted = self._scopes.get(names) or self._read(names)
        except TypeError as error:
            raise no_scopes(scopes) from error
        tenant = terms.tenant or principal.tenant_id
        key: RequestKey = (
            self._environment,
            self._client_id,
            tenant,
            principal.object_id,
            terms.components,
            wanted.normalized,
        )
        at_hand = self._at_hand(assertion.digest, key, terms)
        if at_hand is not None:
            return at_hand
        return await self._acquired(wanted, terms, assertion.digest, key, user=principal)

    async def get_token_for_app(
        self, scope: str | Sequence[str], *, options: AcquireTokenOptions | None = None
    ) -> AcquiredToken:
        """A token of the application itself for one API: *scope* is ``{api}/.default``.

        Raises:
            InvalidCallError: Not exactly one scope that ends in ``/.default``, or no tenant is
                known; nothing was sent.
            CredentialError: Entra ID refused the client credential, or there is none.
            ThrottledError: Entra ID asked the application to wait.
            TokenAcquisitionError: There is no token for another reason.
        """
        terms = self._plain if options is None else self._terms(options)
        try:
            names = (scope,) if isinstance(scope, str) else tuple(scope)
            wanted = self._scopes.get(names) or self._read(names)
        except TypeError as error:
            raise no_scopes(scope) from error
        if len(names) != 1 or not names[0].endswith(_DEFAULT):
            raise InvalidCallError(
                "A token for the application takes exactly one scope, and it ends in /.default.",
                code="invalid_scopes",
            )
        tenant = terms.tenant or self._app_tenant
        if tenant is None:
            raise InvalidCallError(
                "The configured tenant names no single tenant; give AppHomeTenantId or a tenant.",
                code="app_tenant_required",
            )
        key: RequestKey = (
            self._environment,
            self._client_id,
            tenant,
            "app",
            terms.components,
            wanted.normalized,
        )
        partition = app_partition(self._client_id, tenant, terms.components)
        at_hand = self._at_hand(partition, key, terms)
        if at_hand is not None:
            return at_hand
        return await self._acquired(wanted, terms, partition, key)

    def _at_hand(self, partition: str, key: RequestKey, terms: Terms) -> AcquiredToken | None:
        """The cached token, where handing it out is all that is to be done."""
        skips = terms is not self._plain and terms.skips_cache
        if skips or self._is_heard():
            return None
        entry = self._find(partition, key)
        if entry is None or entry.refresh_at <= self._now():
            return None
        return entry.token

    async def _acquired(
        self,
        wanted: Scopes,
        terms: Terms,
        partition: str,
        key: RequestKey,
        *,
        user: Principal | None = None,
    ) -> AcquiredToken:
        started = self._clock.monotonic()
        demand = Demand(
            scopes=wanted.asked,
            tenant=key[2],
            partition=partition,
            key=key,
            terms=terms,
            correlation_id=_correlation_id(terms),
            user=user,
            assertion=None if user is None else user.assertion,
            # As much past its end as validation let it in.
            ends=math.inf if user is None else user.expires_at + self._leeway,
        )
        reason = RefreshReason.FORCED_OR_CLAIMS
        if not demand.terms.skips_cache:
            entry = self._find(demand.partition, demand.key)
            now = self._now()
            if entry is not None and now < entry.usable_until:
                if entry.refresh_at <= now:
                    self._renew_ahead(entry, demand, now)
                self._report(entry.token, demand, started)
                return entry.token
            reason = RefreshReason.NO_CACHED_TOKEN if entry is None else RefreshReason.EXPIRED
        token = await self._fetched(demand, reason)
        self._report(token, demand, started)
        return token

    async def _fetched(self, demand: Demand, reason: RefreshReason) -> AcquiredToken:
        return await self._flights.join(
            demand.flight_key, lambda: self._fetcher.fetch(demand, reason)
        )

    def _renew_ahead(self, entry: CacheEntry, demand: Demand, now: float) -> None:
        # Moved on before the attempt: whoever comes meanwhile, or after a failure, waits for it.
        entry.failures += 1
        entry.refresh_at = min(now + back_off(entry.failures), entry.usable_until)
        if now >= demand.ends:
            return
        # The request that the entry came from, which may be wider than the one it answers now.
        origin = dataclasses.replace(demand, scopes=entry.asked, key=entry.key)
        self._background.spawn(self._renewed(entry, origin), name="msidweb renews a token")

    async def _renewed(self, entry: CacheEntry, demand: Demand) -> None:
        started = self._clock.monotonic()
        try:
            token = await self._fetched(demand, RefreshReason.PROACTIVE)
        except MsidwebError as error:
            self._telemetry.emit(
                RefreshAheadFailed(
                    correlation_id=demand.correlation_id,
                    flow=demand.flow,
                    code=error.code,
                    expires_in=int(entry.token.expires_on - self._now()),
                    **demand.names,
                )
            )
        else:
            self._report(token, demand, started)

    def _terms(self, options: AcquireTokenOptions) -> Terms:
        check_kind("options", options, AcquireTokenOptions)
        if not options.model_fields_set:
            return self._plain
        return read_terms(options, configured_query=self._query, scheme=self._scheme)

    def _read(self, scopes: tuple[str, ...]) -> Scopes:
        read = read_scopes(scopes)
        if len(self._scopes) >= _REMEMBERED_SCOPES:
            self._scopes.clear()
        self._scopes[scopes] = read
        return read

    def _report(self, token: AcquiredToken, demand: Demand, started: float) -> None:
        if not self._is_heard():
            return
        self._telemetry.emit(
            TokenAcquired(
                correlation_id=demand.correlation_id,
                flow=demand.flow,
                source=token.source,
                cache_level=token.cache_level,
                reason=token.refresh_reason,
                scopes=demand.scopes,
                seconds=self._clock.monotonic() - started,
                expires_in=int(token.expires_on - self._now()),
                **demand.names,
            )
        )


def _app_tenant(authority: Authority, options: MicrosoftIdentityOptions) -> str | None:
    """The tenant of application tokens: never a meta tenant (deliberate difference 14)."""
    return options.app_home_tenant_id if authority.is_meta_tenant else authority.tenant


def _correlation_id(terms: Terms) -> str:
    if terms.correlation_id is not None:
        return terms.correlation_id
    current = correlation_id()
    return current if is_correlation_id(current) else str(uuid.uuid4())


def _no_exchange(principal: object, scheme: str, serves: Collection[str]) -> MsidwebError:
    """Why nothing can be acquired on behalf of *principal*."""
    if principal is None:
        return UserRequiredError(
            "A token for a user is asked for, and no user is known here.",
            remedy="pass user=principal, or call within a request that was authenticated",
        )
    if not isinstance(principal, Principal):
        return wrong_kind("user", principal, "Principal")
    if principal.is_app:
        return InvalidCallError(
            "The caller is an application without a user; Entra ID exchanges users' tokens only.",
            code="app_only_caller",
            remedy="call get_token_for_app",
        )
    if principal.scheme not in serves:
        return InvalidCallError(
            f"The caller was validated by the scheme {principal.scheme!r}, whose client is another "
            f"one than that of {scheme!r}; its credentials do not fit the caller's token.",
            code="foreign_scheme",
        )
    return UserRequiredError(
        "The user is known without a token of their own, so there is nothing to exchange.",
        remedy="pass the principal that validation gave",
    )
