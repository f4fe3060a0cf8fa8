"""A miss: a token request written, sent, its answer judged, and the token kept."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from msidweb.authority import Authority
from msidweb.cache import CacheEntry, TokenCache
from msidweb.clock import Clock
from msidweb.concurrency import Callback, call_all
from msidweb.credentials import ClientProof, CredentialChain
from msidweb.errors import (
    AssertionRejectedError,
    CredentialError,
    MsidwebError,
    TokenAcquisitionError,
)
from msidweb.telemetry import Telemetry, TokenAcquisitionFailed, correlation_scope
from msidweb.tokens import AcquiredToken, RefreshReason

from .aadsts import RELOADABLE
from .answers import Grant, Refusal, read_answer
from .demand import Demand
from .draft import TokenRequestDraft
from .lifetimes import refresh_at, usable_until
from .msal_writer import MsalWriter, TokenRequest
from .refusals import error_for, explained, is_overload
from .throttle import Throttle
from .wire import TokenEndpoint


class TokenFetcher:
    """Fetches the tokens that are wanted and not cached."""

    def __init__(
        self,
        *,
        authority: Authority,
        credentials: CredentialChain,
        writer: MsalWriter,
        endpoint: TokenEndpoint,
        cache: TokenCache,
        clock: Clock,
        telemetry: Telemetry,
        on_before_request: tuple[Callback[TokenRequestDraft], ...] = (),
    ) -> None:
        self._authority = authority
        self._credentials = credentials
        self._writer = writer
        self._endpoint = endpoint
        self._cache = cache
        self._clock = clock
        self._telemetry = telemetry
        self._throttle = Throttle(clock)
        self._on_before_request = on_before_request

    async def fetch(self, demand: Demand, reason: RefreshReason) -> AcquiredToken:
        """The token that *demand* wants, from Entra ID; later callers find it in the cache.

        Raises:
            TokenAcquisitionError: Or the class below it that says who must act.
        """
        started = self._clock.monotonic()
        try:
            # What is set off on the way, a credential or a client, belongs to this request.
            with correlation_scope(demand.correlation_id):
                grant = await self._granted(demand)
        except MsidwebError as error:
            self._report(demand, error, self._clock.monotonic() - started)
            raise
        return self._kept(demand, grant, reason)

    async def _granted(self, demand: Demand) -> Grant:
        self._refuse_at_once(demand)
        await self._writer.open()
        url = self._authority.token_endpoint(demand.tenant)
        showing = self._credentials.show(url)
        proof: ClientProof | None = await showing.first()
        refusals: list[Refusal] = []
        while proof is not None:
            outcome = await self._ask(demand, url, proof)
            if isinstance(outcome, Grant):
                return _of_the_user(outcome, demand)
            refusals.append(outcome)
            if not isinstance(self._error(demand, outcome), CredentialError):
                break
            reload = outcome.aadsts in RELOADABLE
            proof = await showing.another(explained(outcome), reload=reload)
        last = replace(refusals[-1], attempts=tuple(showing.attempts))
        self._remember(demand, last, times=len(refusals))
        raise self._error(demand, last)

    async def _ask(self, demand: Demand, url: str, proof: ClientProof) -> Grant | Refusal:
        headers = {
            **dict(demand.terms.headers),
            "client-request-id": demand.correlation_id,
            "return-client-request-id": "true",
        }
        hint = demand.routing_hint
        if hint is not None and not any(name.lower() == "x-anchormailbox" for name in headers):
            headers["X-AnchorMailbox"] = hint
        try:
            request = self._written(demand, url, proof)
            if self._on_before_request:
                draft = TokenRequestDraft.of(demand)
                await call_all(self._on_before_request, draft)
                headers |= draft.added((*request.headers, *headers))
            answer = await self._endpoint.send(request, query=demand.terms.query, headers=headers)
            return read_answer(answer, now=self._clock.time())
        except TokenAcquisitionError as error:
            error.correlation_id = error.correlation_id or demand.correlation_id
            raise

    def _written(self, demand: Demand, url: str, proof: ClientProof) -> TokenRequest:
        claims = demand.terms.claims
        if demand.assertion is None:
            return self._writer.for_client(
                demand.scopes[0], endpoint=url, proof=proof, claims=claims
            )
        return self._writer.on_behalf_of(
            demand.assertion.token, demand.scopes, endpoint=url, proof=proof, claims=claims
        )

    def _kept(self, demand: Demand, grant: Grant, reason: RefreshReason) -> AcquiredToken:
        now = self._clock.time()
        token = AcquiredToken(
            access_token=grant.access_token,
            expires_on=now + grant.expires_in,
            scopes=grant.scopes or demand.scopes,
            tenant_id=demand.tenant,
            refresh_on=None if grant.refresh_in is None else now + grant.refresh_in,
            home_account_id=None if demand.assertion is None else grant.home_account_id,
            correlation_id=demand.correlation_id,
            refresh_reason=reason,
        )
        entry = CacheEntry(
            token,
            key=demand.key,
            asked=demand.scopes,
            usable_until=usable_until(now, grant.expires_in),
            refresh_at=refresh_at(now, grant.expires_in, grant.refresh_in),
        )
        self._cache.put(demand.partition, entry)
        return token

    def _refuse_at_once(self, demand: Demand) -> None:
        if self._clock.time() >= demand.ends:
            raise AssertionRejectedError(
                "The incoming token expired, so it cannot be exchanged any more.",
                code="assertion_expired",
                remedy="use a session key for work that outlives the request",
                correlation_id=demand.correlation_id,
            )
        for key in (demand.throttle_key, self._credential_key(demand), demand.partition):
            refusal = self._throttle.refusal(key)
            if refusal is not None:
                raise self._error(demand, refusal)

    def _remember(self, demand: Demand, refusal: Refusal, *, times: int) -> None:
        if is_overload(refusal.status):
            if refusal.retry_after:
                self._throttle.wait(demand.throttle_key, refusal, refusal.retry_after)
            return
        error = self._error(demand, refusal)
        if isinstance(error, CredentialError):
            # Each credential that was shown in vain was a request (F-E11).
            for _ in range(times):
                self._throttle.strike(self._credential_key(demand), refusal)
        elif isinstance(error, AssertionRejectedError):
            self._throttle.strike(demand.partition, refusal)

    def _credential_key(self, demand: Demand) -> Hashable:
        # Without the generation: renewing a credential in vain must not reset the count.
        return ("credential", demand.tenant)

    def _error(self, demand: Demand, refusal: Refusal) -> TokenAcquisitionError:
        return error_for(
            refusal,
            for_user=demand.assertion is not None,
            scopes=demand.scopes,
            correlation_id=demand.correlation_id,
        )

    def _report(self, demand: Demand, error: MsidwebError, seconds: float) -> None:
        refused = error if isinstance(error, TokenAcquisitionError) else None
        self._telemetry.emit(
            TokenAcquisitionFailed(
                correlation_id=demand.correlation_id,
                flow=demand.flow,
                code=error.code,
                error=refused.error if refused else None,
                aadsts=refused.aadsts if refused else None,
                scopes=demand.scopes,
                seconds=seconds,
                **demand.names,
            )
        )


def _of_the_user(grant: Grant, demand: Demand) -> Grant:
    """*grant*, unless its id token names somebody else: a proxy mixed two answers up (3.2)."""
    user, subject = demand.user, grant.subject
    if user is None or user.object_id is None or subject is None:
        return grant
    # Elsewhere than at the caller's own tenant a guest has another object id.
    if demand.tenant != user.tenant_id or subject == (user.object_id, user.tenant_id):
        return grant
    raise TokenAcquisitionError(
        "The answer is about another user than the caller; it was thrown away.",
        code="answer_of_another_user",
        correlation_id=demand.correlation_id,
    )
