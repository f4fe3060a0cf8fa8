"""Conditional access and revoked sessions: what a signed-in user must still satisfy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .directory import App, stable_id
from .errors import RefusalError
from .tokens import Subject


@dataclass(frozen=True, slots=True)
class Policy:
    """A conditional-access policy: this resource wants multi-factor authentication.

    Attributes:
        id: Id that the claims challenge names.
        resource: Client id of the resource.
        oid: The only user it is for; None for everyone.
    """

    id: str
    resource: str
    oid: str | None = None

    def concerns(self, oid: str, resource: App) -> bool:
        """Whether it stands between this user and this resource."""
        return self.resource == resource.client_id and self.oid in {None, oid}

    @property
    def challenge(self) -> str:
        """The claims request that a refusal carries."""
        wanted = {"access_token": {"capolids": {"essential": True, "values": [self.id]}}}
        return json.dumps(wanted, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """The access-token part of a ``claims`` parameter (OpenID Connect Core section 5.5)."""

    members: Mapping[str, object]
    of_id_token: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> ClaimsRequest:
        """Read the parameter; raises the refusal when it is not JSON."""
        try:
            document = json.loads(text or "{}")
        except ValueError:
            raise RefusalError(9002313, "The parameter 'claims' is not JSON.") from None
        return cls(_member(document, "access_token"), _member(document, "id_token"))

    def values(self, name: str) -> tuple[str, ...]:
        """The values that are asked for under a name."""
        return _values(self.members, name)

    @property
    def contexts(self) -> frozenset[str]:
        """The authentication contexts that are asked for, in either token."""
        return frozenset((*self.values("acrs"), *_values(self.of_id_token, "acrs")))


class Policies:
    """What stands between a valid grant and its token."""

    def __init__(self) -> None:
        self._active: list[Policy] = []
        self._revoked_at: dict[str, float] = {}

    def require_mfa(self, resource: App, *, oid: str | None = None) -> Policy:
        """Refuse tokens for *resource* to users who signed in with one factor."""
        policy = Policy(stable_id("policy", resource.client_id, oid or ""), resource.client_id, oid)
        self._active.append(policy)
        return policy

    def lift(self, policy: Policy) -> None:
        """Let the policy be no more."""
        self._active.remove(policy)

    def revoke_sessions(self, oid: str, *, at: float) -> None:
        """End everything that a user's sign-ins up to now allow."""
        self._revoked_at[oid] = at

    def has_revoked(self, oid: str, signed_in_at: float) -> bool:
        """Whether a sign-in of that moment was ended."""
        return signed_in_at <= self._revoked_at.get(oid, -1.0)

    def check(
        self, subject: Subject, resource: App, requested: ClaimsRequest, *, signed_in_at: float
    ) -> None:
        """Pass, or raise the refusal that Entra ID would answer with."""
        if self.has_revoked(subject.user.oid, signed_in_at):
            raise RefusalError(50173)
        for policy in self._active:
            asked = policy.id in requested.values("capolids")
            if not subject.mfa and (asked or policy.concerns(subject.user.oid, resource)):
                raise RefusalError(50076, claims=policy.challenge)
        missing = requested.contexts - set(subject.authentication_contexts)
        if missing:
            wanted = {"access_token": {"acrs": {"essential": True, "values": sorted(missing)}}}
            raise RefusalError(50076, claims=json.dumps(wanted, separators=(",", ":")))


def _member(document: object, name: str) -> Mapping[str, object]:
    member = document.get(name) if isinstance(document, dict) else None
    return member if isinstance(member, dict) else {}


def _values(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    wanted = members.get(name)
    if not isinstance(wanted, dict):
        return ()
    values = wanted.get("values", [wanted["value"]] if "value" in wanted else [])
    return tuple(str(value) for value in values) if isinstance(values, list) else ()
