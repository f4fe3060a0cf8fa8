"""The tokens and keys of an emulator: the half of its controls that makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jwt

from msidweb.clock import Clock
from msidweb.errors import InvalidCallError
from msidweb.principal import Assertion, Principal
from msidweb.testing._arguments import checks_arguments

from .directory import App, Tenant, TokenVersion, User
from .errors import RefusalError
from .flaws import Flaw, Forger
from .keys import KeyRing, SigningKey
from .metadata import Address
from .policies import ClaimsRequest
from .registry import Registry, refuse_strangers
from .tokens import Claims, Lifetimes, Subject, Target, TokenFactory


@checks_arguments(also=refuse_strangers)
class Mint(Registry):
    """Makes tokens, good ones and others, and the keys that sign them."""

    def __init__(self, tenant: str, address: Address, *, clock: Clock, fresh_keys: bool) -> None:
        super().__init__(tenant)
        self._clock = clock
        self._keys = KeyRing(fresh=fresh_keys)
        self._factory = TokenFactory(self._directory, self._keys, address, clock=clock)
        self._forger = Forger(self._factory, self._keys)

    @property
    def clock(self) -> Clock:
        """The emulator's time."""
        return self._clock

    @property
    def lifetimes(self) -> Lifetimes:
        """How long tokens live; assign to its members."""
        return self._factory.lifetimes

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The published signing keys, oldest first."""
        return self._keys.published

    def user_token(
        self,
        user: User,
        *,
        resource: App,
        scopes: Iterable[str] | None = None,
        client: App | None = None,
        tenant: Tenant | None = None,
        version: TokenVersion | None = None,
        claims: Mapping[str, object] | None = None,
        expires_in: float | None = None,
        mfa: bool = False,
        authentication_contexts: Iterable[str] = (),
    ) -> str:
        """An access token of a user, as if they had just signed in and consented.

        Args:
            user: Who signed in.
            resource: Whose API the token is for.
            scopes: Delegated permissions; all that the resource exposes unless given.
            client: Who asked; the public client unless given.
            tenant: Where a guest signed in; home unless given.
            version: Token version; the resource's unless given.
            claims: Claims that are another; None leaves one out.
            expires_in: Life in seconds.
            mfa: Whether they signed in with a second factor.
            authentication_contexts: Contexts (``acrs``) they satisfied.
        """
        place = (tenant or self._directory.tenants[user.tid]).id
        if user.object_id(place) is None:
            raise InvalidCallError("The user is neither at home nor a guest in that tenant.")
        return self._factory.user_token(
            Subject(user, place, mfa=mfa, authentication_contexts=tuple(authentication_contexts)),
            Target(resource, resource.app_id_uri),
            resource.scopes if scopes is None else scopes,
            client=client or self.public_client,
            version=version,
            expires_in=expires_in,
            overrides=claims,
        )

    def step_up(self, user: User, claims: str | None, *, resource: App, **details: Any) -> str:
        """An access token of a user who just did what a claims request wants.

        They signed in again, with a second factor and with the authentication contexts that
        *claims* names.

        Args:
            user: Who signed in.
            claims: The claims request, JSON text; None where only a new sign-in is wanted.
            resource: Whose API the token is for.
            details: What else :meth:`user_token` takes.

        Raises:
            InvalidCallError: *claims* is no JSON.
        """
        try:
            contexts = ClaimsRequest.parse(claims).contexts
        except RefusalError as refusal:
            raise InvalidCallError(refusal.text) from None
        return self.user_token(
            user,
            resource=resource,
            mfa=True,
            authentication_contexts=sorted(contexts),
            **details,
        )

    def principal(self, user: User, *, resource: App, **details: Any) -> Principal:
        """The caller that an API sees when *user* calls it; takes what :meth:`user_token` takes."""
        token = self.user_token(user, resource=resource, **details)
        claims: dict[str, Any] = dict(self._factory.recognize(token) or {})
        return Principal(
            claims,
            tenant_id=str(claims.get("tid")),
            object_id=str(claims.get("oid")),
            client_id=str(claims.get("azp") or claims.get("appid")),
            scopes=frozenset(str(claims.get("scp", "")).split()),
            roles=frozenset(claims.get("roles", ())),
            is_app=False,
            expires_at=float(claims.get("exp", 0)),
            assertion=Assertion(token),
        )

    def app_token(
        self,
        *,
        client: App,
        resource: App,
        tenant: Tenant | None = None,
        version: TokenVersion | None = None,
        claims: Mapping[str, object] | None = None,
        expires_in: float | None = None,
    ) -> str:
        """An access token of an application, with the roles that were assigned to it."""
        return self._factory.app_token(
            client,
            Target(resource, resource.app_id_uri),
            tenant_id=(tenant or client.tenant).id,
            version=version,
            expires_in=expires_in,
            overrides=claims,
        )

    def id_token(self, user: User, *, client: App) -> str:
        """An id token: what an API must never take for an access token."""
        return self._factory.id_token(Subject(user, user.tid), client)

    def sign(self, claims: Mapping[str, object], header: Mapping[str, object] | None = None) -> str:
        """Any claims, signed with the current key; for tokens that Entra ID would never issue."""
        return self._factory.sign(claims, header)

    def flawed(self, token: str, flaw: Flaw) -> str:
        """A token of ours with one thing wrong; what Entra ID would never issue.

        ``signature``, ``key``, ``unsigned``, ``no_kid``, ``unknown_kid``, ``issuer``, ``expired``
        or ``early``; ``fail_next("token", flaw=…)`` gives it to the tokens of the next answer.

        Raises:
            InvalidCallError: *token* is none.
        """
        try:
            return self._forger.spoil(token, flaw)
        except (jwt.PyJWTError, ValueError, LookupError):
            raise InvalidCallError("token takes a signed token.", code="invalid_argument") from None

    def recognize(self, token: str) -> Claims | None:
        """The claims of a token with a valid signature of ours, whatever its time, else None."""
        return self._factory.recognize(token)

    def publish_key(self) -> str:
        """Publish a new key that does not sign yet; its ``kid``."""
        return self._keys.publish().kid

    def rotate_keys(self) -> str:
        """Sign with the newest key, the old ones stay published; its ``kid``."""
        return self._keys.rotate().kid

    def remove_key(self, kid: str) -> None:
        """Publish a key no longer, as in an emergency; another one takes over."""
        self._keys.remove(kid)
