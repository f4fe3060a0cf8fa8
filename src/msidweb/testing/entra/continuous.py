"""Continuous access evaluation: what a resource learns of a user at once, not at a token's end."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from .directory import Directory
from .policies import Policies
from .tokens import moment


class ContinuousAccess:
    """Judges tokens that were issued for clients that understand claims challenges."""

    def __init__(self, directory: Directory, policies: Policies) -> None:
        self._directory = directory
        self._policies = policies

    def challenge(self, claims: Mapping[str, object]) -> str | None:
        """The claims request with which a resource refuses a token; None lets it pass.

        Tokens of clients that did not declare ``cp1`` pass until they expire.
        """
        user = self._directory.find_user(claims.get("tid"), claims.get("oid"))
        if user is None or not understands_challenges(claims):
            return None
        if self._policies.has_revoked(user.oid, moment(claims, "iat")):
            return self._policies.revocation_challenge(user.oid)
        return None


def understands_challenges(claims: Mapping[str, object]) -> bool:
    """Whether the token's client declared ``cp1``."""
    capabilities = claims.get("xms_cc")
    return isinstance(capabilities, list) and "CP1" in capabilities


def challenge_field(claims: str, **parameters: str) -> str:
    """The WWW-Authenticate field that asks a client for *claims*."""
    encoded = base64.b64encode(claims.encode()).decode()
    parameters |= {"error": "insufficient_claims", "claims": encoded}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
