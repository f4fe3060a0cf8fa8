"""Issuers outside of Entra ID whose tokens prove who an app is: workload identity federation."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import jwt

from msidweb.clock import Clock, SystemClock
from msidweb.testing._arguments import checks_arguments

from .keys import SigningKey

EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
"""What the assertion of a federated credential is for, in the public cloud."""


@checks_arguments()
class FederatedIssuer:
    """A cluster or a build service, with a key of its own.

    Args:
        url: What it calls itself, ``https://…``.
        clock: The time that its assertions carry; the emulator's, as a rule.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self.url = url
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return f"FederatedIssuer({self.url!r})"

    @functools.cached_property
    def key(self) -> SigningKey:
        """The key that it signs with."""
        return SigningKey.generate(common_name=self.url)

    def assertion(
        self, subject: str, *, audience: str = EXCHANGE_AUDIENCE, expires_in: float = 3600
    ) -> str:
        """An assertion about *subject*, as a platform writes it to AZURE_FEDERATED_TOKEN_FILE."""
        now = int(self._clock.time())
        claims = {
            "iss": self.url,
            "sub": subject,
            "aud": [audience],
            "iat": now,
            "nbf": now,
            "exp": now + int(expires_in),
        }
        header = {"kid": self.key.kid}
        return jwt.encode(claims, self.key.private, algorithm="RS256", headers=header)


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """Whose assertions an app accepts in place of a key of its own.

    Attributes:
        issuer: Who signs them.
        subject: Whom they are about.
        audience: Whom they are for.
    """

    issuer: FederatedIssuer
    subject: str
    audience: str = EXCHANGE_AUDIENCE
