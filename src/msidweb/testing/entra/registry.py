"""Who exists in an emulator, and what they agreed to: the half of its controls that sets up."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from msidweb.errors import InvalidCallError
from msidweb.testing._arguments import checks_arguments

from .directory import (
    CONSUMERS_TENANT,
    GRAPH_CLIENT_ID,
    GRAPH_URI,
    App,
    Directory,
    Secret,
    Tenant,
    TokenVersion,
    User,
    stable_id,
)
from .federation import EXCHANGE_AUDIENCE, FederatedCredential, FederatedIssuer
from .keys import SigningKey, der_of
from .redirects import Platform, RedirectUri

_GRAPH_SCOPES = ("User.Read", "User.ReadBasic.All", "User.Read.All", "Mail.Read", "Calendars.Read")
_GRAPH_ROLES = ("User.Read.All", "Mail.Read", "Directory.Read.All")


def refuse_strangers(registry: Registry, argument: str, part: object) -> None:
    """Return unless *part* is a tenant, an app or a user of another emulator.

    Raises:
        InvalidCallError: ``invalid_argument``: it is.
    """
    if isinstance(part, Tenant | App | User):
        known = registry._directory  # noqa: SLF001 - one check for all that the registry adds
        if not known.knows(part):
            kind = type(part).__name__
            raise InvalidCallError(
                f"{argument} takes {kind} of this emulator, not of another.",
                code="invalid_argument",
            )


@checks_arguments(also=refuse_strangers)
class Registry:
    """Adds tenants, apps, users, credentials, consents and roles.

    Attributes:
        tenant: The first tenant, where apps and users are unless told otherwise.
        graph: Microsoft Graph, a resource of every tenant.
        consumers: The tenant of personal accounts.
        public_client: A client without a secret, known in every tenant.
    """

    def __init__(self, tenant: str) -> None:
        self._directory = Directory()
        self.tenant = self.add_tenant(tenant)
        self.consumers = self._directory.add_tenant(Tenant(CONSUMERS_TENANT, "live.com"))
        self.graph = self._directory.add_app(_graph(self.tenant))
        self.public_client = self.add_app(
            "public-client",
            public=True,
            multi_tenant=True,
            redirect_uris={"public": ["http://localhost"]},
        )

    def add_tenant(self, name: str) -> Tenant:
        """A tenant with the domain ``{name}.onmicrosoft.com``."""
        tenant = Tenant(stable_id("tenant", name), f"{name.lower()}.onmicrosoft.com")
        return self._directory.add_tenant(tenant)

    def add_app(
        self,
        name: str,
        *,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
        tenant: Tenant | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        app_id_uri: str | None = None,
        identifier_uris: Iterable[str] = (),
        token_version: TokenVersion = 2,
        multi_tenant: bool = False,
        public: bool = False,
        known_clients: Iterable[App] = (),
        permissions: Mapping[App, Iterable[str]] | None = None,
        id_type_claim: bool = True,
        redirect_uris: Mapping[Platform, Iterable[str]] | None = None,
        admin_scopes: Iterable[str] = (),
    ) -> App:
        """An application; :class:`App` says what its members mean.

        ``redirect_uris`` are given by platform: ``web``, ``spa`` or ``public``.

        Raises:
            InvalidCallError: Its client id or a URI is taken, or a redirect URI is none.
        """
        home = tenant or self.tenant
        client_id = client_id or stable_id("app", home.id, name)
        secret = client_secret or secrets.token_urlsafe(30)
        return self._directory.add_app(
            App(
                name=name,
                client_id=client_id,
                tenant=home,
                app_id_uri=app_id_uri or f"api://{client_id}",
                scopes=tuple(scopes),
                roles=tuple(roles),
                token_version=token_version,
                multi_tenant=multi_tenant,
                public=public,
                identifier_uris=tuple(identifier_uris),
                known_clients=frozenset(app.client_id for app in known_clients),
                permissions={
                    app.client_id: tuple(names) for app, names in (permissions or {}).items()
                },
                secrets=[] if public else [Secret(secret)],
                id_type_claim=id_type_claim,
                redirect_uris=[
                    RedirectUri.registered(uri, platform)
                    for platform, uris in (redirect_uris or {}).items()
                    for uri in uris
                ],
                admin_scopes=frozenset(admin_scopes),
            )
        )

    def add_redirect_uri(self, app: App, uri: str, *, platform: Platform) -> None:
        """One more place where sign-ins of an app may lead back to.

        Raises:
            InvalidCallError: No such platform, or Entra ID would not let the URI be registered.
        """
        app.redirect_uris.append(RedirectUri.registered(uri, platform))

    def add_user(
        self,
        name: str,
        *,
        tenant: Tenant | None = None,
        guest_in: Iterable[Tenant] = (),
        password: str | None = None,
        admin: bool = False,
    ) -> User:
        """A user ``{name}@{domain}``, who may be a guest of other tenants.

        Args:
            name: Display name, and the first part of the user principal name.
            tenant: Home; ``consumers`` makes it a personal account.
            guest_in: Where they are a guest.
            password: The sign-in page asks for it; without it a click signs in.
            admin: Whether they may consent for everybody.
        """
        home = tenant or self.tenant
        guest = {other.id: stable_id("guest", other.id, home.id, name) for other in guest_in}
        return self._directory.add_user(
            User(
                name=name,
                upn=f"{name.lower()}@{home.domain}",
                oid=stable_id("user", home.id, name),
                tid=home.id,
                guest_in=guest,
                password=password or secrets.token_urlsafe(12),
                asks_password=password is not None,
                admin=admin,
            )
        )

    def add_secret(self, app: App, *, expires_at: float | None = None) -> str:
        """One more client secret; ``app.client_secret`` is the newest."""
        app.secrets.append(Secret(secrets.token_urlsafe(30), expires_at))
        return app.client_secret

    def remove_secrets(self, app: App) -> None:
        """Take all client secrets away: any of them is wrong from now on."""
        app.secrets.clear()

    def add_certificate(self, app: App) -> SigningKey:
        """A new key with its certificate registered on the app, to sign client assertions with."""
        key = SigningKey.generate(common_name=app.name)
        app.certificates.append(key.certificate)
        return key

    def register_certificate(self, app: App, certificate: str | bytes) -> None:
        """Register a certificate of your own on the app: PEM or DER, without its key.

        Raises:
            InvalidCallError: It is no certificate.
        """
        app.certificates.append(der_of(certificate))

    def remove_certificate(self, app: App, certificate: str | bytes | SigningKey) -> None:
        """Take a certificate away: what it signs answers 700027 from now on.

        Raises:
            InvalidCallError: The app has no such certificate.
        """
        given = certificate.certificate if isinstance(certificate, SigningKey) else certificate
        der = der_of(given)
        if der not in app.certificates:
            raise InvalidCallError(f"App {app.name!r} has no such certificate.")
        app.certificates.remove(der)

    def add_federated_credential(
        self,
        app: App,
        issuer: FederatedIssuer,
        *,
        subject: str,
        audience: str = EXCHANGE_AUDIENCE,
    ) -> None:
        """Let assertions of *issuer* about *subject* prove who the app is."""
        app.federated_credentials.append(FederatedCredential(issuer, subject, audience))

    def consent(
        self,
        *,
        client: App,
        resource: App,
        scopes: Iterable[str] | None = None,
        user: User | None = None,
        tenant: Tenant | None = None,
    ) -> None:
        """Let a user, or without one an administrator for everybody, consent.

        Args:
            client: Who may ask.
            resource: For what.
            scopes: Which permissions; all that the resource exposes unless given.
            user: Who consents.
            tenant: Where; the user's home, else the first tenant.

        Raises:
            InvalidCallError: The resource exposes no such scope.
        """
        names = resource.scopes if scopes is None else scopes
        tenant_id, oid = self._place(user, tenant)
        self._directory.consent(client, resource, names, tenant_id=tenant_id, oid=oid)

    def revoke_consent(
        self,
        *,
        client: App,
        resource: App,
        scopes: Iterable[str] = (),
        user: User | None = None,
        tenant: Tenant | None = None,
    ) -> None:
        """Take back what :meth:`consent` gave with the same arguments; all scopes unless given."""
        tenant_id, oid = self._place(user, tenant)
        self._directory.revoke(client, resource, scopes, tenant_id=tenant_id, oid=oid)

    def assign(
        self,
        *,
        resource: App,
        roles: Iterable[str],
        client: App | None = None,
        user: User | None = None,
        tenant: Tenant | None = None,
    ) -> None:
        """Assign app roles of a resource to a client or to a user.

        Raises:
            InvalidCallError: The resource exposes no such role, or nobody is named.
        """
        tenant_id, oid = self._place(user, tenant)
        if client is not None:
            self._directory.assign(client, resource, roles, tenant_id=tenant_id)
        elif oid is not None:
            self._directory.assign_user(oid, resource, roles)
        else:
            raise InvalidCallError("Roles are assigned to a client or to a user; name one.")

    def _place(self, user: User | None, tenant: Tenant | None) -> tuple[str, str | None]:
        tenant_id = tenant.id if tenant else user.tid if user else self.tenant.id
        return tenant_id, user.object_id(tenant_id) if user else None


def _graph(tenant: Tenant) -> App:
    return App(
        name="Microsoft Graph",
        client_id=GRAPH_CLIENT_ID,
        tenant=tenant,
        app_id_uri=GRAPH_URI,
        scopes=_GRAPH_SCOPES,
        roles=_GRAPH_ROLES,
        admin_scopes=frozenset({"User.Read.All"}),
        token_version=1,
        multi_tenant=True,
    )
