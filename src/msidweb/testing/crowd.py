"""The crowd that asks a service: users and their sign-ins, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from msidweb.identity import Identity
from msidweb.principal import Assertion

from .downstream import echo
from .entra import Tenant, User
from .exchange import Receive, Scope, Send
from .sandbox import EntraSandbox
from .witness import Notary

T = TypeVar("T")

_ANOTHER = "msidweb.isolation"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in of one user in one tenant."""

    user: User
    tenant: Tenant
    token: str = field(repr=False)
    ends: float

    @property
    def digest(self) -> str:
        """Names the token without showing it."""
        return Assertion(self.token).digest


@dataclass(frozen=True, slots=True)
class Way:
    """A downstream API, and the permissions that a call asks for."""

    api: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the service, and what the service does in it; numbers pick from what is there.

    Attributes:
        caller: Whose token the request brings, None for one without.
        acts_for: Whose token the service exchanges besides, or None.
        ways: Which calls it makes side by side.
        claims: Whether they bring a claims request.
        cancelled_after: Turns of the loop after which the client gives up, or None.
    """

    caller: int | None
    acts_for: int | None
    ways: tuple[int, ...]
    claims: bool
    cancelled_after: int | None


class WitnessedSandbox(EntraSandbox):
    """A sandbox whose token answers are noted.

    Attributes:
        notary: Who was issued what.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lifetimes.expires_in = 1_800
        self.notary = Notary(super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self.notary(scope, receive, send)

    def twin(self, user: User, *, tenant: Tenant) -> User:
        """Another user, whose object id happens to be the same."""
        upn = f"{user.name}@{tenant.domain}"
        return self._directory.add_user(User(user.name, upn, oid=user.oid, tid=tenant.id))


def ways_of(identity: Identity, entra: EntraSandbox) -> list[Way]:
    """Each API of the identity that takes users, with its permissions and with another one."""
    ways: list[Way] = []
    for name, api in identity.options.downstream_apis.items():
        stand_in = entra.apis[name]
        if stand_in.resource is not None:
            stand_in.answer_by(echo)
            stand_in.resource.scopes = tuple({*stand_in.resource.scopes, _ANOTHER})
            uri = (api.scopes or [""])[0].rpartition("/")[0]
            ways += [Way(name, tuple(api.scopes or ())), Way(name, (f"{uri}/{_ANOTHER}",))]
    return ways


def cast_of(entra: WitnessedSandbox) -> list[tuple[User, Tenant]]:
    """Users and where they sign in: guests too, and two of one object id in two tenants."""
    home, abroad = entra.tenant, entra.add_tenant("fabrikam")
    alice, bob = entra.sample.alice, entra.sample.bob
    gail = entra.add_user("gail", tenant=abroad, guest_in=[home])
    places = [(alice, home), (bob, home), (gail, home)]
    if entra.sample.api.multi_tenant:
        twin = entra.twin(alice, tenant=abroad)
        places += [(twin, abroad), (gail, abroad)]
    for stand_in in entra.apis.values():
        if stand_in.resource is not None:
            for tenant in (home, abroad):
                entra.consent(client=entra.sample.api, resource=stand_in.resource, tenant=tenant)
    return places


def pick(things: Sequence[T], number: int) -> T:
    """One of *things*, whatever the number."""
    return things[number % len(things)]
