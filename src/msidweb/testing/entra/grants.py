"""The token endpoint: which grant leads to which token, and what is refused first.

The order of refusals: malformed request, tenant, client, its proof; then for on-behalf-of the
assertion (50013, 500133, 7000114), the scope (70011, 500011, 650053), consent (65001), the session
(50173) and conditional access (50076).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from msidweb.clock import Clock

from .clients import authenticate
from .codes import AuthorizationCodes
from .devices import DEVICE_CODE, Devices
from .directory import SHARED_TENANTS, App, Directory, Tenant
from .errors import RefusalError
from .metadata import Address
from .policies import ClaimsRequest, Policies
from .refresh import RefreshTokens, SignedIn
from .scopes import DEFAULT, WantedScopes
from .tokens import Claims, Subject, TokenFactory, client_info, moment

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class _Request:
    form: Mapping[str, str]
    client: App
    segment: str
    tenant: Tenant
    origin: str = ""

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
        refresh_tokens: RefreshTokens,
        codes: AuthorizationCodes,
        devices: Devices,
        clock: Clock,
        home: Tenant,
    ) -> None:
        self._directory = directory
        self._factory = factory
        self._policies = policies
        self._address = address
        self._clock = clock
        self._home = home
        self._refresh_tokens = refresh_tokens
        self._codes = codes
        self._devices = devices
        #: Whether ``scope`` of an answer repeats ``openid profile email``: Entra ID does both.
        self.repeat_openid_scopes = False
        self._grants: Mapping[str, Callable[[_Request], Claims]] = {
            ON_BEHALF_OF: self._on_behalf_of,
            "client_credentials": self._client_credentials,
            "authorization_code": self._authorization_code,
            DEVICE_CODE: self._device_code,
            "refresh_token": self._refresh_token,
            "password": self._password,
        }

    def answer(self, segment: str, form: Mapping[str, str], *, origin: str = "") -> Claims:
        """The body of a good answer; *origin* is the ``Origin`` of a browser's request."""
        if not form.get("grant_type"):
            raise RefusalError(900144, "The request body must contain the parameter 'grant_type'.")
        tenant = self._tenant(segment, form)
        client = self._client(segment, tenant, form)
        grant = self._grants.get(form["grant_type"])
        # Azure AD B2C does not know on-behalf-of.
        if grant is None or (self._address.policy and form["grant_type"] == ON_BEHALF_OF):
            raise RefusalError(70003)
        return grant(_Request(form, client, segment, tenant, origin))

    def concerns(self, form: Mapping[str, str]) -> str | None:
        """Object id of the user whom a token request is about; for faults that are for one user."""
        signed_in = self._signed_in(form)
        if signed_in is not None:
            return signed_in.subject.user.oid
        user = self._directory.users.get(form.get("username", ""))
        if user is None:
            claims = self._factory.recognize(form.get("assertion", "")) or {}
            user = self._directory.find_user(claims.get("tid"), claims.get("oid"))
        return user.oid if user else None

    def _signed_in(self, form: Mapping[str, str]) -> SignedIn | None:
        refresh = self._refresh_tokens.find(form.get("refresh_token", ""))
        code = self._codes.find(form.get("code", ""))
        device = self._devices.find(form.get("device_code", ""))
        if refresh is not None:
            return refresh.signed_in
        return code.signed_in if code else device.signed_in if device else None

    def _tenant(self, segment: str, form: Mapping[str, str]) -> Tenant:
        tenant = self._directory.find_tenant(segment)
        if tenant is not None:
            return tenant
        if segment not in SHARED_TENANTS:
            raise RefusalError(90002, f"Tenant '{segment}' not found.")
        claims = self._factory.recognize(form.get("assertion", "")) or {}
        user = self._directory.users.get(form.get("username", ""))
        signed_in = self._signed_in(form)
        named = (
            claims.get("tid") or (user and user.tid) or (signed_in and signed_in.subject.tenant_id)
        )
        return self._directory.find_tenant(str(named)) or self._home

    def _client(self, segment: str, tenant: Tenant, form: Mapping[str, str]) -> App:
        signed_in = self._signed_in(form)
        proof = form.get("client_secret") or form.get("client_assertion")
        if signed_in is not None and signed_in.platform in {"spa", "public"} and not proof:
            # The redirect URI's platform decides, also for an app that has a secret as well.
            client = self._directory.find_app(form.get("client_id", ""), tenant.id)
            if client is not None:
                return client
        return authenticate(
            form,
            self._directory,
            tenant,
            audiences=self._audiences(segment, tenant),
            now=self._clock.time(),
        )

    def _audiences(self, segment: str, tenant: Tenant) -> set[str]:
        names = {segment, tenant.id}
        ends = ("/oauth2/v2.0/token", "/v2.0")
        return {f"{self._address.of_tenant(name)}{end}" for name in names for end in ends}

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
        return self._delegate(request, SignedIn(subject, moment(claims, "iat")))

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
        if self._refresh_tokens.is_revoked(str(claims.get("sid"))):
            raise RefusalError(50173)
        return claims

    def _authorization_code(self, request: _Request) -> Claims:
        signed_in = self._codes.redeem(
            request.need("code"),
            request.client,
            request.form,
            tenant_id=request.tenant.id,
            origin=request.origin,
        )
        return self._delegate(request, signed_in)

    def _device_code(self, request: _Request) -> Claims:
        signed_in = self._devices.redeem(
            request.need("device_code"), request.client, tenant_id=request.tenant.id
        )
        return self._delegate(request, signed_in)

    def _refresh_token(self, request: _Request) -> Claims:
        grant = self._refresh_tokens.find(request.need("refresh_token"))
        if grant is None or grant.client_id != request.client.client_id:
            raise RefusalError(70000)
        if self._refresh_tokens.is_revoked(grant.signed_in.family):
            raise RefusalError(50173)
        grant.signed_in.check_origin(request.origin)
        grant.check_age(self._factory.lifetimes, self._clock.time())
        if grant.signed_in.subject.user.object_id(request.tenant.id) is None:
            raise RefusalError(90072)
        subject = replace(grant.signed_in.subject, tenant_id=request.tenant.id)
        return self._delegate(request, replace(grant.signed_in, subject=subject, nonce=None))

    def _password(self, request: _Request) -> Claims:
        user = self._directory.users.get(request.need("username"))
        if user is None or user.object_id(request.tenant.id) is None:
            raise RefusalError(50034)
        if not hmac.compare_digest(user.password.encode(), request.need("password").encode()):
            raise RefusalError(50126)
        return self._delegate(
            request, SignedIn(Subject(user, request.tenant.id), self._clock.time())
        )

    def _delegate(self, request: _Request, signed_in: SignedIn) -> Claims:
        subject = signed_in.subject
        wanted = self._wanted(request, signed_in)
        requested = ClaimsRequest.parse(request.form.get("claims"))
        resource = wanted.target.resource
        consented = self._directory.consented(
            request.client, resource, tenant_id=subject.tenant_id, oid=subject.oid
        )
        granted = wanted.grant(consented)
        self._policies.check(
            subject, resource, requested, client=request.client, signed_in_at=signed_in.at
        )
        body = self._body(
            self._factory.user_token(
                subject,
                wanted.target,
                granted,
                client=request.client,
                capabilities=requested.values("xms_cc"),
                overrides={"sid": signed_in.family or None},
            )
        )
        body["scope"] = wanted.echo(granted, with_openid=self.repeat_openid_scopes)
        if "openid" in wanted.openid:
            body["id_token"] = self._factory.id_token(
                subject, request.client, nonce=signed_in.nonce
            )
        if "offline_access" in wanted.openid:
            body["refresh_token"] = self._refresh_tokens.issue(request.client.client_id, signed_in)
        body["client_info"] = client_info(subject.user, policy=self._address.policy)
        return body

    def _wanted(self, request: _Request, signed_in: SignedIn | None = None) -> WantedScopes:
        asked, before = request.form.get("scope"), signed_in.scope if signed_in else ""
        tenant_id = request.tenant.id
        if before and not asked:
            # Several resources may have been consented to at once; the token is for the first.
            return WantedScopes.parse_all(before, self._directory, tenant_id=tenant_id)[0]
        return WantedScopes.parse(
            request.need("scope"),
            self._directory,
            tenant_id=tenant_id,
            openid_alone=bool(before),
        )

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
