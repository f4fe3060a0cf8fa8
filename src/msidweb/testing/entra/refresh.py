"""Refresh tokens, and the sign-in that everything delegated rests on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from .errors import RefusalError
from .redirects import Platform
from .tokens import Lifetimes, Subject


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user who signed in for a client.

    Attributes:
        subject: Who, and how strongly.
        at: When the user signed in.
        scope: What was asked for.
        nonce: What the first id token repeats.
        family: Name of the chain of refresh tokens, and ``sid`` of their access tokens; empty
            where nothing revokes them.
        platform: Platform of the redirect URI that the sign-in led to, if any.
        since: When the chain of refresh tokens began.
    """

    subject: Subject
    at: float
    scope: str = ""
    nonce: str | None = None
    family: str = ""
    platform: Platform | None = None
    since: float = 0.0

    def check_origin(self, origin: str) -> None:
        """Pass, or raise the refusal: single-page apps ask across origins, others never."""
        if self.platform == "spa" and not origin:
            raise RefusalError(9002327)
        if self.platform in {"web", "public"} and origin:
            raise RefusalError(9002326)


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """What a refresh token stands for."""

    client_id: str
    signed_in: SignedIn

    def check_age(self, lifetimes: Lifetimes, now: float) -> None:
        """Pass, or raise the refusal of a token that ended."""
        if self.signed_in.platform != "spa":
            if now >= self.signed_in.at + lifetimes.refresh_token:
                raise RefusalError(700082)
        elif now >= self.signed_in.since + lifetimes.spa_refresh_token:
            raise RefusalError(700084)


class RefreshTokens:
    """The refresh tokens that are out. As in Entra ID, one that was used stays valid."""

    def __init__(self) -> None:
        self._grants: dict[str, RefreshGrant] = {}
        self._revoked: set[str] = set()

    def issue(self, client_id: str, signed_in: SignedIn) -> str:
        """A new refresh token."""
        token = f"1.{secrets.token_urlsafe(48)}"
        self._grants[token] = RefreshGrant(client_id, signed_in)
        return token

    def find(self, token: str) -> RefreshGrant | None:
        """What a token stands for, however old it is."""
        return self._grants.get(token)

    def revoke(self, family: str) -> None:
        """End a chain of refresh tokens."""
        self._revoked.add(family)

    def is_revoked(self, family: str) -> bool:
        """Whether a chain was ended."""
        return family in self._revoked
