"""A small identity for adapters: real options, and a validator that knows its tokens by heart."""

from collections.abc import Sequence

from msidweb.configuration import Configuration
from msidweb.configuration.options import IdentityOptions
from msidweb.errors import (
    ExpiredTokenError,
    InvalidCallError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingTokenError,
)
from msidweb.principal import Assertion, Principal, ambient_principal
from msidweb.telemetry import Event, Telemetry
from msidweb.testing import ManualClock

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


def principal(
    name: str, *, scopes: Sequence[str] = (), roles: Sequence[str] = (), is_app: bool = False
) -> Principal:
    return Principal(
        {
            "oid": name,
            "tid": TENANT,
            "name": name.title(),
            "preferred_username": f"{name}@example.com",
        },
        tenant_id=TENANT,
        object_id=name,
        client_id="client",
        scopes=frozenset(scopes),
        roles=frozenset(roles),
        is_app=is_app,
        expires_at=4_000_000_000,
        assertion=Assertion(f"token-of-{name}"),
    )


class StubValidator:
    """Accepts ``Bearer <name>[;scope,scope[;role,role]]``, refuses ``expired`` and ``forged``."""

    scheme = "Bearer"

    def __init__(self) -> None:
        self.seen: list[tuple[bytes | str, ...]] = []
        self.clock = ManualClock(1_700_000_000)

    def seconds_left(self, principal: Principal) -> float:
        return principal.expires_at - self.clock.time()

    async def validate_authorization(
        self, fields: Sequence[bytes | str], *, query_string: bytes | str = b""
    ) -> Principal:
        self.seen.append((*fields, query_string))
        if not fields:
            raise MissingTokenError("There is no token.", rule="T0")
        if len(fields) > 1:
            raise MalformedTokenError("There are several Authorization fields.", rule="T1")
        field = fields[0]
        scheme, _, token = (field.decode() if isinstance(field, bytes) else field).partition(" ")
        if scheme != "Bearer":
            raise MalformedTokenError("It is no bearer token.", rule="T2")
        if b"access_token" in query_string:
            raise MalformedTokenError("There is a second token.", rule="T5")
        if token == "expired":
            raise ExpiredTokenError("Its time is over: CANARY.", rule="C3")
        if token == "forged":
            raise InvalidSignatureError("The signature does not hold: CANARY.", rule="S1")
        name, scopes, roles = (*token.split(";"), "", "")[:3]
        return principal(
            name,
            scopes=[scope for scope in scopes.split(",") if scope],
            roles=[role for role in roles.split(",") if role],
        )


class NamedApi:
    """Answers with the ambient caller, as a real one would call on behalf of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def whom(self) -> str | None:
        caller = ambient_principal()
        return caller.object_id if caller else None


class StubApis:
    def __init__(self, *known: str) -> None:
        self._known = known

    def named(self, name: str) -> NamedApi:
        if name not in self._known:
            raise InvalidCallError(f"There is no API {name!r}; known: {', '.join(self._known)}.")
        return NamedApi(name)


class StubScheme:
    """The one scheme there is."""

    name = "Bearer"

    def __init__(self, identity: "StubIdentity") -> None:
        self.token_validator = identity.token_validator
        self.options = identity.options.web_api


class StubIdentity:
    def __init__(self) -> None:
        self.configuration = Configuration.of_environment(environ={})
        self.token_validator = StubValidator()
        self.downstream_api = StubApis("PartnerAPI", "GraphAPI")
        self.events: list[Event] = []
        self.telemetry = Telemetry([self.events.append], pii=True)
        self.options = IdentityOptions.model_validate(
            {"web_api": {"TenantId": TENANT, "ClientId": CLIENT}}
        )

    def scheme(self, name: str | None = None) -> StubScheme:
        if name not in (None, "Bearer"):
            raise InvalidCallError(f"There is no scheme {name!r}; known is 'Bearer'.")
        return StubScheme(self)


def bearer_of(name: str, scopes: str = "", roles: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {name};{scopes};{roles}"}
