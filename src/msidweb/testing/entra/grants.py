"""The token endpoint: which grant leads to which token, and what is refused first.

The order of refusals: malformed request, tenant, client, its proof; then for on-behalf-of the
assertion (50013, 500133, 7000114), the scope (70011, 500011, 650053), consent (65001), the session
(50173) and conditional access (50076).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from msidweb.clock import Clock

from .clients import authenticate
from .directory import SHARED_TENANTS, App, Directory, Tenant
from .errors import RefusalError
from .metadata import Address
from .policies import ClaimsRequest, Policies
from .scopes import DEFAULT, WantedScopes
from .tokens import Claims, Subject, TokenFactory, client_info, moment

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class _RefreshGrant:
    client_id: str
    subject: Subject
    issued_at: float


@dataclass(frozen=True, slots=True)
class _Request:
    form: Mapping[str, str]
    client: App
    segment: str
    tenant: Tenant

    def need(self, name: str) -> str:
        value = self.form.get(name)
        if not value:
            raise RefusalError(900144, f"The request body must contain the parameter '{name}'.")
        return value


class TokenEndpoint:
    """Answers token requests, or raises the refusal."""

    def __init__(
        self,
        directory: Directory,
        factory: TokenFactory,
        policies: Policies,
        address: Address,
        *,
        clock: Clock,
        home: Tenant,
    ) -> None:
        self._directory = directory
        self._factory = factory
        self._policies = policies
        self._address = address
        self._clock = clock
        self._home = home
        self._refresh_grants: dict[str, _RefreshGrant] = {}
        #: Whether ``scope`` of an answer repeats ``openid profile email``: Entra ID does both.
        self.repeat_openid_scopes = False
        self._grants: Mapping[str, Callable[[_Request], Claims]] = {
            ON_BEHALF_OF: self._on_behalf_of,
            "client_credentials": self._client_credentials,
            "refresh_token": self._refresh_token,
            "password": self._password,
        }

    def answer(self, segment: str, form: Mapping[str, str]) -> Claims:
        """The body of a good answer."""
        if not form.get("grant_type"):
            raise RefusalError(900144, "The request body must contain the parameter 'grant_type'.")
        tenant = self._tenant(segment, form)
        client = authenticate(
            form,
            self._directory,
            tenant,
            audiences=self._audiences(segment, tenant),
            now=self._clock.time(),
        )
        grant = self._grants.get(form["grant_type"])
        if grant is None:
            raise RefusalError(70003)
        return grant(_Request(form, client, segment, tenant))

    def concerns(self, form: Mapping[str, str]) -> str | None:
        """Object id of the user whom a token request is about; for faults that are for one user."""
        refresh = self._refresh_grants.get(form.get("refresh_token", ""))
        if refresh is not None:
            return refresh.subject.user.oid
        user = self._directory.users.get(form.get("username", ""))
        if user is None:
            claims = self._factory.recognize(form.get("assertion", "")) or {}
            user = self._directory.find_user(claims.get("tid"), claims.get("oid"))
        return user.oid if user else None

    def _tenant(self, segment: str, form: Mapping[str, str]) -> Tenant:
        tenant = self._directory.find_tenant(segment)
        if tenant is not None:
            return tenant
        if segment not in SHARED_TENANTS:
            raise RefusalError(90002, f"Tenant '{segment}' not found.")
        claims = self._factory.recognize(form.get("assertion", "")) or {}
        user = self._directory.users.get(form.get("username", ""))
        refresh = self._refresh_grants.get(form.get("refresh_token", ""))
        named = claims.get("tid") or (user and user.tid) or (refresh and refresh.subject.tenant_id)
        return self._directory.find_tenant(str(named)) or self._home

    def _audiences(self, segment: str, tenant: Tenant) -> set[str]:
        names = {segment, tenant.id}
        ends = ("/oauth2/v2.0/token", "/v2.0")
        return {f"{self._address.base_url}/{name}{end}" for name in names for end in ends}

    def _client_credentials(self, request: _Request) -> Claims:
        scopes = request.need("scope").split()
        if len(scopes) != 1 or not scopes[0].endswith(f"/{DEFAULT}"):
            raise RefusalError(1002012)
        if request.segment in SHARED_TENANTS:
            raise RefusalError(9002313, "Client credentials need a tenant id or domain.")
        wanted = self._wanted(request)
        token = self._factory.app_token(request.client, wanted.target, tenant_id=request.tenant.id)
        return self._body(token)

    def _on_behalf_of(self, request: _Request) -> Claims:
        if request.need("requested_token_use") != "on_behalf_of":
            raise RefusalError(9002313, "'requested_token_use' must be 'on_behalf_of'.")
        claims = self._assertion(request)
        user = self._directory.find_user(claims.get("tid"), claims.get("oid"))
        if user is None or user.object_id(request.tenant.id) is None:
            raise RefusalError(90072)
        methods, contexts = claims.get("amr"), claims.get("acrs")
        subject = Subject(
            user,
            request.tenant.id,
            mfa=isinstance(methods, list) and "mfa" in methods,
            authentication_contexts=tuple(contexts) if isinstance(contexts, list) else (),
        )
        return self._delegate(request, subject, signed_in_at=moment(claims, "iat"))

    def _assertion(self, request: _Request) -> Claims:
        claims = self._factory.recognize(request.need("assertion"))
        client_id = request.client.client_id
        uris = {client_id, f"api://{client_id}", request.client.app_id_uri}
        if claims is None or str(claims.get("aud")) not in uris | set(
            request.client.identifier_uris
        ):
            raise RefusalError(50013)
        if not moment(claims, "nbf") <= self._clock.time() < moment(claims, "exp"):
            raise RefusalError(500133)
        if not claims.get("scp"):
            raise RefusalError(7000114)
        return claims

    def _refresh_token(self, request: _Request) -> Claims:
        grant = self._refresh_grants.get(request.need("refresh_token"))
        if grant is None or grant.client_id != request.client.client_id:
            raise RefusalError(70000)
        if self._clock.time() >= grant.issued_at + self._factory.lifetimes.refresh_token:
            raise RefusalError(700082)
        if grant.subject.user.object_id(request.tenant.id) is None:
            raise RefusalError(90072)
        subject = replace(grant.subject, tenant_id=request.tenant.id)
        return self._delegate(request, subject, signed_in_at=grant.issued_at)

    def _password(self, request: _Request) -> Claims:
        user = self._directory.users.get(request.need("username"))
        if user is None or user.object_id(request.tenant.id) is None:
            raise RefusalError(50034)
        if not hmac.compare_digest(user.password.encode(), request.need("password").encode()):
            raise RefusalError(50126)
        now = self._clock.time()
        return self._delegate(request, Subject(user, request.tenant.id), signed_in_at=now)

    def _delegate(self, request: _Request, subject: Subject, *, signed_in_at: float) -> Claims:
        wanted = self._wanted(request)
        requested = ClaimsRequest.parse(request.form.get("claims"))
        resource = wanted.target.resource
        consented = self._directory.consented(
            request.client, resource, tenant_id=subject.tenant_id, oid=subject.oid
        )
        granted = wanted.grant(consented)
        self._policies.check(subject, resource, requested, signed_in_at=signed_in_at)
        body = self._body(
            self._factory.user_token(
                subject,
                wanted.target,
                granted,
                client=request.client,
                capabilities=requested.values("xms_cc"),
            )
        )
        body["scope"] = wanted.echo(granted, with_openid=self.repeat_openid_scopes)
        if "openid" in wanted.openid:
            body["id_token"] = self._factory.id_token(subject, request.client)
        if "offline_access" in wanted.openid:
            body["refresh_token"] = self._new_refresh_token(request.client, subject, signed_in_at)
        body["client_info"] = client_info(subject.user)
        return body

    def _wanted(self, request: _Request) -> WantedScopes:
        scope = request.need("scope")
        return WantedScopes.parse(scope, self._directory, tenant_id=request.tenant.id)

    def _new_refresh_token(self, client: App, subject: Subject, issued_at: float) -> str:
        token = f"1.{secrets.token_urlsafe(48)}"
        self._refresh_grants[token] = _RefreshGrant(client.client_id, subject, issued_at)
        return token

    def _body(self, token: str) -> Claims:
        lifetimes = self._factory.lifetimes
        extended = lifetimes.ext_expires_in
        body: Claims = {
            "token_type": "Bearer",
            "expires_in": int(lifetimes.expires_in),
            "ext_expires_in": int(lifetimes.expires_in if extended is None else extended),
            "access_token": token,
        }
        if lifetimes.refresh_in is not None:
            body["refresh_in"] = int(lifetimes.refresh_in)
        return body
