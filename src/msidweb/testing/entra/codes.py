"""Authorization codes: each for one client, redirect URI, verifier and user, and for one use."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from msidweb.clock import Clock
from msidweb.encoding import encode_base64url

from .directory import App
from .errors import RefusalError
from .refresh import RefreshTokens, SignedIn
from .tokens import Lifetimes


@dataclass(frozen=True, slots=True)
class Challenge:
    """The promise of a verifier (RFC 7636); without *value* none was made."""

    value: str | None = None
    method: str = "plain"

    def met_by(self, verifier: str | None) -> bool:
        """Whether a verifier keeps it; one that nobody promised does not."""
        if self.value is None or verifier is None:
            return self.value is None and verifier is None
        kept = _s256(verifier) if self.method == "S256" else verifier
        return hmac.compare_digest(kept.encode(), self.value.encode())


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for."""

    client: App
    redirect_uri: str
    challenge: Challenge
    signed_in: SignedIn
    issued_at: float


class AuthorizationCodes:
    """The codes that are out, and the ones that came back."""

    def __init__(
        self, lifetimes: Lifetimes, refresh_tokens: RefreshTokens, *, clock: Clock
    ) -> None:
        self._lifetimes = lifetimes
        self._refresh_tokens = refresh_tokens
        self._clock = clock
        self._codes: dict[str, AuthorizationCode] = {}
        self._redeemed: set[str] = set()

    def issue(self, code: AuthorizationCode) -> str:
        """A new code."""
        text = f"1.{secrets.token_urlsafe(48)}"
        family = replace(code.signed_in, family=secrets.token_urlsafe(16))
        self._codes[text] = replace(code, signed_in=family)
        return text

    def find(self, text: str) -> AuthorizationCode | None:
        """What a code stands for, also when it is of no use any more."""
        return self._codes.get(text)

    def redeem(
        self, text: str, client: App, form: Mapping[str, str], *, tenant_id: str, origin: str
    ) -> SignedIn:
        """Use a code up; raises the refusal. A second use ends what the first one gave.

        RFC 6749 section 4.1.2 and RFC 9700 section 2.1.1.
        """
        code = self._codes.get(text)
        if code is None or code.client is not client:
            raise RefusalError(70008, "The provided authorization code is unknown or has expired.")
        if text in self._redeemed:
            self._refresh_tokens.revoke(code.signed_in.family)
            raise RefusalError(54005)
        if self._clock.time() >= code.issued_at + self._lifetimes.authorization_code:
            raise RefusalError(70008)
        if not code.challenge.met_by(form.get("code_verifier")):
            raise RefusalError(501481)
        if form.get("redirect_uri") != code.redirect_uri:
            raise RefusalError(500112)
        if tenant_id != code.signed_in.subject.tenant_id:
            raise RefusalError(700005)
        code.signed_in.check_origin(origin)
        self._redeemed.add(text)
        return replace(code.signed_in, since=self._clock.time())


def _s256(verifier: str) -> str:
    return encode_base64url(hashlib.sha256(verifier.encode()).digest())
