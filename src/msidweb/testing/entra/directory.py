"""Who exists in the emulator: tenants, apps, users, and what they agreed to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from msidweb.errors import InvalidCallError
from msidweb.testing._arguments import checks_arguments

from .federation import FederatedCredential
from .redirects import RedirectUri

TokenVersion = Literal[1, 2]

CONSUMERS_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
GRAPH_CLIENT_ID = "00000003-0000-0000-c000-000000000000"
GRAPH_URI = "https://graph.microsoft.com"
SHARED_TENANTS = frozenset({"common", "organizations", "consumers"})

_NAMESPACE = uuid.UUID("6d736964-7765-4265-8000-656d756c6174")


def stable_id(*parts: str) -> str:
    """The GUID of a thing by its name: the same in every run, so configuration may hold it."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


@checks_arguments()
@dataclass(frozen=True, slots=True)
class Tenant:
    """A directory of users and apps."""

    id: str
    domain: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret and the moment it ends, unix seconds."""

    value: str = field(repr=False)
    expires_at: float | None = None


@checks_arguments()
@dataclass(eq=False, slots=True)
class App:
    """An application: client, resource, or both.

    Attributes:
        name: Name in the emulator.
        client_id: Application (client) id.
        tenant: Where it is registered.
        app_id_uri: Its identifier as a resource.
        scopes: Delegated permissions that it exposes.
        roles: App roles that it exposes.
        token_version: Version of the tokens it accepts (``accessTokenAcceptedVersion``).
        multi_tenant: Whether every tenant knows it.
        public: Whether it has no credential.
        identifier_uris: More identifiers as a resource.
        known_clients: Client ids whose consent covers this API's own permissions
            (``knownClientApplications``).
        permissions: Client id of a resource -> delegated permissions that this app declares.
        secrets: Valid and expired client secrets.
        certificates: Registered certificates in DER form.
        federated_credentials: Whose assertions it accepts besides.
        id_type_claim: Whether its app tokens carry the optional claim ``idtyp``.
        redirect_uris: Where sign-ins may lead back to.
        admin_scopes: The scopes that only an administrator may consent to.
    """

    name: str
    client_id: str
    tenant: Tenant
    app_id_uri: str
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    token_version: TokenVersion = 2
    multi_tenant: bool = False
    public: bool = False
    identifier_uris: tuple[str, ...] = ()
    known_clients: frozenset[str] = frozenset()
    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list, repr=False)
    certificates: list[bytes] = field(default_factory=list, repr=False)
    federated_credentials: list[FederatedCredential] = field(default_factory=list)
    id_type_claim: bool = True
    redirect_uris: list[RedirectUri] = field(default_factory=list)
    admin_scopes: frozenset[str] = frozenset()

    @property
    def client_secret(self) -> str:
        """The newest secret.

        Raises:
            InvalidCallError: The app has none.
        """
        if not self.secrets:
            raise InvalidCallError(f"App {self.name!r} has no client secret.")
        return self.secrets[-1].value

    @property
    def default_scope(self) -> str:
        """What a client asks for to get everything it was granted: ``{app id URI}/.default``."""
        return f"{self.app_id_uri}/.default"

    def scope(self, name: str) -> str:
        """The full form of one exposed scope."""
        return f"{self.app_id_uri}/{name}"

    def service_principal(self, tenant_id: str) -> str:
        """Object id of this app in a tenant."""
        return stable_id("service principal", tenant_id, self.client_id)


@checks_arguments()
@dataclass(frozen=True, slots=True)
class User:
    """A person with one account, maybe a guest elsewhere.

    Attributes:
        name: Name in the emulator; also the display name.
        upn: User principal name.
        oid: Object id at home.
        tid: Tenant at home.
        guest_in: Tenant id -> object id there.
        password: For the password grant; throw-away.
        asks_password: Whether the sign-in page asks for the password, too.
        admin: Whether they may consent for everybody.
    """

    name: str
    upn: str
    oid: str
    tid: str
    guest_in: Mapping[str, str] = field(default_factory=dict)
    password: str = field(default="", repr=False)
    asks_password: bool = False
    admin: bool = False

    @property
    def personal(self) -> bool:
        """Whether it is a personal account, of no organization."""
        return self.tid == CONSUMERS_TENANT

    def object_id(self, tenant_id: str) -> str | None:
        """Object id in a tenant, None where the user is a stranger."""
        return self.oid if tenant_id == self.tid else self.guest_in.get(tenant_id)


@dataclass(frozen=True, slots=True)
class _Grant:
    client: str
    resource: str
    tenant_id: str
    user: str | None = None


class Directory:
    """Everything that the emulator knows of people and programs."""

    def __init__(self) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.apps: dict[str, App] = {}
        self.users: dict[str, User] = {}
        self._by_object: dict[tuple[str, str], User] = {}
        self._by_uri: dict[str, App] = {}
        self._consents: dict[_Grant, set[str]] = {}
        self._roles: dict[_Grant, set[str]] = {}
        self._user_roles: dict[tuple[str, str], set[str]] = {}

    def add_tenant(self, tenant: Tenant) -> Tenant:
        """Let a tenant exist."""
        self.tenants[tenant.id] = tenant
        return tenant

    def add_app(self, app: App) -> App:
        """Register an app.

        Raises:
            InvalidCallError: Its client id or one of its URIs is taken.
        """
        uris = (app.client_id, f"api://{app.client_id}", app.app_id_uri, *app.identifier_uris)
        for uri in uris:
            if uri in self._by_uri:
                raise InvalidCallError(f"{uri!r} is the identifier of another app.")
        self.apps[app.client_id] = app
        self._by_uri.update(dict.fromkeys(uris, app))
        return app

    def add_user(self, user: User) -> User:
        """Let a user exist.

        Raises:
            InvalidCallError: The user principal name is taken.
        """
        if user.upn in self.users:
            raise InvalidCallError("A user of that name exists already.")
        self.users[user.upn] = user
        for tenant_id, oid in ((user.tid, user.oid), *user.guest_in.items()):
            self._by_object[tenant_id, oid] = user
        return user

    def knows(self, thing: Tenant | App | User) -> bool:
        """Whether it was added here, and not to the directory of another emulator."""
        if isinstance(thing, App):
            return self.apps.get(thing.client_id) is thing
        if isinstance(thing, User):
            return self.users.get(thing.upn) == thing
        return self.tenants.get(thing.id) == thing

    def find_tenant(self, segment: str) -> Tenant | None:
        """The tenant that a URL's segment names, by id or domain."""
        wanted = segment.lower()
        found = self.tenants.get(wanted)
        return found or next((t for t in self.tenants.values() if t.domain == wanted), None)

    def find_app(self, client_id: str, tenant_id: str) -> App | None:
        """The app as far as a tenant knows it."""
        return _known_in(self.apps.get(client_id), tenant_id)

    def find_resource(self, uri: str, tenant_id: str) -> App | None:
        """The app that an identifier URI or client id names, as far as a tenant knows it."""
        app = self._by_uri.get(uri) or self._by_uri.get(uri.rstrip("/"))
        return _known_in(app, tenant_id)

    def find_user(self, tenant_id: object, oid: object) -> User | None:
        """The user behind an object id."""
        return self._by_object.get((str(tenant_id), str(oid)))

    def consent(
        self, client: App, resource: App, scopes: Iterable[str], *, tenant_id: str, oid: str | None
    ) -> None:
        """Record a consent; without *oid* an administrator's, for everyone in the tenant."""
        wanted = tuple(scopes)
        _refuse_unknown(resource, "scope", wanted, resource.scopes)
        grant = _Grant(client.client_id, resource.client_id, tenant_id, oid)
        self._consents.setdefault(grant, set()).update(wanted)
        for onward, names in self.covered(client, resource):
            self.consent(resource, onward, names, tenant_id=tenant_id, oid=oid)

    def covered(self, client: App, resource: App) -> list[tuple[App, tuple[str, ...]]]:
        """What a consent to *resource* covers beyond it: permissions of a known client's API."""
        if client.client_id not in resource.known_clients:
            return []
        return [(self.apps[name], scopes) for name, scopes in resource.permissions.items()]

    def revoke(
        self, client: App, resource: App, scopes: Iterable[str], *, tenant_id: str, oid: str | None
    ) -> None:
        """Take a consent back; without *scopes* all of it."""
        grant = _Grant(client.client_id, resource.client_id, tenant_id, oid)
        gone = set(scopes) or set(resource.scopes)
        self._consents[grant] = self._consents.get(grant, set()) - gone

    def consented(self, client: App, resource: App, *, tenant_id: str, oid: str) -> set[str]:
        """The scopes that a user or an administrator consented to."""
        of_all = _Grant(client.client_id, resource.client_id, tenant_id)
        of_user = _Grant(client.client_id, resource.client_id, tenant_id, oid)
        return self._consents.get(of_all, set()) | self._consents.get(of_user, set())

    def assign(self, client: App, resource: App, roles: Iterable[str], *, tenant_id: str) -> None:
        """Assign app roles to a client."""
        wanted = tuple(roles)
        _refuse_unknown(resource, "role", wanted, resource.roles)
        grant = _Grant(client.client_id, resource.client_id, tenant_id)
        self._roles.setdefault(grant, set()).update(wanted)

    def assign_user(self, oid: str, resource: App, roles: Iterable[str]) -> None:
        """Assign app roles to a user."""
        wanted = tuple(roles)
        _refuse_unknown(resource, "role", wanted, resource.roles)
        self._user_roles.setdefault((oid, resource.client_id), set()).update(wanted)

    def app_roles(self, client: App, resource: App, *, tenant_id: str) -> list[str]:
        """The roles of a client at a resource."""
        grant = _Grant(client.client_id, resource.client_id, tenant_id)
        return sorted(self._roles.get(grant, ()))

    def user_roles(self, oid: str, resource: App) -> list[str]:
        """The roles of a user at a resource."""
        return sorted(self._user_roles.get((oid, resource.client_id), ()))


def _known_in(app: App | None, tenant_id: str) -> App | None:
    if app is None or not (app.multi_tenant or app.tenant.id == tenant_id):
        return None
    return app


def _refuse_unknown(app: App, kind: str, wanted: Iterable[str], known: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in known:
            raise InvalidCallError(f"App {app.name!r} exposes no {kind} {name!r}.")
