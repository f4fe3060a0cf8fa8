"""From an Authorization field to a principal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msidweb.authority import KeySet, SigningKey
from msidweb.clock import Clock
from msidweb.concurrency import Callback, call_all
from msidweb.errors import (
    AuthenticationError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingTokenError,
)
from msidweb.kinds import check_kind
from msidweb.principal import Assertion, Principal, fingerprint
from msidweb.telemetry import (
    Telemetry,
    TokenRejected,
    TokenValidated,
    names_of,
)

from ._authorization_field import token_in
from ._claims import judge
from ._compact import CompactToken, read_claims, read_header, take_apart
from ._jose_header import JoseHeader, check_header
from .memo import Accepted, Memo
from .policy import ValidationPolicy

_MAX_HEADERS = 64


class Keys(Protocol):
    """The authority's signing keys."""

    @property
    def current(self) -> KeySet | None:
        """What is known now, without waiting."""

    async def search(self, kid: str) -> KeySet:
        """A key set that holds *kid*, or UnknownKeyError or MetadataUnavailableError."""


class TokenValidator:
    """Validates the access tokens that reach the API (security.md 1.2, 1.3).

    The order is: size, form, header, key, signature, claims. Nothing of the payload is used before
    the signature holds. A token whose key is known costs no I/O and no wait.

    Args:
        policy: What is accepted.
        keys: The authority's keys.
        clock: Read once a token.
        telemetry: Hears of accepted and refused tokens.
        memo: Remembers accepted tokens; one of its own is made when none is given.
        on_token_validated: Each is called with every caller, and may refuse them by raising.
    """

    def __init__(
        self,
        policy: ValidationPolicy,
        keys: Keys,
        *,
        clock: Clock,
        telemetry: Telemetry,
        memo: Memo | None = None,
        on_token_validated: Sequence[Callback[Principal]] = (),
    ) -> None:
        self._policy = policy
        self._keys = keys
        self._clock = clock
        self._now = clock.time
        self._longest = policy.longest_token
        self._telemetry = telemetry
        self._on_validated = tuple(on_token_validated)
        self._is_heard = telemetry.hearing(TokenValidated)
        self._memo = Memo() if memo is None else memo
        self._headers: dict[bytes, JoseHeader] = {}
        self._refusals: dict[str, _Refusals] = {}

    @property
    def scheme(self) -> str:
        """Name of the authentication scheme."""
        return self._policy.scheme

    async def validate_authorization(
        self, fields: Sequence[bytes | str], *, query_string: bytes | str = b""
    ) -> Principal:
        """The caller of a request with these Authorization *fields*, all of them and unchanged.

        Args:
            fields: Every Authorization value of the request.
            query_string: The request's query, where a second token is looked for.

        Raises:
            AuthenticationError: No token, or one that is refused; ``rule`` says by which rule.
            InvalidCallError: The arguments are of another kind than a request's.
            MetadataUnavailableError: The authority's keys never came.
        """
        try:
            token = token_in(fields, query_string, longest=self._longest)
        except AuthenticationError as error:
            self._tell_refusal(error)
            raise
        return await self._validated(token)

    async def validate(self, token: str) -> Principal:
        """The caller whom *token* names.

        Raises:
            AuthenticationError: It is refused, or None or no text; ``rule`` says by which rule.
            MetadataUnavailableError: The authority's keys never came.
        """
        try:
            encoded = token.encode("utf-8", "surrogatepass")
        except AttributeError:
            refusal = _no_token(token)
            self._tell_refusal(refusal)
            raise refusal from None
        return await self._validated(encoded)

    def seconds_left(self, principal: Principal) -> float:
        """For how long the token of *principal* would still be accepted, as far as time goes (C3).

        Zero or less once it ended; the tolerated clock skew counts, as it does for a request.

        Raises:
            InvalidCallError: *principal* is none.
        """
        check_kind("principal", principal, Principal)
        return principal.expires_at + self._policy.clock_skew - self._clock.time()

    async def _validated(self, token: bytes, *, alone: bool = True) -> Principal:
        # Where others may accept it too, the caller tells of refusals and calls the callbacks.
        now = self._now()
        try:
            if len(token) > self._longest:
                raise MalformedTokenError("The token is too long.", rule="T3")
            mark = fingerprint(token)
            accepted = self._memo.get(mark, self._keys.current, now)
            remembered = accepted is not None
            if accepted is None:
                accepted = await self._judge(take_apart(token), mark, now)
        except AuthenticationError as error:
            if alone:
                self._tell_refusal(error)
            raise
        if self._is_heard():
            self._tell_success(accepted.caller, remembered=remembered)
        caller = accepted.caller.with_assertion(Assertion(token, accepted.digest))
        if self._on_validated and alone:
            await call_all(self._on_validated, caller)
        return caller

    async def _judge(self, parts: CompactToken, mark: bytes, now: float) -> Accepted:
        header = self._headers.get(parts.header) or check_header(read_header(parts.header))
        key_set = self._keys.current
        if key_set is None or header.kid not in key_set.keys:
            key_set = await self._keys.search(header.kid)
        key = key_set.keys[header.kid]
        _check_signature(parts, header, key, key_set)
        self._remember_header(parts.header, header)
        caller = judge(
            read_claims(parts.payload), policy=self._policy, key=key, key_set=key_set, now=now
        )
        return self._memo.put(mark, caller, key_set=key_set, now=now, length=len(parts.signed))

    def _remember_header(self, text: bytes, header: JoseHeader) -> None:
        # Only headers of good signatures get here, so strangers cannot fill the table.
        if len(self._headers) >= _MAX_HEADERS:
            self._headers.clear()
        self._headers[text] = header

    def _tell_success(self, caller: Principal, *, remembered: bool) -> None:
        self._telemetry.emit(
            TokenValidated(
                scheme=self._policy.scheme,
                kind="app" if caller.is_app else "user",
                from_memo=remembered,
                **names_of(caller),
            )
        )

    def _tell_refusal(self, error: AuthenticationError) -> None:
        """Report *error*; at most one event a second and kind, whatever the flood (3.22)."""
        if isinstance(error, MissingTokenError) or not self._telemetry.listening(TokenRejected):
            return
        refusals = self._refusals.setdefault(error.code, _Refusals())
        if not refusals.may_tell(self._clock.monotonic()):
            return
        self._telemetry.emit(
            TokenRejected(
                scheme=self._policy.scheme,
                rule=error.rule,
                code=error.code,
                detail=error.message,
                suppressed=refusals.take_suppressed(),
            )
        )


