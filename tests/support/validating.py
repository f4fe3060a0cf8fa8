"""A validator with one standing key, and the rule by which it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.documents import StandingKeys
from tests.support.signing import CLIENT, NOW, TENANT, key_pair, user_claims

from msidweb.authority import Authority, KeySet
from msidweb.authority.keys import read_keys
from msidweb.concurrency import Callback
from msidweb.errors import AuthenticationError
from msidweb.principal import Principal
from msidweb.telemetry import Event, Telemetry
from msidweb.testing.clock import ManualClock
from msidweb.validation import TokenValidator, ValidationPolicy

KEY = key_pair("first")


def key_set(*members: dict[str, Any], tenant: str = TENANT, cloud: str | None = None) -> KeySet:
    """The keys of a tenant, or of ``{tenantid}``."""
    return KeySet(
        keys=read_keys({"keys": list(members) or [KEY.jwk()]}),
        issuer_v2=f"https://login.microsoftonline.com/{tenant}/v2.0",
        issuer_v1=f"https://sts.windows.net/{tenant}/",
        tenant=None if tenant == "{tenantid}" else tenant,
        cloud=cloud,
    )


class Bench:
    """A validator and the parts around it."""

    def __init__(
        self,
        *,
        keys: KeySet | None = None,
        tenant: str = TENANT,
        pii: bool = False,
        callbacks: Sequence[Callback[Principal]] = (),
        **policy: Any,
    ) -> None:
        self.clock = ManualClock(NOW)
        self.events: list[Event] = []
        self.keys = StandingKeys(key_set() if keys is None else keys)
        self.policy = ValidationPolicy(
            Authority("login.microsoftonline.com", tenant), CLIENT, **policy
        )
        self.validator = TokenValidator(
            self.policy,
            self.keys,
            clock=self.clock,
            telemetry=Telemetry([self.events.append], pii=pii),
            on_token_validated=callbacks,
        )

    async def accept(self, token: str) -> Principal:
        return await self.validator.validate(token)

    async def refuse(self, token: str) -> str:
        """The rule that refuses *token*."""
        with pytest.raises(AuthenticationError) as refusal:
            await self.validator.validate(token)
        assert len(token) < 20 or token not in str(refusal.value)
        return refusal.value.rule

    async def refuse_claims(self, **changes: Any) -> str:
        """The rule that refuses user claims with *changes*."""
        return await self.refuse(KEY.token(user_claims(**changes)))

    async def accept_claims(self, **changes: Any) -> Principal:
        return await self.accept(KEY.token(user_claims(**changes)))
