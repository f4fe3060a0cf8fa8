"""Conditional access and revoked sessions: what a signed-in user must still satisfy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from msidweb.errors import InvalidCallError

from .directory import App, User, stable_id
from .errors import RefusalError
from .tokens import Subject

_SECOND_FACTOR = frozenset({50076, 50079})
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Policy:
    """A conditional-access policy: who gets no token for a resource, and why.

    Attributes:
        id: Id that the claims challenge names.
        resource: Client id of the resource.
        code: AADSTS code of the refusal; 50076 and 50079 want a second factor, any other blocks.
        oid: The only user it is for; None for everyone.
        client: Client id of the only app it is for; None for all.
    """

    id: str
    resource: str
    code: int = 50076
    oid: str | None = None
    client: str | None = None

    def concerns(self, oid: str, resource: App, client: App) -> bool:
        """Whether it stands between this user, in this client, and this resource."""
        return (
            self.resource == resource.client_id
            and self.oid in {None, oid}
            and self.client in {None, client.client_id}
        )

    def is_met_by(self, subject: Subject) -> bool:
        """Whether the user's sign-in satisfies it."""
        return subject.mfa and self.code in _SECOND_FACTOR

    @property
    def challenge(self) -> str:
        """The claims request that a refusal carries."""
        return access_token_request("capolids", values=[self.id])


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
    def not_before(self) -> float:
        """The moment (``nbf``) since which the user must have signed in; 0 where none is named."""
        named = self.values("nbf")
        moments = [float(at) for at in named if at.isdecimal() and len(at) <= _DIGITS]
        return max(moments, default=0.0)

    @property
    def contexts(self) -> frozenset[str]:
        """The authentication contexts that are asked for, in either token."""
        return frozenset((*self.values("acrs"), *_values(self.of_id_token, "acrs")))


class Policies:
    """What stands between a valid grant and its token."""

    def __init__(self) -> None:
        self._active: list[Policy] = []
        self._revoked_at: dict[str, float] = {}

    def add(self, resource: App, code: int, *, user: User | None, client: App | None) -> Policy:
        """Let a policy stand before *resource*; of a user or a client alone where one is given."""
        oid = user.oid if user else None
        client_id = client.client_id if client else None
        name = stable_id("policy", resource.client_id, oid or "", client_id or "", str(code))
        policy = Policy(name, resource.client_id, code, oid, client_id)
        self._active.append(policy)
        return policy

    def lift(self, policy: Policy) -> None:
        """Let the policy be no more.

        Raises:
            InvalidCallError: There is no such policy.
        """
        if policy not in self._active:
            raise InvalidCallError("No such policy stands here.", code="invalid_argument")
        self._active.remove(policy)

    def revoke_sessions(self, oid: str, *, at: float) -> None:
        """End everything that a user's sign-ins up to now allow."""
        self._revoked_at[oid] = at

    def has_revoked(self, oid: str, signed_in_at: float) -> bool:
        """Whether a sign-in of that moment was ended."""
        return signed_in_at <= self._revoked_at.get(oid, -1.0)

    def revocation_challenge(self, oid: str) -> str:
        """The claims request that only a sign-in after the last revocation satisfies."""
        return access_token_request("nbf", value=str(int(self._revoked_at[oid])))

    def check(
        self,
        subject: Subject,
        resource: App,
        requested: ClaimsRequest,
        *,
        client: App,
        signed_in_at: float,
    ) -> None:
        """Pass, or raise the refusal that Entra ID would answer with."""
        oid = subject.user.oid
        if self.has_revoked(oid, signed_in_at):
            raise RefusalError(50173, claims=self.revocation_challenge(oid))
        if signed_in_at < requested.not_before:
            wanted = access_token_request("nbf", value=str(int(requested.not_before)))
            raise RefusalError(50173, claims=wanted)
        for policy in self._active:
            asked = policy.id in requested.values("capolids")
            concerned = asked or policy.concerns(oid, resource, client)
            if concerned and not policy.is_met_by(subject):
                raise RefusalError(policy.code, claims=policy.challenge)
        missing = requested.contexts - set(subject.authentication_contexts)
        if missing:
            raise RefusalError(50076, claims=access_token_request("acrs", values=sorted(missing)))


def can_be_satisfied(refusal: RefusalError) -> bool:
    """Whether a second factor helps against a refusal of :meth:`Policies.check`."""
    return refusal.code in _SECOND_FACTOR


def access_token_request(name: str, **wanted: object) -> str:
    """A claims request for one essential claim of the access token."""
    request = {"access_token": {name: {"essential": True, **wanted}}}
    return json.dumps(request, separators=(",", ":"))


def _member(document: object, name: str) -> Mapping[str, object]:
    member = document.get(name) if isinstance(document, dict) else None
    return member if isinstance(member, dict) else {}


def _values(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    wanted = members.get(name)
    if not isinstance(wanted, dict):
        return ()
    values = wanted.get("values", [wanted["value"]] if "value" in wanted else [])
    return tuple(str(value) for value in values) if isinstance(values, list) else ()