def _no_token(given: object) -> AuthenticationError:
    if given is None:
        return MissingTokenError("There is no token.", rule="T0")
    return MalformedTokenError("The token is no text.", rule="T2")


def _check_signature(
    parts: CompactToken, header: JoseHeader, key: SigningKey, key_set: KeySet
) -> None:
    """K5, S1, S2."""
    if key.cloud is not None and key_set.cloud not in (None, key.cloud):
        raise InvalidSignatureError("The signing key belongs to another cloud.", rule="K5")
    if len(parts.signature) != key.size:
        raise InvalidSignatureError("The signature has not the key's length.", rule="S1")
    if not key.holds(parts.signature, parts.signed):
        hint = " The token is for Microsoft Graph." if header.has_nonce else ""
        raise InvalidSignatureError(f"The signature does not hold.{hint}", rule="S2")


class _Refusals:
    """Refusals of one kind, told of once a second."""

    __slots__ = ("_suppressed", "_told_at")

    def __init__(self) -> None:
        self._told_at: float | None = None
        self._suppressed = 0

    def may_tell(self, now: float) -> bool:
        if self._told_at is not None and now - self._told_at < 1:
            self._suppressed += 1
            return False
        self._told_at = now
        return True

    def take_suppressed(self) -> int:
        count, self._suppressed = self._suppressed, 0
        return count
